"""`ssljax.load`: the features of a run, from Python."""

import json
import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import ssljax
from ssljax import UserError, api
from ssljax.commands.main import main
from ssljax.data import open_source
from ssljax.evaluation.features import extract
from ssljax.training import evaluate, given

EXPERIMENT = """
from tests.objectives.cases import config_of

def get_config(case="simclr"):
    return config_of(case)
"""


def run_of(folder, case):
    """Train two steps of a case; return the folder of the run."""
    (folder / "short.py").write_text(EXPERIMENT)
    options = ["--config.steps=2", "--config.evaluation.final=False"]
    workdir = str(folder / case.replace(", ", "_"))
    config = f"{folder / 'short.py'}:{case}"
    assert main(["pretrain", "--config", config, "--workdir", workdir, *options]) == 0
    return workdir


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_of(tmp_path_factory.mktemp("runs"), "simclr")


@pytest.fixture(scope="module")
def model(run):
    return ssljax.load(run)


@pytest.fixture(scope="module")
def digits():
    return open_source("sklearn:digits", split="test").gather(np.arange(40))["image"]


def test_features_are_those_of_the_evaluation(model, digits):
    experiment = model.experiment
    source = open_source("sklearn:digits", split="test")
    batches = evaluate._batches(experiment, source, labels=False)
    expected = extract(evaluate._embed(experiment, model.state), batches).features[: len(digits)]
    found = model.embed(digits)
    assert found.dtype == np.float32 and repr(model) == "Model(simclr on resnet, step 2)"
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found, model.embed(image=digits))


def test_few_programs_for_any_number_of_examples(model, digits):
    whole = model.embed(digits)
    for count in (1, 3, 9, 17, 33):
        np.testing.assert_allclose(model.embed(digits[:count]), whole[:count], rtol=1e-5, atol=1e-6)
    sizes = {
        size for count in range(1, 2000) for _, _, size in given.parts(model.experiment, count)
    }
    assert len(sizes) <= 10 and max(sizes) < 2 * model.config.evaluation.batch_size


def test_parts_cover_every_example_once(model):
    for count in (1, 8, 499, 500, 501, 1300):
        parts = list(given.parts(model.experiment, count))
        assert [begin for begin, _, _ in parts] == [0] + [end for _, end, _ in parts[:-1]]
        assert parts[-1][1] == count
        assert all(end - begin <= size and size % 8 == 0 for begin, end, size in parts)


def test_one_device_gives_what_eight_give(run, model, digits):
    one = ssljax.load(run, devices=jax.devices()[:1])
    np.testing.assert_allclose(one.embed(digits), model.embed(digits), rtol=1e-5, atol=1e-6)


