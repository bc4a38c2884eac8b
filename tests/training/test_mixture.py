"""A run on a mixture of two data sets."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ssljax.errors import UserError
from ssljax.training.config import complete
from ssljax.training.consistency import require_consistent
from ssljax.training.experiment import build
from tests.objectives.cases import config_of
from tests.training.test_loop import Crash, _assert_same_bits, _crash_at, _run


@pytest.fixture
def config(tmp_path):
    images = (load_digits().images[..., None] * 15).astype(np.uint8)
    for name, part in {"light": images[:100], "dark": 255 - images[100:240]}.items():
        np.savez(tmp_path / f"{name}.npz", image=part)
    config = config_of("simclr")
    config.data.source = f"npz:{tmp_path / 'light.npz'}"
    config.data.mixture = ({"source": f"npz:{tmp_path / 'dark.npz'}", "weight": 2.0},)
    return config


def test_a_run_on_a_mixture_that_crashed_ends_bit_for_bit_as_one_that_did_not(
    config, tmp_path, monkeypatch
):
    experiment = build(complete(config))
    assert experiment.objective.run.spec.num_examples == 240
    ids = np.stack([experiment.pipeline().ids(step) for step in range(12)])
    assert np.count_nonzero((ids >= 100).all(axis=1)) == 8
    whole = _run(config, tmp_path / "whole").state
    with monkeypatch.context() as patch:
        _crash_at(patch, 7)
        with pytest.raises(Crash):
            _run(config, tmp_path / "crashed")
    _assert_same_bits(whole, _run(config, tmp_path / "crashed").state)
    config.data.mixture = ({**config.data.mixture[0], "weight": 1.0},)
    with pytest.raises(UserError, match="data.mixture"):
        _run(config, tmp_path / "crashed")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            {"source": "npz:a.npz", "weight": 0.0},
            r"config.data.mixture\[0\].weight=0.0; it must",
        ),
        ({"source": "npz:a.npz", "wieght": 1.0}, r"did you mean 'data.mixture\[0\].weight'"),
        ({"weight": 1.0}, r"config.data.mixture\[0\] lacks config.data.mixture\[0\].source"),
    ],
)
def test_a_malformed_entry_is_named(config, entry, said):
    config.data.mixture = (entry,)
    with pytest.raises(UserError, match=said):
        require_consistent(complete(config))
