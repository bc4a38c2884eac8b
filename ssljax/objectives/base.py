"""The interface between a pretext task and everything else.

The train step, the loop, checkpoints and evaluation know only the `Objective` below, and have no
branch on which one it is. An objective is a frozen dataclass: its first field is the `Run` it is
part of, every further field is a hyper-parameter that a config can set by name
(`config.objective.temperature = 0.1`). All its methods are pure.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

import jax

Array = jax.Array
PyTree = Any
Batch = Mapping[str, Array]  # image uint8[B, H, W, C], id and row int32[B], perhaps label


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What the data are like.

    Attributes:
      shape: (height, width, channels) of the images in a batch.
      mean: of each channel over the training set, pixels in [0, 1].
      std: likewise.
      num_examples: of the training set; ids in a batch lie in [0, num_examples).
    """

    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    num_examples: int


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run gives to its objective.

    Attributes:
      encoder: the module that is pretrained, from `ssljax.models.build_encoder`.
      inputs: what the data are like.
      steps: optimizer steps in the whole run; schedules end there.
      batch_size: global batch size, in examples.
    """

    encoder: Any
    inputs: Inputs
    steps: int
    batch_size: int

    @property
    def dtype(self) -> str:
        """The compute dtype of the encoder, and so of the heads."""
        return getattr(self.encoder, "dtype", "float32")

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which every example is seen once, at least 1."""
        return max(1, self.inputs.num_examples // self.batch_size)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Aux:
    """What `loss` returns besides the loss.

    Attributes:
      metrics: float scalars to log, by name.
      carry: what `advance` needs of this step: new batch statistics, keys to enqueue, ...
    """

    metrics: dict[str, Array]
    carry: PyTree


@runtime_checkable
class Objective(Protocol):
    """A pretext task. `params` is what the optimizer trains; `memory` is all else that it remembers
    between steps.

    Attributes:
      batch_coupled: whether the loss (or a batch statistic below it) of one example depends on the
        others of its batch. Where it does, gradients of micro-batches do not add up to the gradient
        of the batch.

    Of a loss that compares the examples of a batch, `smallest_batch` says how many it takes to tell
    anything: 2, or 3 where each view's projections are normalised over the batch, which leaves the
    mere signs of two. Below, the gradient is 0, and the run is refused. A class without it takes 1.

    Three more tell `ssljax list objectives` what it is, where a class has them: `family`, `paper`,
    and `keeps`, the entries of its memory besides batch statistics.
    """

    batch_coupled: ClassVar[bool]

    def init_params(self, key: Array, batch: Batch) -> dict[str, PyTree]:
        """Return the trained parameters, by component: {"encoder": ..., "projector": ...}."""

    def init_memory(self, key: Array, params: dict[str, PyTree], batch: Batch) -> PyTree:
        """Return the first memory: teacher, queue, centre, batch statistics, labels."""

    def loss(
        self, params: dict[str, PyTree], memory: PyTree, batch: Batch, *, key: Array, step: Array
    ) -> tuple[Array, Aux]:
        """Return the loss, a scalar; views, masks and noise come from `key`."""

    def advance(
        self, params: dict[str, PyTree], memory: PyTree, carry: PyTree, *, step: Array
    ) -> tuple[dict[str, PyTree], PyTree]:
        """Return parameters and memory for the next step; runs after the optimizer's update."""

    def embed(self, params: dict[str, PyTree], memory: PyTree, batch: Batch) -> Array:
        """Return the features [B, D] of un-augmented images: what evaluation sees."""


@runtime_checkable
class Refreshing(Protocol):
    """An objective that also works between steps, on the whole training set (clustering)."""

    def refresh_due(self, step: int) -> bool:
        """Whether to refresh before that step; of `step` alone, so that a resumed run agrees."""

    def refresh(self, state: Any, batches: Callable[[], Iterable[Batch]], *, key: Array) -> Any:
        """Return the state with a refreshed memory.

        Args:
          state: the train state: step, params, memory, opt_state.
          batches: gives one pass over the training set in order, un-augmented, the last batch
            padded; a batch has a further entry "valid", bool [B].
          key: of this refresh.
        """
