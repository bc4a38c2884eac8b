"""Silence, and windows of which most is silence, leave losses and gradients finite."""

import jax
import numpy as np
import pytest

from tests.objectives.conftest import trial

CASES = ("cpc", "tera", "ge2e", "ge2e, contrast", "ctc", "simclr, bilinear", "simclr, audio")


@pytest.mark.parametrize("case", [*CASES, "mae, audio"])
@pytest.mark.parametrize("sounding", [0, 9])
def test_a_step_on_silence_is_finite(case, sounding):
    """A clip shorter than the window is followed by silence: 9 of 64 samples, or none, sound."""
    one = trial(case)
    waves = np.where(np.arange(64) < sounding, one.batches[0]["audio"], 0).astype(np.int16)
    state = one.state
    for _ in range(2):
        state, metrics = one.step(state, {**one.batches[0], "audio": waves})
        assert np.isfinite(metrics["loss"]) and not metrics["nonfinite"].any()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.params))
