"""LeJEPA: what the views agree with, and what the embeddings are tested for."""

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.losses import sigreg
from ssljax.objectives import build_objective
from ssljax.objectives.multi_crop import apply_multi_crop
from tests.objectives.cases import CASES
from tests.objectives.conftest import trial


def test_the_loss_is_that_of_the_paper():
    one, key = trial("lejepa"), jax.random.key(3)
    objective, memory, batch = one.objective, one.state.objective_state, one.batches[0]
    directions_key = jax.random.split(key, 3)[2]

    @jax.jit
    def embeddings():
        net, _ = objective.nets(one.state.params, memory)
        return apply_multi_crop(net, objective.views.by_size(key, batch), "projector")

    z = np.asarray(embeddings())
    assert len(z) == 4
    centre = (z[0] + z[1]) / 2  # of the large views
    invariance = np.mean([np.mean(np.square(view - centre)) for view in z])
    directions = jax.random.normal(directions_key, (16, 8))
    gaussian = np.mean([sigreg(view, directions) for view in z])
    loss, aux = jax.jit(lambda: objective.value(one.state.params, memory, batch, key=key, step=0))()
    np.testing.assert_allclose(loss, 0.95 * invariance + 0.05 * gaussian, rtol=1e-4)
    np.testing.assert_allclose(aux.metrics["sigreg"], gaussian, rtol=1e-4)
    np.testing.assert_allclose(aux.metrics["invariance"], invariance, rtol=1e-4)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"views": {"crop": {"count": 1}}}, r"objective.views makes 1 view\(s\); lejepa needs 2"),
        ({"weight": 1.5}, "objective.weight=1.5; it must be between 0 and 1"),
        ({"directions": 0}, "objective.directions=0; it must be at least 1"),
    ],
)
def test_bad_values_are_refused(change, message):
    with pytest.raises(UserError, match=message):
        build_objective(ConfigDict({**CASES["lejepa"][1], **change}), trial("lejepa").objective.run)
