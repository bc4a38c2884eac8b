"""Asks for a plan in a process of its own, which has the compiler of another platform."""

import json
import os
import re
import subprocess
import sys

from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.planning.plan import Plan, from_json
from ssljax.planning.topologies import Topology
from ssljax.training.config import to_json

LINES_OF_A_CRASH = 30


def request_plans(
    config: ConfigDict,
    topology: Topology,
    *,
    spec: str = "",
    batch_per_chip: int = 0,
    fit: bool = False,
    quick: bool = False,
) -> list[Plan]:
    """Return the plan of a config on a topology, the last of the list.

    Args:
      config: complete.
      topology: to compile for.
      spec: what the data are like, see `spec_of`; "" to look it up.
      batch_per_chip: examples, instead of the config's batch size; 0: the config's.
      fit: whether to try settings until the step fits; the list then begins with those tried.
      quick: whether TPUs' compiler makes its least effort, see `compile_step`.

    Raises:
      UserError: whatever the user can mend.
      RuntimeError: the process failed, with the end of what it printed.
    """
    topology.require_compiler()
    request = {
        "config": to_json(config),
        "topology": topology.spec,
        "spec": spec,
        "batch_per_chip": batch_per_chip,
        "fit": fit,
        "quick": quick,
    }
    # What libtpu and XLA print of their own is shown only where the process fails.
    process = subprocess.run(
        [sys.executable, "-m", "ssljax.planning"],
        input=json.dumps(request),
        env=os.environ | topology.environment | _same_path(),
        capture_output=True,
        text=True,
    )
    try:
        answer = json.loads(process.stdout.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise RuntimeError(
            f"compiling for {topology.spec} failed with exit status {process.returncode}:\n"
            f"{last_words(process.stderr)}"
        ) from error
    if "error" in answer:
        raise UserError(answer["error"])
    return [from_json(plan) for plan in answer["plans"]]


def _same_path() -> dict[str, str]:
    """Return variables with which another Python imports what this one would, from where it would:
    not from the current folder."""
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def last_words(printed: str) -> str:
    """Return the end of what a process printed, from its last error on: XLA's have long stacks.

    >>> last_words("warning\\nValueError: no\\n  stack")
    'ValueError: no\\n  stack'
    """
    lines = printed.splitlines()
    errors = [at for at, line in enumerate(lines) if re.match(r"[\w.]*(Error|Exception)\b", line)]
    start = errors[-1] if errors else max(0, len(lines) - LINES_OF_A_CRASH)
    return "\n".join(lines[start : start + LINES_OF_A_CRASH])
