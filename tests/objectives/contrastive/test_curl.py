"""CURL: the bilinear form, the teacher, and what gets a gradient."""

import jax
import numpy as np

from tests.objectives.conftest import BATCH, trial


def value(objective, params, state, batch):
    return objective.value(params, state, batch, key=jax.random.key(2), step=0)


def test_the_loss_is_that_of_the_bilinear_form():
    one = trial("curl")
    objective, params, state = one.objective, one.state.params, one.state.objective_state
    batch = {**one.batches[0], "row": np.arange(BATCH)}
    run = jax.jit(lambda params: value(objective, params, state, batch)[0])
    loss = run(params)

    @jax.jit
    def embedded(params):
        views = objective.views.stacked(jax.random.key(2), batch)
        student, teacher = objective.nets(params, state)
        return student.encoder(views[:, 0]).pooled, teacher.encoder(views[:, 1]).pooled

    anchors, keys = map(np.asarray, embedded(params))
    matrix = np.asarray(params["form"]["matrix"], np.float64)
    assert matrix.min() >= 0 and matrix.max() <= 1 and matrix.shape == (8, 8)
    losses = []
    for b in range(BATCH):
        products = [anchors[b] @ matrix @ keys[c] for c in range(BATCH)]
        losses.append(np.log(np.sum(np.exp(products))) - products[b])
    np.testing.assert_allclose(loss, np.mean(losses), rtol=1e-5)
    flat = {**params, "form": {"matrix": np.zeros((8, 8), np.float32)}}
    np.testing.assert_allclose(run(flat), np.log(BATCH), rtol=1e-6)


def test_the_teacher_follows_and_gets_no_gradient():
    one = trial("curl")
    after, _ = one.step(one.state, one.batches[0])
    before = one.state.objective_state["teacher"]["encoder"]
    trained = after.params["encoder"]
    expected = jax.tree.map(lambda old, new: 0.95 * old + 0.05 * new, before, trained)
    found = after.objective_state["teacher"]["encoder"]
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    batch = {**one.batches[0], "row": np.arange(BATCH)}

    def loss(teacher):
        state = {**one.state.objective_state, "teacher": teacher}
        return value(one.objective, one.state.params, state, batch)[0]

    gradient = jax.jit(jax.grad(loss))(one.state.objective_state["teacher"])
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(gradient))
