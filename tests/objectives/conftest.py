"""Every objective once, built and compiled, for all tests."""

import dataclasses
import functools
from typing import Any

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict
from sklearn.datasets import load_digits

from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.spec import Spec, image_spec
from ssljax.training.optimizer import build_optimizer
from ssljax.training.step import init_state, make_train_step
from tests.objectives.cases import CASES, IN_COLOR
from tests.objectives.tinted import tint

BATCH, EXAMPLES, STEPS = 16, 48, 10
SPEC = image_spec((8, 8, 1), (0.3,), (0.4,), EXAMPLES)
TINTED = image_spec((8, 8, 3), (0.2,) * 3, (0.3,) * 3, EXAMPLES)


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


def make_batch(number: int, spec: Spec = SPEC) -> dict[str, np.ndarray]:
    """Return a batch of images of handwritten digits, in as many channels as the spec says."""
    ids = (np.arange(BATCH) + number * BATCH) % EXAMPLES
    images = (load_digits().images[ids, ..., None] * 15).astype(np.uint8)
    images = tint(images) if spec.fields["image"].shape[2] == 3 else images
    return {"image": images, "id": ids.astype(np.int32), "row": np.arange(BATCH)}


def all_batches():
    """Yield the whole set of images once."""
    for number in range(EXAMPLES // BATCH):
        batch = make_batch(number)
        yield {**batch, "valid": np.ones(BATCH, bool)}


@functools.cache
def trial(case: str) -> Trial:
    encoder, section = CASES[case]
    spec = TINTED if case in IN_COLOR else SPEC
    run = Run(build_encoder(encoder), spec, steps=STEPS, batch_size=BATCH)
    objective = build_objective(ConfigDict(section), run)
    batch = make_batch(0, spec)
    params = jax.eval_shape(objective.init_params, jax.random.key(0))
    # A gradient that is 0 but for rounding, as of a key's bias, must not move anything by a whole
    # learning rate: eps is well above it.
    options = {"learning_rate": 0.01, "eps": 1e-4}
    optimizer = build_optimizer(options, steps=STEPS, batch_size=BATCH, params=params).transform
    state = jax.jit(lambda: init_state(objective, optimizer, seed=0))()
    if hasattr(objective, "refresh") and objective.refresh_due(0):
        state = objective.refresh(state, all_batches, key=jax.random.key(5))
    return Trial(objective, optimizer, state, (batch, make_batch(1, spec)))


def features_of(objective):
    """Return the function of (params, state, batch) that gives the features evaluation sees."""
    return lambda *args: next(iter(objective.outputs(*args).values()))


@pytest.fixture(params=sorted(CASES))
def any_trial(request) -> Trial:
    """Every objective in turn."""
    return trial(request.param)
