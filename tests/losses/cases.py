"""One table of the losses, from which the tests that every loss has to pass are made."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import numpy as np

from ssljax import losses
from tests.reference import losses as reference

BATCH, DIM, PATCHES = 16, 6, 5


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """A loss, its float64 loop, and what its inputs look like.

    Attributes:
      trained: the shapes of the inputs that get a gradient.
      targets: the shapes of the inputs that must get none.
      extra: inputs of other dtypes, with the batch as their first axis.
      options: keyword-only hyper-parameters.
      shared: inputs whose first axis is not the batch.
      modes: the directions of differentiation that the loss supports.
      largest: inputs up to this size must give finite results.
    """

    loss: Callable
    reference: Callable
    trained: dict
    targets: dict = dataclasses.field(default_factory=dict)
    extra: dict = dataclasses.field(default_factory=dict)
    options: dict = dataclasses.field(default_factory=dict)
    shared: tuple = ()
    modes: tuple = ("fwd", "rev")
    largest: float = 1e30

    @property
    def shapes(self):
        return self.trained | self.targets

    def inputs(self, seed=0, dtype=np.float32):
        rng = np.random.default_rng(seed)
        drawn = {name: rng.normal(size=shape).astype(dtype) for name, shape in self.shapes.items()}
        return drawn | self.extra

    def __call__(self, inputs):
        return self.compiled(**inputs)

    @functools.cached_property
    def compiled(self):
        return jax.jit(functools.partial(self.loss, **self.options))


ROWS = (BATCH, DIM)
TOKENS = (BATCH, PATCHES, DIM)
_rng = np.random.default_rng(7)
_hidden = _rng.random((BATCH, PATCHES)) < 0.6
_hidden[0], _hidden[1] = False, True
_ids = _rng.integers(0, DIM, BATCH).astype(np.int32)
_unassigned = np.where(np.arange(BATCH) % 5 == 0, -100, _ids).astype(np.int32)

CASES = {
    "nt_xent": Case(
        losses.nt_xent,
        reference.nt_xent,
        trained={"z1": ROWS, "z2": ROWS},
        options={"temperature": 0.2},
        modes=("rev",),
    ),
    "info_nce": Case(
        losses.info_nce,
        reference.info_nce,
        trained={"query": ROWS},
        targets={"positive": ROWS, "negatives": (24, DIM)},
        options={"temperature": 0.2},
        shared=("negatives",),
    ),
    "byol_regression": Case(
        losses.byol_regression,
        reference.byol_regression,
        trained={"prediction": ROWS},
        targets={"target": ROWS},
    ),
    "negative_cosine": Case(
        losses.negative_cosine,
        reference.negative_cosine,
        trained={"prediction": ROWS},
        targets={"target": ROWS},
    ),
    "masked_mse": Case(
        losses.masked_mse,
        reference.masked_mse,
        trained={"prediction": TOKENS},
        targets={"target": TOKENS},
        extra={"where": _hidden},
        largest=1e15,
    ),
    "prototype_cross_entropy": Case(
        losses.prototype_cross_entropy,
        reference.prototype_cross_entropy,
        trained={"scores": ROWS},
        extra={"assignments": _ids},
        options={"temperature": 0.5},
    ),
    "prototype_cross_entropy, some unassigned": Case(
        losses.prototype_cross_entropy,
        reference.prototype_cross_entropy,
        trained={"scores": ROWS},
        extra={"assignments": _unassigned, "where": _unassigned >= 0},
        options={"temperature": 0.5},
    ),
}
