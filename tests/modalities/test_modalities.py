"""What holds for every modality, and what is particular to each."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import losses
from ssljax.errors import UserError
from ssljax.modalities import MODALITIES, modality_of
from ssljax.modalities.image import raw_pixels
from ssljax.models import build_encoder
from ssljax.objectives.presets import PRESETS, dino
from ssljax.objectives.views import Views
from ssljax.spec import LABEL, Field, Spectrogram

CARDINALITIES = (0, 4, 0, 2)
FIELDS = {
    "audio": Field(
        "audio",
        (64,),
        "int16",
        mean=(-2.0,) * 8,
        std=(0.5,) * 8,
        rate=8000.0,
        spectrogram=Spectrogram(bands=8, window=16, hop=8, low=0.0),
    ),
    "image": Field("image", (8, 8, 1), "uint8", mean=(0.3,), std=(0.4,)),
    "series": Field("series", (16, 2), "float32", mean=(1.0, -2.0), std=(2.0, 0.5), rate=50.0),
    "table": Field(
        "table",
        (4,),
        "float32",
        cardinalities=CARDINALITIES,
        mean=(5.0, 0.0, -1.0, 0.0),
        std=(2.0, 1.0, 0.1, 1.0),
    ),
    "video": Field("video", (4, 8, 8, 1), "uint8", mean=(0.3,), std=(0.4,), rate=10.0),
}
ENCODERS = {
    "audio": {"name": "audio_transformer", "patch_time": 4, "patch_bands": 4, "bands": 8},
    "image": {"name": "vit", "patch_size": 4},
    "series": {"name": "series_transformer", "patch_size": 4},
    "table": {"name": "table_transformer"},
    "video": {"name": "video_transformer", "tubelet": 4, "patch_size": 4},
}
PIXELS = ("image", "video")
each = pytest.mark.parametrize("name", FIELDS)


def encoder_of(name):
    return build_encoder(ENCODERS[name], FIELDS[name])


def values(name, count=6, seed=0):
    rng, field = np.random.default_rng(seed), FIELDS[name]
    if name in PIXELS:
        return rng.integers(0, 256, (count, *field.shape), np.uint8)
    if name == "audio":
        return rng.integers(-9000, 9000, (count, *field.shape), np.int16)
    drawn = rng.normal(size=(count, *field.shape)) * field.std + field.mean
    for column, size in enumerate(field.cardinalities):
        drawn[:, column] = rng.integers(0, size, count) if size else drawn[:, column]
    return drawn.astype(np.float32)


def batch_of(name):
    return {name: values(name), "row": np.arange(6, dtype=np.int32)}


def test_there_is_a_field_of_each_here_that_has_views():
    assert set(FIELDS) == set(MODALITIES) - {"text"}
    with pytest.raises(UserError, match="unknown modality of inputs 'label'"):
        modality_of(LABEL)


@each
@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_makes_as_many_views_as_of_images(name, preset):
    views = Views(preset).bound(name, FIELDS[name])
    made = jax.eval_shape(lambda: views.stacked(jax.random.key(0), batch_of(name)))
    shape = modality_of(FIELDS[name]).shape(FIELDS[name])
    assert made.shape == (6, 2, *shape) and made.dtype == jnp.float32


@pytest.mark.parametrize(
    ("name", "key", "most"),
    [("audio", "mix", 0.4), ("series", "jitter", 0.1), ("table", "rate", 0.6)],
)
def test_a_view_that_is_cropped_and_mirrored_alone_stays_a_weak_one(name, key, most):
    groups = {"one": {"flip": 0.5, "hue": 0.1}, "two": {"flip": 0.5, "crop_scale": (0.2, 1.0)}}
    made = Views(groups).bound(name, FIELDS[name]).augmentations
    assert {group: getattr(view, key) for group, view in made.items()} == {"one": most, "two": 0}
    alike = Views({"one": {"flip": 0.5}, "two": {"flip": 0.5}}).bound(name, FIELDS[name])
    assert max(getattr(view, key) for view in alike.augmentations.values()) == most


@each
def test_defaults_of_several_sizes_and_of_one_view(name):
    groups = dino((0.5, 1.0), (0.1, 0.3), local_count=3)
    views = Views(groups).bound(name, FIELDS[name])
    made = jax.eval_shape(lambda: views.by_size(jax.random.key(0), batch_of(name)))
    assert sum(views.shape[1] for views in made) == 5
    assert len(made) == (2 if name in ("audio", "series") else 1)  # of images here without sizes
    one = Views.crops(crop_scale=(0.2, 1.0), flip=0.5).bound(name, FIELDS[name])
    assert one.count == 1
    x = np.asarray(jax.jit(one.stacked)(jax.random.key(0), batch_of(name)))[:, 0]
    if name not in PIXELS:  # what is masked is hidden enough
        np.testing.assert_array_equal(
            x, modality_of(FIELDS[name]).plain(values(name), FIELDS[name])
        )


@each
def test_views_of_a_config_are_in_the_fields_of_the_modality(name):
    sections = {"audio": {"gain": 3.0}, "series": {"jitter": 0.5}, "table": {"rate": 0.5}}
    section = sections.get(name, {"flip": 0.5})
    views = Views.from_config({"crop": {**section, "count": 2}}, "objective.views")
    bound = views.bound(name, FIELDS[name])
    bound.require(count=2)
    first, second = np.moveaxis(
        np.asarray(jax.jit(bound.stacked)(jax.random.key(0), batch_of(name))), 1, 0
    )
    assert np.any(first != second)
    wrong = Views.from_config({"crop": {"blurr": 0.5}}, "objective.views")
    with pytest.raises(UserError, match="unknown config key 'objective.views.crop.blurr'"):
        wrong.bound(name, FIELDS[name]).require(count=1)


@each
def test_a_blank_example_has_the_shape_of_a_plain_one(name):
    modality, field = modality_of(FIELDS[name]), FIELDS[name]
    plain = modality.plain(values(name), field)
    assert plain.dtype == jnp.float32 and modality.blank(field).shape[1:] == plain.shape[1:]
    sized = modality.blank(field, 8).shape
    expected = {
        "audio": (1, 8),
        "image": (8, 8, 1),
        "series": (8, 2),
        "table": (4,),
        "video": (4, 8, 8, 1),
    }
    assert sized == (2, *expected[name])


@each
def test_targets_have_a_place_for_every_token(name):
    modality, field = modality_of(FIELDS[name]), FIELDS[name]
    x = modality.plain(values(name), field)
    made = modality.reconstruction(field, encoder_of(name), True)
    tokens = int(np.prod(modality.grid(field, encoder_of(name))))
    assert tokens == 4
    assert made.target(x).shape[:2] == (6, tokens)
    hidden = np.arange(tokens) < np.arange(6)[:, None]
    prediction = jax.random.normal(jax.random.key(0), (6, tokens, made.out))
    loss = np.asarray(jax.jit(made.loss)(prediction, x, hidden))
    assert loss.shape == (6,) and loss[0] == 0 and np.all(loss[1:] > 0)
    gradient = jax.jit(jax.grad(lambda p: made.loss(p, x, hidden).sum()))(prediction)
    np.testing.assert_array_equal(np.any(gradient, axis=2), hidden)


def test_patches_of_series_are_normalised_each_by_itself():
    x = MODALITIES["series"].plain(values("series"), FIELDS["series"])
    made = MODALITIES["series"].reconstruction(FIELDS["series"], encoder_of("series"), True)
    assert made.out == 8
    patches = np.asarray(x).reshape(6, 4, 8)  # times, then channels
    expected = (patches - patches.mean(2, keepdims=True)) / patches.std(2, ddof=1, keepdims=True)
    np.testing.assert_allclose(made.target(x), expected, rtol=1e-4, atol=1e-5)
    plain = MODALITIES["series"].reconstruction(FIELDS["series"], encoder_of("series"), False)
    np.testing.assert_array_equal(plain.target(x), patches)


def test_columns_are_rebuilt_each_in_its_own_way():
    x = MODALITIES["table"].plain(values("table"), FIELDS["table"])
    made = MODALITIES["table"].reconstruction(FIELDS["table"], None, True)
    assert made.out == 4
    hidden, scores = jnp.ones((6, 4), bool), jnp.zeros((6, 4, 4))
    expected = (np.square(x[:, 0]) + np.square(x[:, 2]) + np.log(4) + np.log(2)) / 4
    np.testing.assert_allclose(made.loss(scores, x, hidden), expected, rtol=1e-5)
    direct = losses.masked_columns(scores, x, cardinalities=CARDINALITIES, where=hidden)
    np.testing.assert_array_equal(made.loss(scores, x, hidden), direct)


def test_only_numbers_of_a_table_are_standardised():
    table = values("table")
    plain = MODALITIES["table"].plain(table, FIELDS["table"])
    np.testing.assert_array_equal(plain[:, 1::2], table[:, 1::2])
    np.testing.assert_allclose(plain[:, 0], (table[:, 0] - 5) / 2, rtol=1e-6)
    # Whatever stands as statistics of categories: their places are no quantities.
    other = FIELDS["table"].replace(mean=(5.0, 1.5, -1.0, 0.5), std=(2.0, 1.1, 0.1, 0.5))
    np.testing.assert_array_equal(plain, MODALITIES["table"].plain(table, other))


def test_two_views_of_a_row_are_a_clean_and_a_corrupted_one():
    for preset in ("simclr", "byol"):
        views = Views(preset).bound("table", FIELDS["table"])
        clean, corrupted = np.moveaxis(
            np.asarray(jax.jit(views.stacked)(jax.random.key(0), batch_of("table"))), 1, 0
        )
        plain = MODALITIES["table"].plain(values("table"), FIELDS["table"])
        np.testing.assert_array_equal(clean, plain)
        assert np.all((clean != corrupted).sum(axis=1) <= 2) and np.any(clean != corrupted)
        # Every cell is one of its column in the batch.
        for column in range(4):
            assert np.isin(corrupted[:, column], np.asarray(plain)[:, column]).all()


def test_raw_baselines():
    pixels = MODALITIES["image"].raw(values("image"), FIELDS["image"])
    np.testing.assert_array_equal(pixels, raw_pixels(values("image")))
    assert pixels.shape == (6, 64)
    assert MODALITIES["series"].raw(values("series"), FIELDS["series"]).shape == (6, 20)
    columns = MODALITIES["table"].raw(values("table"), FIELDS["table"])
    assert columns.shape == (6, 1 + 4 + 1 + 2)
    np.testing.assert_array_equal(columns[:, 1:5].argmax(axis=1), values("table")[:, 1])


def test_patches_must_tile_the_views():
    with pytest.raises(UserError, match="encoder.patch_size=4 must divide the 10 steps"):
        MODALITIES["series"].grid(FIELDS["series"], encoder_of("series"), 10)
    with pytest.raises(UserError, match="encoder.patch_size=4 must divide the 9 rows"):
        MODALITIES["image"].grid(FIELDS["image"], encoder_of("image"), 9)


@each
def test_the_class_of_a_view_has_a_size_and_a_count(name):
    modality = MODALITIES[name]
    view = modality.view(**modality.complete({"count": 3}, FIELDS[name]))
    assert view.count == 3
    assert view.size == {"audio": 64, "image": 8, "series": 16, "table": 0, "video": 8}[name]


@each
def test_what_is_normalised_can_be_restored(name):
    field, value = FIELDS[name], values(name)
    if name in PIXELS:
        value = value / 255
    if name == "audio":  # a spectrogram; the sound itself is lost
        assert not modality_of(field).restores
        value = np.random.default_rng(0).normal(size=(6, 8, 8))
    back = modality_of(field).restore(modality_of(field).normalize(value, field), field)
    np.testing.assert_allclose(back, value, atol=1e-5)
