"""SupCon: what labels change, and that they can be missing."""

import jax
import numpy as np
import pytest

from tests.objectives.conftest import trial


def _loss(one, labels=None, **images):
    batch = {**one.batches[0], **images, **({} if labels is None else {"label": labels})}
    loss = jax.jit(one.objective.value)
    return float(
        loss(one.state.params, one.state.objective_state, batch, key=jax.random.key(0), step=0)[0]
    )


def test_without_labels_every_image_is_its_own_class():
    one = trial("supcon")
    alone = _loss(one)
    assert _loss(one, np.full(16, -1, np.int32)) == pytest.approx(alone, rel=1e-6)
    assert _loss(one, np.arange(16, dtype=np.int32)) == pytest.approx(alone, rel=1e-6)
    assert _loss(one, np.arange(16, dtype=np.int32) % 4) != pytest.approx(alone, rel=1e-3)
