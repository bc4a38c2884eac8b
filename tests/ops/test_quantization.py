import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.ops import quantization as q

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(6, 4, 3)).astype(np.float32)
CODES = RNG.normal(size=(5, 3)).astype(np.float32)


def test_nearest_code_is_that_of_a_loop():
    loop = [[np.argmin([np.sum((z - c) ** 2) for c in CODES]) for z in row] for row in Z]
    ids = q.nearest_code(Z, CODES)
    np.testing.assert_array_equal(ids, loop)
    assert ids.dtype == jnp.int32


def test_nearest_code_of_equal_ones_is_the_first():
    assert int(q.nearest_code(jnp.zeros(3), jnp.ones((4, 3)))) == 0


def test_the_value_is_the_code_and_the_gradient_that_of_the_vector():
    quantized = CODES[np.asarray(q.nearest_code(Z, CODES))]
    value, pull = jax.vjp(lambda z: q.straight_through(z, quantized), jnp.asarray(Z))
    np.testing.assert_array_equal(value, quantized)
    cotangent = jnp.asarray(RNG.normal(size=Z.shape), jnp.float32)
    np.testing.assert_array_equal(pull(cotangent)[0], cotangent)


def test_usage_is_that_of_a_loop():
    ids = np.asarray(q.nearest_code(Z, CODES))
    usage = q.code_usage(Z, ids, codes=5)
    fair = Z[..., 0].size / 5
    for k in range(5):
        members = Z[ids == k]
        assert float(usage["counts"][k]) == pytest.approx(len(members) / fair)
        np.testing.assert_allclose(usage["sums"][k], members.sum(0) / fair, atol=1e-5)


def test_without_memory_a_code_is_the_mean_of_its_vectors():
    book = q.init_codebook(jax.random.key(0), codes=2, dim=3, dead_below=0.1)
    ids = np.arange(24).reshape(6, 4) % 2
    new = q.update_codebook(
        book, q.code_usage(Z, ids, codes=2), jnp.zeros((2, 3)), decay=0.0, dead_below=0.1
    )
    means = [Z[ids == k].mean(0) for k in range(2)]
    np.testing.assert_allclose(q.code_vectors(new), means, atol=1e-6)


def test_a_code_that_stays_unused_becomes_a_vector_of_the_batch():
    book = q.init_codebook(jax.random.key(0), codes=3, dim=3, dead_below=0.1)
    before = q.code_vectors(book)
    usage = q.code_usage(Z, np.zeros((6, 4), int), codes=3)
    fresh = jnp.asarray(RNG.normal(size=(3, 3)), jnp.float32)
    new = q.update_codebook(book, usage, fresh, decay=0.99, dead_below=0.1)
    np.testing.assert_allclose(q.code_vectors(new)[1:], fresh[1:])  # in the first update already
    np.testing.assert_array_equal(new["counts"][1:], [1, 1])
    wanted = (0.99 * 0.1 * before[0] + 0.01 * 3 * Z.mean((0, 1))) / (0.99 * 0.1 + 0.01 * 3)
    np.testing.assert_allclose(q.code_vectors(new)[0], wanted, rtol=1e-5)


def test_a_used_code_outlives_a_pause():
    book = {"counts": jnp.ones(2), "sums": jnp.ones((2, 3))}
    usage = q.code_usage(Z, np.zeros((6, 4), int), codes=2)
    fresh, updates = jnp.full((2, 3), 7.0), 0
    while not np.allclose(q.code_vectors(book)[1], 7.0):
        book = q.update_codebook(book, usage, fresh, decay=0.9, dead_below=0.1)
        updates += 1
    assert updates == 22  # the first n with 0.9^n < 0.1


def test_codes_find_clusters():
    centres = np.array([[5, 0], [-5, 0], [0, 5], [0, -5]], np.float32)
    book = q.init_codebook(jax.random.key(3), codes=12, dim=2, dead_below=0.1)

    @jax.jit
    def step(book, z):
        ids = q.nearest_code(z, q.code_vectors(book))
        usage = q.code_usage(z, ids, codes=12)
        return q.update_codebook(book, usage, z[:12], decay=0.8, dead_below=0.1), usage["counts"]

    for _ in range(60):
        z = centres[RNG.integers(0, 4, 64)] + 0.1 * RNG.normal(size=(64, 2)).astype(np.float32)
        book, counts = step(book, z)
    codes = np.asarray(q.code_vectors(book))
    nearest = np.linalg.norm(centres[:, None] - codes[None], axis=-1).min(axis=1)
    assert nearest.max() < 0.3
    assert float(q.perplexity(counts)) > 4


def test_no_gradient_reaches_the_codebook():
    book = q.init_codebook(jax.random.key(0), codes=5, dim=3, dead_below=0.1)

    def total(z):
        usage = q.code_usage(z, jnp.zeros(z.shape[:2], int), codes=5)
        new = q.update_codebook(book, usage, z[0, :1].repeat(5, 0), decay=0.9, dead_below=0.1)
        return jnp.sum(q.code_vectors(new))

    assert not np.any(jax.grad(total)(jnp.asarray(Z)))


@pytest.mark.parametrize("field", ["codes", "dim", "dead_below"])
def test_what_has_to_be_positive(field):
    fields = {"codes": 4, "dim": 2, "dead_below": 0.1, field: 0}
    with pytest.raises(ValueError, match=f"{field} must be positive, got 0"):
        q.init_codebook(jax.random.key(0), **fields)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"z must have shape .* got \[6, 4, 3\] and \[5, 2\]"):
        q.nearest_code(Z, CODES[:, :2])
    book = q.init_codebook(jax.random.key(0), codes=5, dim=3, dead_below=0.1)
    with pytest.raises(ValueError, match=r"fresh must have shape \[5, 3\], got \[4, 3\]"):
        q.update_codebook(book, book, jnp.zeros((4, 3)), decay=0.9, dead_below=0.1)
