"""What two steps of every case give: python -m tests.objectives.recorded writes recorded.json."""

import json
import pathlib

import jax

import tests.conftest  # noqa: F401  (says on which devices, before JAX starts)
from tests.golden.compare import values_of
from tests.objectives.cases import CASES
from tests.objectives.conftest import Trial, trial

FILE = pathlib.Path(__file__).with_suffix(".json")


def two_steps(one: Trial) -> dict:
    """Return loss and gradient norm of each step, and the norm of the parameters after them."""
    state, metrics = one.state, []
    for batch in one.batches:
        state, found = one.step(state, batch)
        metrics.append(found)
    return values_of(metrics, state.params)


if __name__ == "__main__":
    made = {}
    for case in sorted(CASES):
        made[case] = two_steps(trial(case))
        jax.clear_caches()  # XLA fails once a process has mapped too much
    FILE.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
