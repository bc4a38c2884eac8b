import jax
import numpy as np
import pytest

from ssljax.models import PairDiscriminator
from tests.models.jitted import apply, init, scrambled

X = jax.random.normal(jax.random.key(0), (4, 7, 9, 3))
Z = jax.random.normal(jax.random.key(1), (4, 5))
DISCRIMINATOR = PairDiscriminator(width=4, halvings=2, hidden=8)


@pytest.fixture(scope="module")
def params():
    return scrambled(init(DISCRIMINATOR, jax.random.key(2), X, Z)[0])


def judge(params, x, z):
    return np.asarray(apply(DISCRIMINATOR, params, {}, x, z, train=True)[0])


def test_a_pair_is_judged_by_itself(params):
    logits = judge(params, X, Z)
    assert logits.shape == (4,) and logits.dtype == np.float32
    np.testing.assert_allclose(judge(params, X[1:3], Z[1:3]), logits[1:3], rtol=1e-4)


def test_both_of_a_pair_matter(params):
    logits = judge(params, X, Z)
    assert np.abs(judge(params, X[::-1], Z) - logits).min() > 1e-4
    assert np.abs(judge(params, X, Z[::-1]) - logits).min() > 1e-4
