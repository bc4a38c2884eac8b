"""Five steps of a small experiment on made-up data: loss, gradient norm, parameters."""

import hashlib
import pathlib
from typing import Any

import jax
import numpy as np

from ssljax.data.host import stack
from ssljax.ops.keys import key_for
from ssljax.spec import Field, Value
from ssljax.training.experiment import build
from tests.experiments.configs import FILES, config_of, spec_of
from tests.golden.compare import values_of

FOLDER = pathlib.Path(__file__).parent
STEPS, BATCH, EXAMPLES = 5, 32, 256
SMALL = tuple(path for path in FILES if "/paper/" not in path)


def one_of_each() -> tuple[str, ...]:
    """Return the first small experiment of each folder and encoder."""
    found: dict[tuple[str, str], str] = {}
    for path in SMALL:
        found.setdefault((pathlib.Path(path).parts[1], config_of(path).encoder.name), path)
    return tuple(found.values())


def record(path: str) -> dict:
    """Return what five steps of an experiment give, on one device.

    Returns:
      What `values_of` does, and the "digest" of the bits of the parameters, whatever those are
      called.
    """
    jax.clear_caches()  # those of the last one: XLA fails once a process has mapped too much
    config = config_of(path)
    config.batch_size = BATCH
    if "group_size" in config.objective:  # W-MSE's, which divides the batch
        config.objective.update({"group_size": BATCH, "projector_dim": BATCH // 2})
    spec = spec_of(config, num_examples=EXAMPLES)
    experiment = build(config, spec, devices=jax.devices()[:1])
    state, step = experiment.init(), experiment.compile_step()
    objective, metrics = experiment.objective, []
    for number in range(STEPS):
        if hasattr(objective, "refresh") and objective.refresh_due(number):
            key = key_for(config.seed, "refresh", number)
            state = objective.refresh(state, lambda: _all(config, spec), key=key)
        state, found = step(state, _batch(number, config, spec))
        metrics.append(jax.device_get(found))
    return values_of(metrics, state.params) | {"digest": _digest(state.params)}


def _batch(number: int, config, spec) -> dict[str, np.ndarray]:
    ids = (np.arange(BATCH, dtype=np.int32) + number * BATCH) % EXAMPLES
    made = {
        name: stack([MADE_UP[field.modality](int(example), field) for example in ids])
        for name, field in spec.fields.items()
        if field.modality in MADE_UP
    }
    labels = {"label": ids % 10} if config.data.labels else {}
    if config.data.labels == "letters":  # one to four of them
        field = spec.fields["label"]
        at, letters = np.arange(field.shape[0]), ids[:, None]
        words = np.where(at < 1 + letters % 4, (letters + 3 * at) % field.vocab, -1)
        labels = {"label": words.astype(np.int32)}
    return {**made, "id": ids, **labels}


def _all(config, spec):
    for number in range(EXAMPLES // BATCH):
        yield {**_batch(number, config, spec), "valid": np.ones(BATCH, bool)}


def _image(example: int, field: Field) -> np.ndarray:
    """Return a smooth pattern of its own for each example."""
    rng = np.random.default_rng(example)
    height, width, channels = field.shape
    y, x = np.mgrid[:height, :width]
    waves = rng.uniform(0.05, 0.6, (3, 2, channels)), rng.uniform(0, 6.3, (3, channels))
    total = sum(
        np.sin(y[..., None] * one[0] + x[..., None] * one[1] + phase)
        for one, phase in zip(*waves, strict=True)
    )
    return ((total + 3) / 6 * 255).astype(np.uint8)


def _video(example: int, field: Field) -> np.ndarray:
    """Return a pattern of its own for each example, which moves to the right in each clip."""
    *several, frames, height, width, channels = field.shape
    picture = _image(example, field.replace(shape=(height, width, channels)))
    clip = np.stack([np.roll(picture, 2 * frame, axis=1) for frame in range(frames)])
    return np.broadcast_to(clip, (*several, *clip.shape))


def _series(example: int, field: Field) -> np.ndarray | Value:
    rng = np.random.default_rng(example)
    times, channels = np.arange(field.shape[0])[:, None], field.shape[1]
    waves = np.sin(times * rng.uniform(0.05, 1, channels) + rng.uniform(0, 6.3, channels))
    series = (np.asarray(field.mean) + np.asarray(field.std) * waves).astype(np.float32)
    if not field.ragged:
        return series
    end = rng.integers(1, len(series) + 1)
    return Value(series, (np.arange(len(series)) < end).astype(np.int32))


def _row(example: int, field: Field) -> np.ndarray:
    rng = np.random.default_rng(example)
    values = [
        rng.integers(categories) if categories else rng.normal(mean, std)
        for categories, mean, std in zip(field.cardinalities, field.mean, field.std, strict=True)
    ]
    return np.float32(values)


def _text(example: int, field: Field) -> Value:
    rng = np.random.default_rng(example)
    ids = rng.integers(field.vocab, size=field.shape).astype(np.int32)
    return Value(ids, (np.arange(len(ids)) < rng.integers(1, len(ids) + 1)).astype(np.int32))


def _sound(example: int, field: Field) -> np.ndarray:
    rng = np.random.default_rng(example)
    times = np.arange(field.shape[0])
    waves = np.sin(times * rng.uniform(0.01, 1) + rng.uniform(0, 6.3)) + rng.normal(size=len(times))
    return np.int16(4000 * waves)


MADE_UP = {
    "audio": _sound,
    "image": _image,
    "series": _series,
    "table": _row,
    "text": _text,
    "video": _video,
}


def _digest(params: Any) -> str:
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(params)]
    each = sorted(
        hashlib.sha256(f"{leaf.dtype}{leaf.shape}".encode() + leaf.tobytes()).hexdigest()
        for leaf in leaves
    )
    return hashlib.sha256("".join(each).encode()).hexdigest()
