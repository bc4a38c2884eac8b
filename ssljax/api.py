"""A run from Python: its features of images, series, rows or texts that are in memory.

model = ssljax.load("runs/quickstart")
features = model.embed(images)  # float32 [n, D]
"""

import dataclasses
import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from ssljax.data.given import Given, prepared
from ssljax.errors import UserError, unknown
from ssljax.evaluation.subject import PROJECTED
from ssljax.objectives import outputs_of
from ssljax.spec import Batch, Spec
from ssljax.training.data_record import spec_of_run
from ssljax.training.evaluate import build_for_evaluation, restore_for_evaluation
from ssljax.training.experiment import Experiment
from ssljax.training.given import field_of_given, output_of_given
from ssljax.training.output import Output, find_output, shapes_of_outputs
from ssljax.training.state import TrainState
from ssljax.training.trust import require_trust
from ssljax.training.workdir import folder, load_config

Array = jax.Array
PyTree = Any


@dataclasses.dataclass(frozen=True, repr=False)
class Model:
    """A trained run: what its objective gives of un-augmented examples; see `load`.

    Examples are given by the name of their field; those of the field that the encoder reads may be
    given without:

        model.embed(images)
        model.embed(image=images, output="projected/image")
        model.embed(text=["a red car", "a blue one"])

    They are brought to the size that evaluation shows the encoder, as evaluation does it: see
    `config.evaluation.size` and `ssljax.data.given.prepared`.

    Attributes:
      experiment: built of the run's config.
      state: of a checkpoint, without the optimizer's.
    """

    experiment: Experiment
    state: TrainState

    def __repr__(self) -> str:
        names = self.config.objective.name, self.config.encoder.name
        return f"Model({' on '.join(names)}, step {self.step})"

    @property
    def config(self) -> ConfigDict:
        """The complete config of the run."""
        return self.experiment.config

    @property
    def spec(self) -> Spec:
        """What the training data were like: fields with means, deviations, columns."""
        return self.experiment.objective.run.spec

    @property
    def step(self) -> int:
        """The step of the checkpoint."""
        return int(self.state.step)

    @property
    def params(self) -> dict[str, PyTree]:
        """The trained parameters, by component."""
        return self.state.params

    def embed(
        self, examples: Given | None = None, /, *, output: str = "", **fields: Given
    ) -> np.ndarray:
        """Return features of examples, float32 [n, D].

        Batches have few sizes, so that little is compiled whatever n is; examples are divided over
        the devices.

        Args:
          examples: of the field that the encoder reads.
          output: one of `Objective.outputs` that is a vector per example; by default the first that
            the given fields allow.
          fields: examples by the name of their field.

        Raises:
          UserError: no such field or output, examples that do not fit, features that are not
            finite.
        """
        given = self._given(examples, fields)
        return self._run(self._output(given, output).name, given)

    def tokens(self, examples: Given | None = None, /, **fields: Given) -> np.ndarray:
        """Return the tokens of one field, float32 [n, N, d]; those of a ResNet are its grid.

        Raises:
          UserError: as `embed`; or several fields are given.
        """
        given = self._given(examples, fields)
        if len(given) > 1:
            raise UserError(f"tokens are of one field; given are {', '.join(given)}")
        return self._run(f"tokens/{next(iter(given))}", given)

    def similarity(
        self, one: Given | None = None, other: Given | None = None, /, **fields: Given
    ) -> np.ndarray:
        """Return how well examples of two fields belong together, float32 [n, m].

        For a run of an objective that compares fields, such as CLIP: the cosines of the projections
        of n examples of one field with those of m examples of another. They lie in [-1, 1], without
        the learned scale.

            best = model.similarity(images, ["a cat", "a dog"]).argmax(axis=1)
            best = model.similarity(audio=sounds, text=["a cat", "a dog"]).argmax(axis=1)

        Args:
          one: of the field that the encoder reads.
          other: of the other field, where there are two.
          fields: instead of both, two fields by name, in the order of the result.

        Raises:
          UserError: the objective does not compare two fields, or not these; or as `embed`.
        """
        own, outputs = self.experiment.objective.run.name, self._outputs
        names = [own, *(name for name in self.experiment.shown if name != own)]
        compared = [name for name in names if f"{PROJECTED}/{name}" in outputs]
        if len(compared) < 2:
            raise UserError(
                f"similarity compares two fields, as clip and siglip do; this run of "
                f"{self.config.objective.name} has no projections of two"
            )
        if one is not None or other is not None:
            if fields or len(compared) > 2:
                raise UserError(
                    f"this run compares {', '.join(compared)}; give two of them by name, such as "
                    f"similarity({compared[0]}=..., {compared[-1]}=...)"
                )
            both = zip(compared, (one, other), strict=True)
            fields = {name: examples for name, examples in both if examples is not None}
        for name in fields:
            if name not in compared:
                raise unknown("field that is compared", name, compared)
        if len(fields) != 2:
            raise UserError(f"similarity takes examples of two fields, of {', '.join(compared)}")
        first, second = (
            self._run(f"{PROJECTED}/{name}", self._given(None, {name: examples}))
            for name, examples in fields.items()
        )
        return first @ second.T

    def rollout(self, examples: Given, actions: Given, /) -> np.ndarray:
        """Return the embeddings of the frames that actions lead to, float32 [n, k, D].

        For a run of a world model, such as lewm. They are compared with those of frames, such as of
        a goal:

            found = model.rollout(frames, actions)  # of n plans
            best = np.square(found[:, -1] - model.tokens(goal)[:, -1]).sum(axis=-1).argmin()

        Args:
          examples: uint8 [n, T, h, w, c], frames up to now, as many as you like; the last `history`
            of them count.
          actions: [n, T - 1 + k, A], those between the frames and then k more, as the data hold
            them: one-hot where they are discrete.

        Raises:
          UserError: the objective is no world model, or examples or actions that do not fit.
        """
        objective, batch = self.experiment.objective, {}
        if not hasattr(objective, "rollout"):
            raise UserError(
                f"a rollout is of a world model, such as lewm; this run is of "
                f"{self.config.objective.name}"
            )
        for name, values in ((objective.run.name, examples), (objective.action, actions)):
            given, field = np.asarray(values), objective.run.spec.fields[name]
            if given.ndim != len(field.shape) + 1 or given.shape[2:] != field.shape[1:]:
                wanted = ", ".join(map(str, ("n", "T", *field.shape[1:])))
                raise UserError(f"{name} has the shape {list(given.shape)}; it must be [{wanted}]")
            if field.modality == "series" and not np.isfinite(given).all():
                raise UserError(f"{name} has values that are no finite numbers")
            batch[name] = prepared(given, field.replace(shape=given.shape[1:]), name)
        if len({len(one) for one in batch.values()}) > 1:
            raise UserError(f"{len(examples)} examples have {len(actions)} rows of actions")
        return np.asarray(self._rolled_out(self.params, self.state.objective_state, batch))

    @functools.cached_property
    def _rolled_out(self):
        return jax.jit(lambda *args: self.experiment.objective.rollout(*args))

    def batch(self, examples: Given | None = None, /, **fields: Given) -> Batch:
        """Return examples as `apply` takes them, as arrays of JAX."""
        given = self._given(examples, fields)
        made = {name: field_of_given(self.experiment, name, of) for name, of in given.items()}
        return jax.tree.map(jax.numpy.asarray, made)

    def apply(self, params: dict[str, PyTree], batch: Batch) -> dict[str, Array]:
        """Return every output that a batch allows; to be jitted and differentiated as you like.

            loss = lambda params: jnp.mean(model.apply(params, batch)["image"] ** 2)
            gradient = jax.grad(loss)(model.params)

        Features of a teacher (`Objective.features_of_teacher`) do not depend on `params`, but on
        the state.

        Args:
          params: such as `params`.
          batch: see `batch`.
        """
        objective = self.experiment.objective
        return outputs_of(objective, params, self.state.objective_state, batch)

    def _given(self, examples: Given | None, fields: dict[str, Given]) -> dict[str, Given]:
        own = self.experiment.objective.run.name
        if examples is not None:
            if own in fields:
                raise UserError(f"{own} is given twice, by position and by name")
            fields = {own: examples, **fields}
        if not fields or not all(map(len, fields.values())):
            raise UserError("there is no example to embed")
        for name in fields:
            if name not in self.experiment.shown:
                raise unknown("field", name, self.experiment.shown)
        counts = {name: len(values) for name, values in fields.items()}
        if len(set(counts.values())) > 1:
            raise UserError(f"the fields differ in their number of examples: {counts}")
        return fields

    @property
    def _outputs(self) -> dict[str, tuple[int, ...]]:
        state, shown = self.experiment.abstract_state, self.experiment.shown
        objective = self.experiment.objective
        return shapes_of_outputs(objective, state.params, state.objective_state, shown)

    def _output(self, given: dict[str, Given], name: str) -> Output:
        objective, state = self.experiment.objective, self.experiment.abstract_state
        shown = {field: self.experiment.shown[field] for field in given}
        return find_output(objective, state.params, state.objective_state, shown, name)

    def _run(self, output: str, given: dict[str, Given]) -> np.ndarray:
        return output_of_given(self.experiment, self.state, output, given)


def load(
    workdir: str | os.PathLike[str],
    *,
    step: int | None = None,
    trust: Sequence[str] = (),
    devices: Sequence[jax.Device] | None = None,
    evaluation: Mapping[str, Any] | None = None,
) -> Model:
    """Return the model of a run; neither its training data nor its devices are needed.

    Args:
      workdir: the folder of the run.
      step: of the checkpoint; by default the newest that is intact.
      trust: "package.module:Class" of objectives outside ssljax whose code may be imported.
      devices: over which examples are divided; by default all there are.
      evaluation: keys of `config.evaluation` to change, such as {"size": 96}.

    Raises:
      UserError: no run, no such step, a damaged checkpoint, or code that is not trusted.
    """
    path = folder(os.fspath(workdir))
    config = load_config(path)
    require_trust(config.objective, trust, "add trust=[{!r}]")
    for key, value in (evaluation or {}).items():
        if key not in config.evaluation:
            raise unknown("config.evaluation", key, config.evaluation)
        config.evaluation[key] = value
    experiment = build_for_evaluation(config, spec_of_run(path, config), devices=devices)
    return Model(experiment, restore_for_evaluation(experiment, path, step))
