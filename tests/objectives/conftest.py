"""Every objective once, built and compiled, for all tests."""

import dataclasses
import functools
from typing import Any

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict
from sklearn.datasets import load_digits

from ssljax.data.host import Utf8Bytes, stack
from ssljax.models import build_encoder, encoder_class
from ssljax.objectives import Run, build_objective
from ssljax.spec import Field, Spec, Spectrogram, Value, image_spec, target_kind
from ssljax.training.logical_axes import evaluated
from ssljax.training.optimizer import build_optimizer
from ssljax.training.step import init_state, make_train_step
from tests.objectives.cases import CASES, FRAMES, FURTHER, IN_COLOR, LABELLED
from tests.objectives.files import caption, tint

BATCH, EXAMPLES, STEPS = 16, 48, 10
# One for each thing that a step, a mesh or a part of a batch can get wrong: statistics and pairs of
# the whole batch, queues, balanced assignments, a changing teacher, targets that are made anew, two
# optimizers, ragged rows.
EVERY_TIME = (
    "bigan byol clip combine deepcluster_v2 dino gpt i_jepa mae moco_v2 rotation siglip simclr "
    "supervised swav ts2vec vae vicreg"
).split()
SPEC = image_spec((8, 8, 1), (0.3,), (0.4,), EXAMPLES)
TINTED = image_spec((8, 8, 3), (0.2,) * 3, (0.3,) * 3, EXAMPLES)
COLUMNS = (0, 0, 3, 0, 5, 2)
SERIES = Field("series", (16, 2), "float32", mean=(0.1, 0.0), std=(0.8, 1.0))
TABLE = Field("table", (6,), "float32", cardinalities=COLUMNS, mean=(0.5,) * 6, std=(0.3,) * 6)
AUDIO = Field(
    "audio",
    (64,),
    "int16",
    mean=(-1.0,) * 8,
    std=(2.0,) * 8,
    rate=8000.0,
    spectrogram=Spectrogram(bands=8, window=16, hop=8, low=0.0),
)
WAVES = Field("audio", (2320,), "int16", rate=16_000.0)  # 7 frames
TEXT = Field("text", (16,), "int32", vocab=256, ragged=True)
VIDEO = Field("video", (4, 8, 8, 1), "uint8", mean=(0.3,), std=(0.4,), rate=10.0)
ACTION = Field("series", (3, 2), "float32", mean=(0.1, 0.0), std=(0.8, 1.0))
PAIRS = SPEC.replace(text=TEXT)
SPECIAL = (("pad", 0), ("unk", 1), ("cls", 2), ("sep", 3), ("mask", 4))
WORDS = TEXT.replace(vocab=24, special=SPECIAL)  # of a tokenizer
SPECS = {
    "audio": Spec({"audio": AUDIO}, EXAMPLES),
    "image": SPEC,
    "series": Spec({"series": SERIES}, EXAMPLES),
    "table": Spec({"table": TABLE}, EXAMPLES),
    "text": Spec({"text": WORDS}, EXAMPLES),
    "video": Spec({"video": VIDEO}, EXAMPLES),
}


@dataclasses.dataclass(frozen=True)
class Trial:
    """An objective, its first state (labels found, where it clusters), and two batches."""

    objective: Any
    optimizer: Any
    state: Any
    batches: tuple[dict[str, np.ndarray], ...]

    @functools.cached_property
    def step(self):
        """The jitted train step, compiled once for all tests."""
        return jax.jit(make_train_step(self.objective, self.optimizer, seed=0))


def spec_of(case: str) -> Spec:
    """Return what the data of a case are like."""
    encoder, _ = CASES[case]
    if case in FURTHER:
        clips = encoder["name"] == "video_transformer"
        return SPECS["video"].replace(action=ACTION) if clips else PAIRS
    if case in FRAMES:
        return Spec({"video": VIDEO.replace(shape=(FRAMES[case], 8, 8, 1))}, EXAMPLES)
    spec = TINTED if case in IN_COLOR else SPECS[encoder_class(encoder["name"]).modality]
    if encoder["name"] == "wave_transformer":
        spec = Spec({"audio": WAVES}, EXAMPLES)
    return spec.replace(label=LABELLED[case]) if case in LABELLED else spec


def make_batch(number: int, spec: Spec = SPEC) -> dict[str, np.ndarray]:
    """Return a batch of images of handwritten digits, in as many channels as the spec says.

    Series are two waves, and sounds one, of a frequency of their own, rows of a table are made of
    two numbers, texts name the digit, videos move it; texts without an image count in steps of
    their own.
    """
    ids = (np.arange(BATCH) + number * BATCH) % EXAMPLES
    rest = {"id": ids.astype(np.int32), "row": np.arange(BATCH)}
    if "label" in spec.fields:
        rest["label"] = targets(spec.fields["label"], ids)
    if "image" not in spec.fields and "text" in spec.fields:
        return {"text": sentences(ids), **rest}
    if not {"image", "video"} & set(spec.fields):
        hidden = np.random.default_rng(1).random((EXAMPLES, 6))[ids]
        if "series" in spec.fields:
            phase = np.arange(16)[:, None] * (0.2 + hidden[:, None, :1]) + 6 * hidden[:, None, 1:3]
            return {"series": np.sin(phase).astype(np.float32), **rest}
        if "audio" in spec.fields:
            samples = np.arange(spec.fields["audio"].shape[0])
            phase = samples * (0.2 + 2 * hidden[:, :1]) + 6 * hidden[:, 1:2]
            return {"audio": (9000 * np.sin(phase)).astype(np.int16), **rest}
        table = (hidden + hidden[:, :1]) / 2
        table = np.where(COLUMNS, np.floor(table * COLUMNS), table)
        return {"table": table.astype(np.float32), **rest}
    images = (load_digits().images[ids, ..., None] * 15).astype(np.uint8)
    if "video" in spec.fields:  # a digit moves to the right
        frames = range(spec.fields["video"].shape[0])
        if "action" in spec.fields:
            drawn = np.random.default_rng(2).normal(size=(EXAMPLES, *ACTION.shape))
            rest["action"] = drawn[ids].astype(np.float32)
        return {"video": np.stack([np.roll(images, k, axis=2) for k in frames], axis=1), **rest}
    images = tint(images) if spec.fields["image"].shape[2] == 3 else images
    if "text" in spec.fields:
        rest["text"] = texts([caption(digit) for digit in load_digits().target[ids]])
    return {"image": images, **rest}


