"""Plans: the train step compiled ahead of time for hardware that one does not have."""

from ssljax.planning.plan import Plan, to_json
from ssljax.planning.plot import scaling_plot
from ssljax.planning.report import describe, table, trials
from ssljax.planning.request import request_plans
from ssljax.planning.topologies import Topology, parse

__all__ = [
    "Plan",
    "Topology",
    "describe",
    "parse",
    "request_plans",
    "scaling_plot",
    "table",
    "to_json",
    "trials",
]
