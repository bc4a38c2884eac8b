"""Subjects of the scikit-learn digits, without a run: what protocols are tested on."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.evaluation.subject import Examples, Subject
from ssljax.spec import Field

FIELD = Field("image", (8, 8, 1), "uint8", mean=(0.3,), std=(0.4,))


@functools.partial(jax.jit, static_argnums=0)
def transformed(transform, seed, fields):
    return transform(jax.random.key(seed), fields)


def subject_of(digits, row="pretrained", *, encode=None, outputs=None, labels=True, seed=0):
    """Return a subject whose features are the pixels, or what `encode(images, output)` gives."""
    parts = {}
    for part, rows, truth in (("train", *digits[:2]), ("test", *digits[2:])):
        truth = np.asarray(truth)
        images = (16 * rows).clip(0, 255).astype(np.uint8).reshape(-1, 8, 8, 1)
        parts[part] = (images, truth)

    def read(part, order=None, batch_size=0, shorter=0, size=0, also=()):
        images, truth = parts[part]
        order = np.arange(len(images)) if order is None else np.asarray(order)
        batch_size = batch_size or 256
        for start in range(0, len(order), batch_size):
            at = start + np.arange(batch_size)
            ids = order[np.minimum(at, len(order) - 1)]
            batch = {"image": images[ids], "id": ids.astype(np.int32), "valid": at < len(order)}
            yield batch | ({"label": truth[ids]} if labels else {})

    pixels = encode or (lambda images, output: images.reshape(len(images), -1))

    def run(batch, output, transform, seed):
        fields = {"image": jnp.asarray(batch["image"]), "id": jnp.asarray(batch["id"])}
        if transform:
            fields |= transformed(transform, np.uint32(seed), fields)
        images = fields["image"]
        if images.dtype == jnp.uint8:
            images = images.astype(jnp.float32) / 255
        return jnp.asarray(pixels(images, output))

    counts = {part: len(images) for part, (images, _) in parts.items()}
    examples = Examples(
        {"image": FIELD}, counts, read, lambda part: parts[part][1] if labels else None, 256
    )
    return Subject(row, examples, run, outputs or {"": (64,)}, seed)


def three_of(digits, **options):
    """Return subjects of all rows: the pixels, two random projections, and the pixels."""
    weights = jax.random.normal(jax.random.key(0), (64, 2))

    def projected(images, output):
        return images.reshape(len(images), -1) @ weights

    return (
        subject_of(digits, "pretrained", **options),
        subject_of(digits, "random_init", encode=projected, outputs={"": (2,)}, **options),
        subject_of(digits, "raw_input", **options),
    )
