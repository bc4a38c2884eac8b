"""Plans: the train step compiled ahead of time for hardware that one does not have.

An optional part, of which nothing else of ssljax knows but the command `ssljax plan`. CPUs need
nothing more than JAX; compilers of other hardware and plots come with the extras "plan-tpu",
"plan-gpu" and "plan", and where one is missing, the error says which to install.
"""

from ssljax.planning.plan import Plan, to_json
from ssljax.planning.plot import require_plottable, write_plot
from ssljax.planning.request import request_plans
from ssljax.planning.text import describe, table, trials
from ssljax.planning.topologies import Topology, parse

__all__ = [
    "Plan",
    "Topology",
    "describe",
    "parse",
    "request_plans",
    "require_plottable",
    "table",
    "to_json",
    "trials",
    "write_plot",
]
