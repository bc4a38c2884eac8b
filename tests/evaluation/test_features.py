import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.evaluation.features import extract, input_features
from ssljax.modalities.image import raw_pixels


def batches(count=21, size=8, labels=True, order=None):
    """`count` random 4x4 images in batches of `size`, the last filled up as by the data floor."""
    images = np.random.default_rng(1).integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)
    order = np.arange(count) if order is None else order
    for start in range(0, count, size):
        rows = order[start : start + size]
        valid = np.arange(size) < len(rows)
        rows = np.concatenate([rows, np.repeat(rows[-1:], size - len(rows))])
        batch = {"image": images[rows], "id": (10 * rows).astype(np.int32), "valid": valid}
        yield batch | ({"label": (rows % 3).astype(np.int32)} if labels else {})


def test_padding_is_dropped_and_everything_else_kept():
    got = extract(input_features, batches())
    assert got.features.shape == (21, 16) and got.features.dtype == np.float32
    np.testing.assert_array_equal(got.ids, 10 * np.arange(21))
    np.testing.assert_array_equal(got.labels, np.arange(21) % 3)


def test_the_order_of_reading_does_not_matter():
    shuffled = np.random.default_rng(2).permutation(21)
    straight, mixed = (
        extract(input_features, batches()),
        extract(input_features, batches(order=shuffled, size=5)),
    )
    for one, other in zip(straight, mixed, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_labels():
    assert extract(input_features, batches(labels=False)).labels is None


def test_one_and_eight_devices_give_the_same_features(rows_over_eight_devices):
    weights = jax.random.normal(jax.random.key(0), (16, 5))

    @jax.jit
    def embed(batch):
        return jnp.tanh(input_features(batch) @ weights)

    def placed():
        for batch in batches():
            yield jax.device_put(batch, rows_over_eight_devices)

    one, eight = extract(embed, batches()), extract(embed, placed())
    np.testing.assert_allclose(one.features, eight.features, atol=1e-6)
    np.testing.assert_array_equal(one.labels, eight.labels)
    np.testing.assert_array_equal(one.ids, eight.ids)


@pytest.mark.parametrize(
    ("embed", "given", "error", "message"),
    [
        (input_features, [], UserError, "no example"),
        (input_features, list(batches()) * 2, ValueError, "id 0 occurs twice"),
        (lambda b: jnp.zeros((3, 2)), list(batches()), ValueError, r"\(3, 2\) for a batch of 8"),
        (lambda b: b["image"], list(batches()), ValueError, r"expected \(8, D\)"),
        (
            lambda b: jnp.where(b["id"][:, None] == 40, jnp.nan, 1.0) * input_features(b),
            list(batches()),
            UserError,
            r"1 of 21 examples are not finite \(first ids: 40\)",
        ),
        (
            input_features,
            [*batches(8, labels=True), *batches(8, labels=False)],
            ValueError,
            "some have none",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(embed, given, error, message):
    with pytest.raises(error, match=message):
        extract(embed, given)


def test_input_features_are_pixels_in_zero_one():
    image = np.array([[[[0], [255]], [[51], [102]]]], np.uint8)
    np.testing.assert_allclose(input_features({"image": image}), [[0, 1, 0.2, 0.4]], atol=1e-7)
    floats = (image / 255).astype(np.float32)
    np.testing.assert_allclose(input_features({"image": floats}), [[0, 1, 0.2, 0.4]], atol=1e-7)
    with pytest.raises(ValueError, match="must lie in"):
        input_features({"image": image.astype(np.float32)})


def test_large_images_are_shrunk():
    image = np.full((2, 64, 48, 3), 51, np.uint8)
    got = raw_pixels(image, size=16)
    assert got.shape == (2, 16 * 16 * 3)
    np.testing.assert_allclose(got, 0.2, atol=1e-6)