def test_images_of_other_types_and_sizes(model, digits):
    features = model.embed(digits)
    for same in (digits.astype(np.float64) / 255, digits[..., 0], list(digits)):
        np.testing.assert_allclose(model.embed(same), features, rtol=1e-4, atol=1e-5)
    doubled = digits.repeat(2, axis=1).repeat(2, axis=2)
    mixed = model.embed([digits[0], doubled[1], doubled[2, :, 1:]])
    assert mixed.shape == (3, features.shape[1])
    np.testing.assert_allclose(mixed[0], features[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(mixed[1], model.embed(doubled[1:2])[0], rtol=1e-5, atol=1e-6)


def test_tokens_and_outputs_for_differentiation(model, digits):
    batch = model.batch(digits[:4])
    outputs = jax.jit(model.apply)(model.params, batch)
    np.testing.assert_allclose(outputs["image"], model.embed(digits[:4]), rtol=1e-5, atol=1e-6)
    tokens = model.tokens(digits[:4])
    assert tokens.ndim == 3
    np.testing.assert_allclose(outputs["tokens/image"], tokens, rtol=1e-5, atol=1e-6)

    def loss(params):
        return jnp.mean(jnp.square(model.apply(params, batch)["image"]))

    gradient = jax.jit(jax.grad(loss))(model.params)["encoder"]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    assert any(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))


@pytest.mark.parametrize(
    "arguments, fields, message",
    [
        ((), {}, "no example to embed"),
        ((np.zeros((0, 8, 8, 1), np.uint8),), {}, "no example"),
        ((np.zeros((2, 8, 8, 3), np.uint8),), {}, r"shape \[2, 8, 8, 3\]; the run reads images"),
        ((np.zeros((8, 8), np.uint8),), {}, "the run reads images"),
        ((np.zeros((2, 8, 8, 1), int),), {}, "uint8"),
        ((np.full((2, 8, 8, 1), 9.0),), {}, r"must lie in \[0, 1\]"),
        ((), {"imgae": np.zeros((2, 8, 8, 1), np.uint8)}, "image"),
        ((np.zeros((2, 8, 8, 1), np.uint8),), {"output": "imagee"}, "image"),
        ((np.zeros((2, 8, 8, 1), np.uint8),), {"output": "tokens/image"}, "one vector"),
    ],
)
def test_what_cannot_be_embedded_is_said(model, arguments, fields, message):
    with pytest.raises(UserError, match=message):
        model.embed(*arguments, **fields)


def test_a_folder_without_a_run_or_a_checkpoint(run, tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        ssljax.load(tmp_path)
    with pytest.raises(UserError, match="step"):
        ssljax.load(run, step=1)


def test_the_page_about_python_runs(run, digits, monkeypatch):
    text = (pathlib.Path(__file__).parent.parent / "docs/python.md").read_text(encoding="utf-8")
    *blocks, _ = re.findall(r"```python\n(.*?)```", text, re.DOTALL)  # the last is of another run
    assert len(blocks) == 3
    monkeypatch.setattr(ssljax, "load", lambda name: api.load(run), raising=False)
    names = {"images": digits, "labels": np.arange(len(digits)) % 2}
    for block in blocks:
        exec(block, names)  # noqa: S102
    assert names["features"].shape[0] == len(digits) and 0 <= names["accuracy"] <= 1
    assert set(names["gradient"]) == set(names["model"].params)


def test_similarity_needs_two_fields(model, digits):
    with pytest.raises(UserError, match="similarity compares two fields, as clip and siglip do"):
        model.similarity(digits, digits)


def test_images_and_texts_of_a_pair(tmp_path):
    model = ssljax.load(run_of(tmp_path, "clip"))
    field = model.spec.fields["image"]
    images = np.random.default_rng(0).integers(0, 255, (3, *field.shape), dtype=np.uint8)
    texts = ["one", "two", "three"]
    assert model.embed(text=texts).shape[0] == 3
    projected = [
        model.embed(images, output="projected/image"),
        model.embed(text=texts, output="projected/text"),
    ]
    assert projected[0].shape == projected[1].shape
    np.testing.assert_allclose(np.linalg.norm(projected, axis=-1), 1, rtol=1e-5)
    both = model.embed(images, text=texts, output="projected/text")
    np.testing.assert_allclose(both, projected[1], rtol=1e-5, atol=1e-6)
    similar = model.similarity(images, texts[:2])
    assert similar.shape == (3, 2) and similar.dtype == np.float32
    np.testing.assert_allclose(similar, projected[0] @ projected[1][:2].T, rtol=1e-5, atol=1e-6)
    by_name = model.similarity(text=texts[:2], image=images)
    np.testing.assert_allclose(by_name, similar.T, rtol=1e-5, atol=1e-6)
    with pytest.raises(UserError, match="takes examples of two fields, of image, text"):
        model.similarity(images)
    with pytest.raises(UserError, match="give two of them by name, such as similarity.image="):
        model.similarity(images, text=texts)
    with pytest.raises(UserError, match="unknown field that is compared 'txt'; did you mean 'text"):
        model.similarity(image=images, txt=texts)
    with pytest.raises(UserError, match="example 1 has no token"):
        model.embed(text=["one", ""])
    with pytest.raises(UserError, match="number of examples"):
        model.embed(images, text=texts[:2])


BOUND = """
from tests.objectives.cases import config_of

def get_config(source):
    config = config_of("bind")
    config.data.source, config.data.image_size = source, 8
    with config.ignore_type():
        config.data.length = {"text": 16, "audio": 800}
    config.data.spectrogram = {"bands": 8, "window": 64, "hop": 32}
    config.encoders.audio = {"name": "audio_convolutions", "channels": 2, "blocks": 2, "out": 8}
    config.batch_size = 8
    return config
"""


def test_any_two_of_three_fields_are_compared(tmp_path):
    soundfile, rng = pytest.importorskip("soundfile"), np.random.default_rng(0)
    with open(tmp_path / "train.jsonl", "w") as manifest:
        for i in range(8):
            pixels = rng.integers(0, 255, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / f"{i}.png")
            soundfile.write(tmp_path / f"{i}.wav", rng.normal(0, 0.1, 900), 8000)
            row = {"image": f"{i}.png", "audio": f"{i}.wav", "text": f"digit {i}"}
            manifest.write(json.dumps(row) + "\n")
    (tmp_path / "bound.py").write_text(BOUND)
    config = f"{tmp_path / 'bound.py'}:pairs:{tmp_path / 'train.jsonl'}"
    options = ["--config.steps=1", "--config.evaluation.final=False", "--config.data.channels=1"]
    assert main(["pretrain", "--config", config, "--workdir", str(tmp_path / "run"), *options]) == 0
    model = ssljax.load(tmp_path / "run")
    images = rng.integers(0, 255, (3, 8, 8, 1), dtype=np.uint8)
    sounds = rng.integers(-999, 999, (2, 800)).astype(np.int16)
    seen = model.embed(images, output="projected/image")
    heard = model.embed(audio=sounds, output="projected/audio")
    similar = model.similarity(audio=sounds, image=images)
    np.testing.assert_allclose(similar, heard @ seen.T, rtol=1e-5, atol=1e-6)
    with pytest.raises(UserError, match="compares image, .*; give two of them by name"):
        model.similarity(images, sounds)


WORLD = """
from tests.objectives.cases import config_of

def get_config(source):
    config = config_of("lewm")
    config.data.source, config.data.length = source, 0
    return config
"""


def test_rollouts_of_a_world_model(tmp_path, model, digits):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (150, 8, 8, 1)).astype(np.uint8)
    actions = np.arange(150) % 2
    arrays = {"image": image, "group": np.arange(150) // 30, "action": actions}
    both = {f"{part}_{key}": one for part in ("train", "test") for key, one in arrays.items()}
    np.savez(tmp_path / "world.npz", **both)
    (tmp_path / "world.py").write_text(WORLD)
    config = f"{tmp_path / 'world.py'}:episodes:{tmp_path / 'world.npz'}?frames=5&stride=3"
    options = ["--config.steps=2", "--config.evaluation.final=False"]
    assert main(["pretrain", "--config", config, "--workdir", str(tmp_path / "run"), *options]) == 0
    world = ssljax.load(tmp_path / "run")
    frames = image[:30].reshape(10, 3, 8, 8, 1)
    plans = np.eye(6, dtype=np.float32)[rng.integers(0, 6, (10, 5))]
    found = world.rollout(frames, plans)
    assert found.shape == (10, 3, 8) and found.dtype == np.float32
    # As the output of whole windows: what the first two frames and the actions lead to.
    clips = image[:50].reshape(10, 5, 8, 8, 1)
    outputs = jax.jit(world.apply)(world.params, world.batch(clips, action=plans[:, :4]))
    told = world.rollout(clips[:, :2], plans[:, :4])
    np.testing.assert_allclose(told, outputs["rollout"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(world.tokens(clips), outputs["tokens/video"], rtol=1e-4, atol=1e-5)
    for arguments, message in (
        (
            (frames[:, 0], plans),
            r"video has the shape \[10, 8, 8, 1\]; it must be \[n, T, 8, 8, 1\]",
        ),
        ((frames, plans[..., :3]), r"action has the shape .* must be \[n, T, 6\]"),
        ((frames, plans * np.nan), "action has values that are no finite numbers"),
        ((frames, plans[:4]), "10 examples have 4 rows of actions"),
        ((frames, plans[:, :2]), "a rollout needs at least 3"),
    ):
        with pytest.raises(UserError, match=message):
            world.rollout(*arguments)
    with pytest.raises(UserError, match="of a world model, such as lewm; this run is of simclr"):
        model.rollout(digits, plans)

    told = ["evaluate", "--workdir", str(tmp_path / "run"), "--protocol", "rollout"]
    assert main(told) == 0
    measured = json.loads((tmp_path / "run/evaluation.json").read_text(encoding="utf-8"))
    rows = measured["protocols"]["rollout"]
    assert rows["pretrained"]["examples"] == 5 * 18 and rows["pretrained"]["steps"] == 3
    assert (
        "error, other actions" in rows["random_init"]["numbers"]
        and "not_measured" in rows["raw_input"]
    )

    text = (pathlib.Path(__file__).parent.parent / "docs/python.md").read_text(encoding="utf-8")
    names = {
        "model": world,
        "seen": image[:3],
        "goal": image[9],
        "done": np.eye(2)[[[0, 1, 1]] * 2],
    }
    exec(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[-1], names)  # noqa: S102
    plan = world.rollout(
        image[None, :3], np.concatenate([names["plans"][:1, :2], names["best"][None]], 1)
    )
    assert names["best"].shape == (4, 6) and names["best"].reshape(-1, 2).sum() == 12
    distance = np.square(names["found"][:, -1] - names["wanted"]).sum(axis=-1)
    np.testing.assert_allclose(
        np.square(plan[0, -1] - names["wanted"]).sum(), distance.min(), rtol=1e-3
    )
