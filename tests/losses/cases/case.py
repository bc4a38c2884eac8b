"""What a loss and its inputs look like, for the tests that every loss has to pass."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import numpy as np

BATCH, DIM, PATCHES = 16, 6, 5
ROWS = (BATCH, DIM)
TOKENS = (BATCH, PATCHES, DIM)


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """A loss, its float64 loop, and what its inputs look like.

    Attributes:
      trained: the shapes of the inputs that get a gradient.
      targets: the shapes of the inputs that must get none.
      extra: inputs of other dtypes, with the batch as their first axis.
      options: keyword-only hyper-parameters.
      shared: inputs whose first axis is not the batch.
      first: inputs, besides the first of all, whose last axis may be of any size.
      scalar: the loss couples the batch and is one number, not one for each example.
      modes: the directions of differentiation that the loss supports.
      largest: inputs up to this size must give finite results.
      sharpens: its temperature shapes the targets too, which are constants to its gradient.
    """

    loss: Callable
    reference: Callable
    trained: dict
    targets: dict = dataclasses.field(default_factory=dict)
    extra: dict = dataclasses.field(default_factory=dict)
    options: dict = dataclasses.field(default_factory=dict)
    shared: tuple = ()
    first: tuple = ()
    scalar: bool = False
    modes: tuple = ("fwd", "rev")
    largest: float = 1e30
    sharpens: bool = False

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
