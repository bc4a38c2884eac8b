import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import losses

sup_con = jax.jit(losses.sup_con)


def draw(batch=6, dim=4):
    return jax.random.normal(jax.random.key(0), (2, batch, dim))


@pytest.mark.parametrize(
    "labels", [None, -np.ones(6, np.int32), np.arange(6), np.array([-1, 3, -5, 0, -1, 1])]
)
def test_is_nt_xent_where_every_image_is_its_own_class(labels):
    z1, z2 = draw()
    compute = lambda loss: jax.value_and_grad(lambda z: jnp.mean(loss(z)))(z1)  # noqa: E731
    ours = compute(lambda z: sup_con(z, z2, labels, temperature=0.2))
    theirs = compute(lambda z: losses.nt_xent(z, z2, temperature=0.2))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), ours, theirs)


@pytest.mark.parametrize("labels", [None, [0, 0, 1, 1], [2, 2, 2, 2]])
def test_of_equal_embeddings(labels):
    z = jnp.ones((4, 3))
    labels = labels and jnp.array(labels)
    loss = sup_con(z, 3 * z, labels, temperature=0.1)
    np.testing.assert_allclose(loss, math.log(7), atol=1e-5)


def test_by_hand():
    # Both views of an image agree; images 0 and 1 are orthogonal and of one class, 2 is opposite
    # to 0. At temperature 1 the cosines are the logits.
    z = jnp.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    e = math.e
    denominator = [math.log(e + 2 + 2 / e), math.log(e + 4), math.log(e + 2 + 2 / e)]
    mean = [1 / 3, 1 / 3, 1]  # positives: its pair (1) and, of images 0 and 1, two at 0
    loss = sup_con(z, z, jnp.array([7, 7, 4]), temperature=1.0)
    np.testing.assert_allclose(loss, np.subtract(denominator, mean), rtol=1e-6)


def test_pulls_a_class_together():
    z1, z2 = draw(8)
    labels = jnp.arange(8) % 2

    @jax.jit
    def step(z):
        return z - jax.grad(lambda z: jnp.mean(sup_con(*z, labels, temperature=0.2)))(z)

    z = jnp.stack([z1, z2])
    for _ in range(300):
        z = step(z)
    unit = (z / jnp.linalg.norm(z, axis=2, keepdims=True)).reshape(16, -1)
    same = np.equal.outer(np.tile(labels, 2), np.tile(labels, 2))
    cosines = np.asarray(unit @ unit.T)
    assert cosines[same].min() > 0.9 and cosines[~same].max() < 0


def test_labels_are_checked():
    z = jnp.eye(4)
    with pytest.raises(ValueError, match=r"labels must have shape \[B\] with B = 4"):
        losses.sup_con(z, z, jnp.zeros(3, int), temperature=0.1)
    with pytest.raises(TypeError, match="labels must be of an integer dtype, got float32"):
        losses.sup_con(z, z, jnp.zeros(4), temperature=0.1)
