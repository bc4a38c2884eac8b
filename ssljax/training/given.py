"""Outputs of a run for examples that are in memory, in batches of few sizes."""

import operator
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from ssljax.data.given import Given, prepared
from ssljax.errors import UserError
from ssljax.training.data_sets import sampling_of_evaluation
from ssljax.training.experiment import Experiment
from ssljax.training.run_tokenizer import tokenizer_of
from ssljax.training.sharding import local_rows
from ssljax.training.state import TrainState

Array = jax.Array


def field_of_given(experiment: Experiment, name: str, values: Given) -> Any:
    """Return examples of a field as a batch of an evaluation holds them; see `prepared`."""
    field, shorter = experiment.shown[name], experiment.config.evaluation.resize
    if field.modality == "video":  # whole frames, not crops of them
        field = experiment.objective.run.spec.fields[name]
    tokenizer = tokenizer_of(experiment.config) if field.modality == "text" else None
    clips = sampling_of_evaluation(experiment.config)
    how = {"shorter": shorter, "clips": clips, "tokenizer": tokenizer}
    return prepared(values, field, name, **how)


def output_of_given(
    experiment: Experiment, state: TrainState, output: str, given: Mapping[str, Given]
) -> np.ndarray:
    """Return an output of examples, float32 [n, ...].

    Batches have few sizes, so that little is compiled whatever n is; examples are divided over the
    devices.

    Args:
      experiment: built of the run's config.
      state: of a checkpoint.
      output: a name of `Objective.outputs`.
      given: examples by the name of their field, equally many of each, at least one.

    Raises:
      UserError: examples that do not fit, or an output that is not finite.
    """
    count, found = len(next(iter(given.values()))), None
    finite = np.empty(count, bool)
    for begin, end, rows in _batches(experiment, state, output, given, count):
        if found is None:
            found = np.empty((count, *rows.shape[1:]), np.float32)
        found[begin:end] = rows
        finite[begin:end] = np.isfinite(rows.reshape(len(rows), -1)).all(axis=1)
    if not finite.all():
        raise UserError(
            f"the features of {int((~finite).sum())} of {count} examples are not finite, first "
            f"of example {int(np.argmin(finite))}; the encoder has diverged"
        )
    return found


def _batches(
    experiment: Experiment,
    state: TrainState,
    output: str,
    given: Mapping[str, Given],
    count: int,
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield (first, end, features) of a batch while the next is computed."""
    run, waiting = experiment.jitted(output), None
    for begin, end, size in parts(experiment, count):
        made = {
            name: field_of_given(experiment, name, values[begin:end])
            for name, values in given.items()
        }
        # The rows that are missing repeat the last example; every host places its own.
        own = np.minimum(local_rows(experiment.mesh, size), end - begin - 1)
        batch = experiment.put(jax.tree.map(operator.itemgetter(own), made))
        features = run(state.params, state.objective_state, batch)
        if waiting is not None:
            yield _on_host(*waiting)
        waiting = begin, end, features
    yield _on_host(*waiting)


def parts(experiment: Experiment, count: int) -> Iterator[tuple[int, int, int]]:
    """Yield (first, end, size of the batch), sizes being powers of two times the devices."""
    shards = experiment.mesh.shape["data"] * experiment.mesh.shape["fsdp"]
    most = -(-experiment.config.evaluation.batch_size // shards)
    for begin in range(0, count, most * shards):
        end = min(count, begin + most * shards)
        needed = -(-(end - begin) // shards)
        yield begin, end, shards * min(most, 1 << (needed - 1).bit_length())


def _on_host(begin: int, end: int, features: Array) -> tuple[int, int, np.ndarray]:
    return begin, end, np.asarray(features, np.float32)[: end - begin]