def targets(field: Field, ids: np.ndarray) -> np.ndarray:
    """Return labels of any kind that handwritten digits have."""
    digits = load_digits()
    images, classes = digits.images[ids], digits.target[ids]
    return {
        "class": classes.astype(np.int32),
        "multi_label": (images.reshape(len(ids), -1)[:, 20:22] > 8).astype(np.uint8),
        "regression": images.reshape(len(ids), -1)[:, 20:22].astype(np.float32),
        "mask": np.where(images > 14, -1, images > 5).astype(np.int32),
        "tokens": tags(ids),
        "letters": np.stack([classes // 4, np.where(classes % 4, classes % 4, -1)], axis=1).astype(
            np.int32
        ),
    }[target_kind(field)]


def tags(ids: np.ndarray) -> np.ndarray:
    """Return a class for most words of `sentences`: whether it is one of the first twelve."""
    text = sentences(ids)
    return np.where((text.data > 4) & (text.data % 5 > 0), text.data < 17, -1).astype(np.int32)


def sentences(ids: np.ndarray) -> Value:
    """Return texts of different lengths, [CLS] x [SEP], as a tokenizer makes them."""
    at, length = np.arange(16), 8 + ids[:, None] % 9
    words = 5 + (ids[:, None] % 7 + at * (1 + ids[:, None] % 3)) % 19
    data = np.where(at == 0, 2, np.where(at == length - 1, 3, words))
    segments = (at < length).astype(np.int32)
    return Value(np.where(segments, data, 0).astype(np.int32), segments)


def texts(found: list[str]) -> Value:
    """Return texts as a batch holds them."""
    return stack([Utf8Bytes(TEXT.shape[0])(text, None) for text in found])


def all_batches(spec: Spec = SPEC):
    """Yield the whole set once."""
    for number in range(EXAMPLES // BATCH):
        batch = make_batch(number, spec)
        yield {**batch, "valid": np.ones(BATCH, bool)}


def objective_of(case: str) -> Any:
    """Return the objective of a case, nothing of which is computed."""
    encoder, section = CASES[case]
    spec = spec_of(case)
    further = {
        name: build_encoder(section, spec.fields[name])
        for name, section in FURTHER.get(case, {}).items()
    }
    encoder = build_encoder(encoder, next(iter(spec.fields.values())))
    run = Run(encoder, spec, steps=STEPS, batch_size=BATCH, encoders=further)
    return build_objective(ConfigDict(section), run)


@functools.cache
def evaluated_of(case: str) -> tuple[Any, Any, dict[str, Any]]:
    """Return the shapes of the parameters and of the state of a case, and the names of both."""
    return evaluated(objective_of(case))


@functools.cache
def trial(case: str) -> Trial:
    objective, spec = objective_of(case), spec_of(case)
    batch = make_batch(0, spec)
    params, _ = jax.eval_shape(objective.init_networks, jax.random.key(0))
    # A gradient that is 0 but for rounding, as of a key's bias, must not move anything by a whole
    # learning rate: eps is well above it, also where the whole gradient is of norm 500.
    options = {"learning_rate": 0.01, "eps": 1e-3}
    optimizer = build_optimizer(
        options, steps=STEPS, batch_size=BATCH, params=params, frozen=objective.frozen
    ).transform
    state = jax.jit(lambda: init_state(objective, optimizer, seed=0))()
    if hasattr(objective, "refresh") and objective.refresh_due(0):
        state = objective.refresh(state, lambda: all_batches(spec), key=jax.random.key(5))
    return Trial(objective, optimizer, state, (batch, make_batch(1, spec)))


def started(objective, seed: int = 0) -> tuple[Any, Any]:
    """Return first parameters and state of an objective, compiled as one program."""
    key = jax.random.key(seed)
    return jax.jit(objective.init)(key, key)


def outputs_of(objective, params, state, batch) -> dict[str, np.ndarray]:
    """Return the outputs of a batch, compiled as one program, in their order, which jit forgets."""
    order = []

    def run(*args):
        found = objective.outputs(*args)
        order.extend(found)
        return found

    found = jax.device_get(jax.jit(run)(params, state, batch))
    return {name: found[name] for name in order}


def features_of(objective):
    """Return the function of (params, state, batch) that gives the features evaluation sees."""
    return lambda *args: next(iter(objective.outputs(*args).values()))


def each(case: str) -> Any:
    """Return a case as a parameter of a test that compiles or trains it.

    `make test` takes `EVERY_TIME`, `make test-further` the others.
    """
    return pytest.param(case, marks=() if case in EVERY_TIME else pytest.mark.further)


@pytest.fixture(params=map(each, sorted(CASES)))
def any_trial(request) -> Trial:
    """Every objective in turn."""
    return trial(request.param)
