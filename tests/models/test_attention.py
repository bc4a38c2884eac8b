import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.models.attention import attend, fused

Q, K, V = jax.random.normal(jax.random.key(0), (3, 2, 2, 20, 8))
PADDED = jnp.array([[1] * 13 + [0] * 7, [1] * 5 + [2] * 11 + [0] * 4])


def expected(segments, causal):
    """Query by query, in float64."""
    q, k, v = (np.asarray(x, np.float64) for x in (Q, K, V))
    y = np.zeros_like(q)
    for b, h, n in np.ndindex(q.shape[:3]):
        seen = [
            m
            for m in range(q.shape[2])
            if (segments is None or segments[b, m] == segments[b, n]) and (m <= n or not causal)
        ]
        scores = np.exp([q[b, h, n] @ k[b, h, m] / 8**0.5 for m in seen])
        y[b, h, n] = scores / scores.sum() @ v[b, h, seen]
    return y


def cudnn_form(*args, segments, causal):
    """What "cudnn" calls, by another implementation: that one needs a GPU."""
    return fused(*args, segments, causal, implementation="xla")


def splash(*args, **kwargs):
    return attend(*args, **kwargs, kernel="splash")


@pytest.mark.parametrize("form", [attend, cudnn_form, splash])
@pytest.mark.parametrize("segments", [None, PADDED], ids=["all", "segments"])
@pytest.mark.parametrize("causal", [False, True], ids=["both ways", "causal"])
def test_every_kernel_against_numpy(form, segments, causal):
    run = jax.jit(lambda *args: form(*args, segments=segments, causal=causal))
    np.testing.assert_allclose(run(Q, K, V), expected(segments, causal), atol=2e-5)


@pytest.mark.parametrize("form", [cudnn_form, splash])
def test_gradients_are_those_of_the_plain_form(form):
    def gradients(form):
        loss = lambda *args: jnp.sum(form(*args, segments=PADDED, causal=True) ** 2)  # noqa: E731
        return jax.jit(jax.grad(loss, argnums=(0, 1, 2)))(Q, K, V)

    for one, other in zip(gradients(form), gradients(attend), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_cudnn_is_for_lower_precision():
    with pytest.raises(UserError, match="encoder.attention='cudnn' needs encoder.dtype='bfloat16'"):
        attend(Q, K, V, kernel="cudnn")
