import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.evaluation.protocols import build_protocol
from ssljax.evaluation.protocols.attentive import _heads, attentive_head
from tests.evaluation.protocols.subjects import subject_of


def written_out(params, tokens, heads):
    """The probe of one example in loops, float64."""

    def affine(name, x):
        return x @ params[name]["weights"].astype(np.float64) + params[name]["bias"]

    def norm(name, x):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
        return x * params[name]["scale"] + params[name]["bias"]

    query = affine("query_map", params["query"])
    seen = norm("norm1", tokens.astype(np.float64))
    keys, values = affine("key", seen), affine("value", seen)
    width = len(query) // heads
    pooled = np.zeros_like(query)
    for head in range(heads):
        at = slice(head * width, (head + 1) * width)
        scores = np.exp([query[at] @ key[at] / np.sqrt(width) for key in keys])
        pooled[at] = sum(p * v[at] for p, v in zip(scores / scores.sum(), values, strict=True))
    q = params["query"] + affine("out", pooled)
    hidden = np.asarray(jax.nn.gelu(affine("fc1", norm("norm2", q)), approximate=False))
    return affine("classifier", q + affine("fc2", hidden))


def test_the_probe_is_what_is_written():
    head = attentive_head((6, 8), 3, heads=2, mlp_ratio=2.0)
    generator = np.random.default_rng(0)
    params = jax.tree.map(
        lambda leaf: generator.normal(size=leaf.shape).astype(np.float32), head.init(generator)
    )
    tokens = generator.normal(size=(2, 6, 8)).astype(np.float32)
    found = head.apply(params, jnp.asarray(tokens))
    for one, expected in zip(found, tokens, strict=True):
        np.testing.assert_allclose(one, written_out(params, expected, 2), rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize(("width", "heads"), [(384, 6), (48, 1), (200, 2), (64, 1)])
def test_heads_divide_the_width(width, heads):
    assert _heads(width) == heads


def test_it_finds_what_the_mean_hides(digits):
    """Class 1 has its token somewhere among noise whose mean is the same."""
    generator = np.random.default_rng(0)

    def drawn(count):
        labels = generator.integers(0, 2, count)
        images = np.full((count, 8, 8), 8.0)
        rows = generator.integers(0, 8, count)
        ramp = labels[:, None] * np.arange(-7, 8, 2)
        images[np.arange(count), rows] += ramp
        images[np.arange(count), (rows + 1) % 8] -= ramp  # so that the mean is that of class 0
        return images.reshape(count, 64), labels

    parts = (*drawn(256), *drawn(128))
    subject = subject_of(
        parts,
        encode=lambda images, output: images[..., 0],
        outputs={"": (64,), "tokens": (8, 8)},
    )
    settings = {"epochs": 40, "learning_rates": (0.04,), "batch_size": 64, "augment": False}
    found = build_protocol("attentive", settings).measure(subject)
    assert found["numbers"]["accuracy"]["value"] > 0.95 and found["heads"] == 1
