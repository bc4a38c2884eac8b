"""What every pretext task is: its networks, its loss, and what it remembers between steps.

The train step, the loop, checkpoints and evaluation know only `Objective`. A task is a frozen
dataclass that derives from it: every field is a hyper-parameter that a config sets by name
(`config.objective.temperature = 0.1`). All methods are pure. A task that has networks and a loss
needs no more than `modules` and `loss`; the other methods are defaults to override.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import jax
import numpy as np

from ssljax.data.host import CropGroup
from ssljax.errors import UserError
from ssljax.models import without_drop_path
from ssljax.objectives.net import InitNet, Net
from ssljax.objectives.views import Views, blank, plain
from ssljax.ops.ema import ema
from ssljax.ops.schedule import cosine
from ssljax.spec import Batch, Field, Spec

Array = jax.Array
PyTree = Any
STATS = ("stats", "teacher_stats")  # batch statistics in the state of an objective


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run gives to its objective.

    Attributes:
      encoder: the module that is pretrained, from `ssljax.models.build_encoder`.
      spec: what the data are like.
      steps: optimizer steps in the whole run; schedules end there.
      batch_size: global batch size, in examples.
      encoders: those of further fields, by the name of the field that each reads.
    """

    encoder: Any
    spec: Spec
    steps: int
    batch_size: int
    encoders: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the field that the encoder reads."""
        return self.spec.field_of(getattr(self.encoder, "modality", "image"))[0]

    @property
    def field(self) -> Field:
        """The field that the encoder reads."""
        return self.spec.fields[self.name]

    @property
    def dtype(self) -> str:
        """The compute dtype of the encoder, and so of the heads."""
        return getattr(self.encoder, "dtype", "float32")

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which every example is seen once, at least 1."""
        return max(1, self.spec.num_examples // self.batch_size)


class Loss(NamedTuple):
    """What `Objective.loss` returns.

    Attributes:
      value: scalar, which the optimizer minimises.
      metrics: float scalars to log, by name.
      carry: what `advance` needs of this step, by name: keys to enqueue, centres, ...
      weight: of how many items, such as tokens, value and metrics are the mean, where that number
        differs between batches; None where they are means over the examples. So the mean over
        micro-batches is that of the whole batch.
    """

    value: Array
    metrics: Mapping[str, Array] = {}
    carry: Mapping[str, PyTree] = {}
    weight: Array | None = None


@dataclasses.dataclass(frozen=True)
class Objective:
    """A pretext task. `params` is what the optimizer trains, by component; `state` is all else that
    the task remembers between steps: a teacher, batch statistics, a queue, labels.

    Class attributes:
      teacher: components that a teacher has, whose parameters follow as a moving average.
      features_of_teacher: whether evaluation sees the teacher's encoder.
      reads: modalities that the task can take; () for any with an encoder that fits.
      takes_ragged: whether it takes examples of different lengths, which batches hold as a `Value`.
      takes_packed: whether several of them may stand in one row, as its segments say.
      several_fields: whether it uses `run.encoders`, those of further fields.
      batch_coupled: whether the loss (or a batch statistic below it) of one example depends on the
        others of its batch. Where it does, gradients of micro-batches do not add up to the gradient
        of the batch.
      smallest_batch: examples that the loss must compare to tell anything: 2, or 3 where each
        view's projections are normalised over the batch. Below, its gradient is 0: refused.
      frozen: components that are not trained; the optimizer leaves them alone.
      predicts: the entry of `outputs` that predicts the label, "" for none. It is scored on labels,
        see `ssljax.training.predictions`.
      paper: for `ssljax list objectives`.

    Attributes:
      run: what the task is part of.
    """

    run: Run

    teacher: ClassVar[tuple[str, ...]] = ()
    features_of_teacher: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ()
    takes_ragged: ClassVar[bool] = False
    takes_packed: ClassVar[bool] = False
    several_fields: ClassVar[bool] = False
    batch_coupled: ClassVar[bool] = False
    smallest_batch: ClassVar[int] = 1
    frozen: ClassVar[tuple[str, ...]] = ()
    predicts: ClassVar[str] = ""
    paper: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Views):  # views are of the data that the encoder reads
                object.__setattr__(self, field.name, value.bound(self.run.name, self.run.field))
        self.check()

    # What a task says of itself.

    def check(self) -> None:
        """Raise a UserError for values that do not fit each other, the data or the encoder."""

    def check_labels(self, labels: np.ndarray, names: Sequence[str]) -> None:
        """Raise a UserError for labels [n, ...] of training that the task cannot learn; `names` are
        those of their examples. It is asked where all of them are known before training."""

    def modules(self) -> dict[str, Any]:
        """Return the networks by name, {"encoder": ..., "projector": ...}."""
        return {"encoder": self.run.encoder}

    def loss(self, net: Net, teacher: Net | None, batch: Batch, *, key: Array, step: Array) -> Loss:
        """Return the loss; views, masks and noise come from `key`.

        Args:
          net: the networks; `net.state` is what the task remembers.
          teacher: those of the teacher, or None.
          batch: arrays by field, "id" and "row", int32[B].
          key: of this step.
          step: number of the step.
        """
        raise NotImplementedError

    # Defaults, for a task to override.

    @property
    def continues(self) -> tuple[str, ...]:
        """Return the networks besides the encoder that start as those of the run that `init_from`
        names, where that has them."""
        return ()

    def run_once(self, net: Net) -> None:
        """Call every network once, on blank input: so parameters get their shapes.

        By default the encoder sees `blank`, and each further network, in order, takes what the
        one before gave.
        """
        first, *rest = net.modules
        output = getattr(net, first)(self.blank())
        for name in rest:
            output = getattr(net, name)(getattr(output, "pooled", output))

    def blank(self) -> Array:
        """Return two blank inputs, as large as the largest views: the data may be of a size that
        no patch divides."""
        sizes = [value.size for value in vars(self).values() if isinstance(value, Views)]
        return blank(self.run.field, max(sizes, default=0))

    def memory(self, key: Array) -> dict[str, PyTree]:
        """Return what the task remembers besides teacher and batch statistics, at the start."""
        return {}

    def decay(self, step: Array) -> Array | float:
        """Return the weight of the old parameters in the teacher's moving average.

        By default it rises from the field `momentum` along half a cosine to 1.
        """
        return cosine(step, start=self.momentum, end=1.0, steps=self.run.steps)

    def advance(
        self, params: PyTree, state: PyTree, carry: PyTree, *, step: Array
    ) -> tuple[PyTree, PyTree]:
        """Return parameters and state for the next step; runs after the optimizer's update.

        By default what the loss carried replaces the state's entry of that name, and the teacher
        follows the parameters.
        """
        state = {**state, **carry}
        if self.teacher:
            student = {name: params[name] for name in self.teacher}
            state["teacher"] = ema(state["teacher"], student, self.decay(step))
        return params, state

    def outputs(self, params: PyTree, state: PyTree, batch: Batch) -> dict[str, Array]:
        """Return what evaluation and users see of un-augmented examples, by name.

        `config.evaluation.output` chooses the one that is evaluated, [B, D]; the first is the
        default. An output that is made of one field has the name of the field, or that name after
        "/"; it must be there for a batch that holds no other field.

        Returns:
          The features [B, D] under the name of the field, and its tokens [B, N, d] under
          "tokens/NAME". An objective of prototypes adds the logits [B, K] of their assignments
          under "assignments/NAME", see `ssljax.evaluation.protocols.label_free`; a language model
          the losses of a text, [B, 2], under "losses/NAME", and the ids that it predicts, [B, M],
          under "predicted/NAME", see `ssljax.evaluation.protocols.held_out_loss`; a world model the
          tokens that actions lead to, [B, K, d], under "rollout", see
          `ssljax.evaluation.protocols.rollout`.
        """
        net = self.evaluated(params, state)
        encoded = net.encoder(plain(batch[self.run.name], self.run.field))
        return {self.run.name: encoded.pooled, f"tokens/{self.run.name}": encoded.tokens}

    def evaluated(self, params: PyTree, state: PyTree) -> Net:
        """Return the networks whose features evaluation sees: the teacher's or the student's."""
        student, teacher = self.nets(params, state, train=False)
        return teacher if self.features_of_teacher else student

    def layers(self, params: PyTree, state: PyTree, batch: Batch, name: str) -> Array:
        """Return what every block of the encoder of a field gives, [B, L, 2, D]; see `Encoded`.

        Args:
          params, state, batch: see `outputs`.
          name: of the field.

        Raises:
          TypeError: the encoder does not tell.
        """
        encoder = getattr(self.evaluated(params, state), self.encoder_of(name))
        return encoder(plain(batch[name], self.run.spec.fields[name]), layers=True).layers

    def encoder_of(self, name: str) -> str:
        """Return the component that reads a field."""
        return "encoder"

    def host_crops(self) -> dict[str, CropGroup]:
        """Return the crops that hosts can make for the views, by the name of their entry.

        With `config.data.ship = "crops"` batches hold these instead of whole images.

        Raises:
          UserError: the task has no views, or one that is not of a crop of an image.
        """
        values = [getattr(self, field.name) for field in dataclasses.fields(self)]
        views = [value for value in values if isinstance(value, Views)]
        if not views:
            raise UserError(
                f"config.data.ship='crops' does not suit {type(self).__name__}, which has no views "
                "and sees whole examples; set config.data.ship='square'"
            )
        return {name: one for value in views for name, one in value.host_crops().items()}

    # What the train step calls.

    @functools.cached_property
    def networks(self) -> dict[str, Any]:
        """The networks, built once."""
        return self.modules()

    def init(self, key: Array, memory_key: Array) -> tuple[dict[str, PyTree], dict[str, PyTree]]:
        """Return the first parameters and the first state, each of a key of its own."""
        params, stats = self.init_networks(key)
        return params, self.init_state(memory_key, params, stats)

    def init_networks(self, key: Array) -> tuple[dict[str, PyTree], dict[str, PyTree]]:
        """Return the first parameters of the networks, by component, and their batch statistics."""
        net = InitNet(self.networks, key)
        self.run_once(net)
        return net.params, net.stats

    def init_state(
        self, key: Array, params: dict[str, PyTree], stats: dict[str, PyTree]
    ) -> dict[str, PyTree]:
        """Return the first state, of what `init_networks` gives."""
        state: dict[str, PyTree] = {"stats": stats, **self.memory(key)}
        if self.teacher:
            state["teacher"] = {name: params[name] for name in self.teacher}
            state["teacher_stats"] = {name: stats[name] for name in self.teacher}
        return state

    def nets(
        self, params: PyTree, state: PyTree, *, key: Array | None = None, train: bool = True
    ) -> tuple[Net, Net | None]:
        """Return the networks bound to their parameters, and those of the teacher."""
        student = Net(
            self.networks, params, state.get("stats", {}), state=state, key=key, train=train
        )
        if not self.teacher:
            return student, None
        modules = {name: without_drop_path(self.networks[name]) for name in self.teacher}
        stats = state.get("teacher_stats", {})
        own = None if key is None else jax.random.fold_in(key, _TEACHER_STREAM)
        teacher = Net(modules, state["teacher"], stats, state=state, key=own, train=train)
        return student, teacher

    def value(
        self, params: PyTree, state: PyTree, batch: Batch, *, key: Array, step: Array
    ) -> tuple[Array, "Aux"]:
        """Return the loss, a scalar, and what else a step needs of it."""
        student, teacher = self.nets(params, state, key=jax.random.fold_in(key, _MODEL_STREAM))
        loss = self.loss(student, teacher, batch, key=key, step=step)
        carry = {"stats": student.stats, **loss.carry}
        if teacher is not None:
            carry["teacher_stats"] = teacher.stats
        return loss.value, Aux(dict(loss.metrics), carry, loss.weight)


_TEACHER_STREAM = 0x74656163  # of the key of the networks
_MODEL_STREAM = 0x6D6F646C  # of a step's key; views, masks and noise take the small numbers


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Aux:
    """What `Objective.value` returns besides the loss.

    Attributes:
      metrics: float scalars to log, by name.
      carry: what `advance` needs of this step, by name.
      weight: number of items that the loss and the metrics are means over, or None; see `Loss`.
    """

    metrics: dict[str, Array]
    carry: PyTree
    weight: Array | None = None


class Refreshing(Objective):
    """An objective that also works between steps, on the whole training set (clustering)."""

    def refresh_due(self, step: int) -> bool:
        """Whether to refresh before that step; of `step` alone, so that a resumed run agrees."""
        raise NotImplementedError

    def refresh(self, state: Any, batches: Callable[[], Iterable[Batch]], *, key: Array) -> Any:
        """Return the train state with a refreshed `objective_state`.

        Args:
          state: the train state: step, params, objective_state, opt_state.
          batches: gives one pass over the training set in order, un-augmented, the last batch
            padded; a batch has a further entry "valid", bool [B].
          key: of this refresh.
        """
        raise NotImplementedError
