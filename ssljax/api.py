"""A run from Python: its features of images, series, rows or texts that are in memory.

model = ssljax.load("runs/quickstart")
features = model.embed(images)  # float32 [n, D]
"""

import dataclasses
import operator
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from ssljax.data.given import Given, prepared
from ssljax.errors import UserError, unknown
from ssljax.spec import Batch, Spec
from ssljax.training.data_record import spec_of_run
from ssljax.training.evaluate import build_for_evaluation, restore_for_evaluation
from ssljax.training.experiment import Experiment
from ssljax.training.output import Output, find_output
from ssljax.training.run_tokenizer import tokenizer_of
from ssljax.training.sharding import local_rows
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

    def batch(self, examples: Given | None = None, /, **fields: Given) -> Batch:
        """Return examples as `apply` takes them, as arrays of JAX."""
        given = self._given(examples, fields)
        made = {name: self._prepared(name, values) for name, values in given.items()}
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
        return self.experiment.objective.outputs(params, self.state.objective_state, batch)

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

    def _output(self, given: dict[str, Given], name: str) -> Output:
        objective, state = self.experiment.objective, self.experiment.abstract_state
        shown = {field: self.experiment.shown[field] for field in given}
        return find_output(objective, state.params, state.objective_state, shown, name)

    def _prepared(self, name: str, values: Given) -> Any:
        field, shorter = self.experiment.shown[name], self.config.evaluation.resize
        tokenizer = tokenizer_of(self.config) if field.modality == "text" else None
        return prepared(values, field, name, shorter=shorter, tokenizer=tokenizer)

    def _run(self, output: str, given: dict[str, Given]) -> np.ndarray:
        run, count = self.experiment.jitted(output), len(next(iter(given.values())))
        rows: list[np.ndarray] = []
        waiting: list[tuple[Array, int]] = []  # a batch is computed while the next is prepared
        for begin, end, size in self._parts(count):
            made = {name: self._prepared(name, values[begin:end]) for name, values in given.items()}
            # The rows that are missing repeat the last example; every host places its own.
            own = np.minimum(local_rows(self.experiment.mesh, size), end - begin - 1)
            batch = self.experiment.put(jax.tree.map(operator.itemgetter(own), made))
            features = run(self.state.params, self.state.objective_state, batch)
            waiting.append((features, end - begin))
            if len(waiting) > 1:
                rows.append(_rows(*waiting.pop(0)))
        rows += [_rows(*one) for one in waiting]
        found = np.concatenate(rows)
        finite = np.isfinite(found.reshape(count, -1)).all(axis=1)
        if not finite.all():
            raise UserError(
                f"the features of {int((~finite).sum())} of {count} examples are not finite, first "
                f"of example {int(np.argmin(finite))}; the encoder has diverged"
            )
        return found

    def _parts(self, count: int) -> Iterator[tuple[int, int, int]]:
        """Yield (first, end, size of the batch), sizes being powers of two times the devices."""
        shards = self.experiment.mesh.shape["data"] * self.experiment.mesh.shape["fsdp"]
        most = -(-self.config.evaluation.batch_size // shards)
        for begin in range(0, count, most * shards):
            end = min(count, begin + most * shards)
            needed = -(-(end - begin) // shards)
            yield begin, end, shards * min(most, 1 << (needed - 1).bit_length())


def _rows(features: Array, count: int) -> np.ndarray:
    return np.asarray(features, np.float32)[:count]


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
