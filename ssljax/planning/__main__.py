"""One plan in a process of its own: `python -m ssljax.planning`, a request in, an answer out.

The compiler of another platform must be there before JAX is, with variables of its own, and it
must not disturb what else a process does. The request is JSON on standard input; the answer is one
line of JSON on standard output: {"plans": [...]}, or {"error": ...} for what the user can mend.
"""

import json
import sys
from typing import Any

from ml_collections import ConfigDict

from ssljax.errors import UserError, how_to_install
from ssljax.planning.fit import Settings, search
from ssljax.planning.plan import Plan, make_plan, to_json
from ssljax.planning.spec import spec_of
from ssljax.planning.topologies import parse
from ssljax.training.config import complete, from_json


def answer(request: dict[str, Any]) -> list[Plan]:
    """Return the plan that is asked for, after those of the settings tried before, if any."""
    config, topology = from_json(request["config"]), parse(request["topology"])
    examples = config.steps * config.batch_size
    if request["batch_per_chip"]:
        config.batch_size = request["batch_per_chip"] * topology.size
    spec = spec_of(config, request["spec"])
    devices = topology.devices()

    def plan(settings: Settings) -> Plan:
        changed = with_settings(config, settings)
        return make_plan(
            changed,
            spec,
            topology,
            devices=devices,
            examples=examples,
            settings=settings,
            quick=request["quick"],
        )

    first = plan({})
    return search(config, first, plan) if request["fit"] else [first]


def with_settings(config: ConfigDict, settings: Settings) -> ConfigDict:
    """Return a copy of a complete config with some keys changed."""
    changed = ConfigDict(config.to_dict())
    for key, value in settings.items():
        *sections, field = key.split(".")
        section = changed
        for name in sections:
            section = section[name]
        section[field] = value
    return complete(changed)


def main() -> int:
    """Answer one request."""
    try:
        plans = answer(json.load(sys.stdin))
    except UserError as error:
        print(json.dumps({"error": str(error)}))
        return 2
    except RuntimeError as error:
        if "cuDNN" not in str(error):
            raise
        how = how_to_install("plan-gpu")
        print(
            json.dumps({"error": f"GPUs' attention needs cuDNN ({error}); install it with: {how}"})
        )
        return 2
    print(json.dumps({"plans": [to_json(plan) for plan in plans]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
