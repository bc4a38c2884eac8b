"""What protocols see of a run: its encoder, the random one and the raw input, and the examples."""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from ssljax.data import Source, Subset, epoch, groups_of, only
from ssljax.errors import UserError
from ssljax.evaluation.linear import stratified_split
from ssljax.evaluation.protocol import TEST_PART, TEST_SEED
from ssljax.evaluation.subject import TOKENS, Examples, Subject, Transform
from ssljax.modalities import modality_of
from ssljax.ops.patches import patchify
from ssljax.spec import Batch, Field
from ssljax.training.experiment import Experiment
from ssljax.training.output import shapes_of_outputs
from ssljax.training.sharding import batch_sharding, local_rows
from ssljax.training.state import TrainState

Array = jax.Array


def subjects_of(
    experiment: Experiment,
    state: TrainState,
    train: Source,
    test: Source | None,
    *,
    raw: Callable[[Batch], Array],
) -> tuple[Subject, ...]:
    """Return the pretrained encoder, the one that the run started from, and the raw input.

    Args:
      experiment: built of the run's config.
      state: of the checkpoint to evaluate.
      train, test: what is evaluated on, all fields included; without test, a part of train is held
        out, the same that `ssljax.evaluation.evaluate` holds out.
      raw: the features of a batch without a network.
    """
    examples = _examples(experiment, train, test)
    shards = experiment.mesh.shape["data"] * experiment.mesh.shape["fsdp"]
    place = functools.partial(_placed, experiment)
    encode, outputs = _Encoder(experiment), _outputs(experiment)
    made = functools.partial(
        Subject, examples=examples, seed=experiment.config.seed, place=place, shards=shards
    )
    first = functools.cache(experiment.init)  # made where it is needed
    return (
        made("pretrained", encode=encode.bound(lambda: state), outputs=outputs),
        made("random_init", encode=encode.bound(first), outputs=outputs),
        made("raw_input", **_raw(experiment, raw, outputs)),
    )


def _examples(experiment: Experiment, train: Source, test: Source | None) -> Examples:
    parts = {"train": train} if test is None else {"train": train, "test": test}
    labelled = "label" in train.fields and (test is None or "label" in test.fields)
    if test is None and labelled:
        parts |= _held_out(train)
    targets = functools.cache(lambda part: _targets(parts[part]) if labelled else None)

    def read(part: str, **options: Any) -> Iterator[Batch]:
        return batches(experiment, parts[part], labels=labelled, **options)

    counts = {part: len(source) for part, source in parts.items()}
    fields = experiment.output.fields
    return Examples(
        fields,
        counts,
        read,
        targets,
        experiment.config.evaluation.batch_size,
        groups=lambda part: groups_of(parts[part]),
    )


def _held_out(train: Source) -> dict[str, Source]:
    """Return the parts of a source without a test split; {} where nothing can be held out."""
    labels = _targets(train)
    try:
        if labels.ndim == 1 and labels.dtype.kind in "iu":
            kept, held = stratified_split(labels, TEST_PART, TEST_SEED)
        else:
            order = np.random.default_rng(TEST_SEED).permutation(len(labels))
            kept, held = np.split(order, [round((1 - TEST_PART) * len(order))])
            kept, held = np.sort(kept), np.sort(held)
    except UserError:
        return {}
    return {"train": Subset(train, kept), "test": Subset(train, held)}


def _targets(source: Source) -> np.ndarray:
    alone = only(source, ())  # the label is kept always
    size = min(len(alone), 4096)
    found = [batch["label"][batch["valid"]] for batch in epoch(alone, size, labels=True)]
    labels = np.concatenate(found)
    return labels.astype(np.int64) if labels.ndim == 1 and labels.dtype.kind in "iu" else labels


def batches(
    experiment: Experiment,
    source: Source,
    *,
    labels: bool,
    order: np.ndarray | None = None,
    batch_size: int = 0,
    shorter: int = 0,
    size: int = 0,
    also: tuple[str, ...] = (),
) -> Iterator[dict[str, np.ndarray]]:
    """Yield global batches: every host reads them all, and embeds its part.

    Images are whole: of the size of those in training, or `evaluation.size`. The other arguments
    are those of `Subject.encoded`.
    """
    config, fields = experiment.config, experiment.output.fields
    source = only(source, {*fields, *also})
    order = None if order is None else np.asarray(order, np.int64)
    if order is not None:
        source = Subset(source, order)
    batch_size = batch_size or config.evaluation.batch_size
    shards = experiment.mesh.shape["data"] * experiment.mesh.shape["fsdp"]
    batch_size = -(-batch_size // shards) * shards
    shapes = {field.modality: field.shape for field in fields.values()}
    lengths = [shapes[one][0] for one in ("series", "text") if one in shapes]
    sides = shapes["image"][:2] if "image" in shapes else None
    for batch in epoch(
        source,
        batch_size,
        (size, size) if size and sides else sides,
        length=next(iter(lengths), None),
        shorter=shorter or config.evaluation.resize,
        labels=labels,
        workers=config.data.workers,
    ):
        yield batch if order is None else batch | {"id": order[batch["id"]].astype(np.int32)}


def _placed(experiment: Experiment, rows: np.ndarray) -> Array:
    own = local_rows(experiment.mesh, len(rows))
    return jax.make_array_from_process_local_data(batch_sharding(experiment.mesh), rows[own])


def _own(experiment: Experiment, batch: Batch) -> Batch:
    """Return this host's part of the fields of a batch, placed on the mesh."""
    own = local_rows(experiment.mesh, len(batch["id"]))
    names = (*experiment.output.fields, "id")
    return experiment.put(jax.tree.map(lambda array: array[own], {n: batch[n] for n in names}))


def _changed(transform: Transform | None, seed: Array, batch: Batch) -> Batch:
    return batch if transform is None else {**batch, **transform(jax.random.key(seed), batch)}


@dataclasses.dataclass(frozen=True)
class _Encoder:
    """The jitted outputs of a run's objective, the same functions for any parameters."""

    experiment: Experiment
    _jitted: dict[Any, Callable] = dataclasses.field(default_factory=dict)

    def bound(self, state: Callable[[], TrainState]) -> Callable:
        """Return `Subject.encode` for a state."""

        def encode(batch: Batch, output: str, transform: Transform | None, seed: int) -> Array:
            now, run = state(), self._function(output, transform)
            own = _own(self.experiment, batch)
            return run(now.params, now.objective_state, own, np.uint32(seed))

        return encode

    def _function(self, output: str, transform: Transform | None) -> Callable:
        if (output, transform) not in self._jitted:
            experiment, name = self.experiment, _name(self.experiment, output)

            def encode(params: Any, state: Any, batch: Batch, seed: Array) -> Array:
                batch = _changed(transform, seed, batch)
                with jax.sharding.use_abstract_mesh(experiment.mesh.abstract_mesh):
                    return experiment.objective.outputs(params, state, batch)[name]

            self._jitted[output, transform] = jax.jit(
                encode, out_shardings=batch_sharding(experiment.mesh)
            )
        return self._jitted[output, transform]


def _name(experiment: Experiment, output: str) -> str:
    """Return the objective's name of an output that a protocol names by what it is."""
    if output == TOKENS:
        return f"{TOKENS}/{next(iter(experiment.output.fields))}"
    return output or experiment.output.name


def _outputs(experiment: Experiment) -> dict[str, tuple[int, ...]]:
    state = experiment.abstract_state
    shapes = shapes_of_outputs(
        experiment.objective, state.params, state.objective_state, experiment.output.fields
    )
    found = {name: shape[1:] for name, shape in shapes.items()}
    named = {
        one: found[_name(experiment, one)]
        for one in ("", TOKENS)
        if _name(experiment, one) in found
    }
    return named | found


def _raw(
    experiment: Experiment, raw: Callable[[Batch], Array], outputs: Mapping[str, tuple[int, ...]]
) -> dict[str, Any]:
    """Return what a subject of the raw input differs in: its features, and patches for tokens."""
    fields = experiment.output.fields
    name, field = next(iter(fields.items()))
    patch = _patch(experiment, field, outputs) if len(fields) == 1 else ()
    functions = {"": raw}
    if patch:
        plain = modality_of(field).plain
        functions[TOKENS] = lambda batch: patchify(plain(batch[name], field), patch=patch)
    jitted: dict[Any, Callable] = {}

    def encode(batch: Batch, output: str, transform: Transform | None, seed: int) -> Array:
        if (output, transform) not in jitted:
            jitted[output, transform] = jax.jit(
                lambda seed, batch: functions[output](_changed(transform, seed, batch)),
                out_shardings=batch_sharding(experiment.mesh),
            )
        return jitted[output, transform](np.uint32(seed), _own(experiment, batch))

    blank = dataclasses.replace(experiment.objective.run.spec, fields=fields).batch(1)
    shapes = {
        name: jax.eval_shape(function, blank).shape[1:] for name, function in functions.items()
    }
    return {"encode": encode, "outputs": shapes}


def _patch(
    experiment: Experiment, field: Field, outputs: Mapping[str, tuple[int, ...]]
) -> tuple[int, ...]:
    """Return the sides of the part of an example that one token stands for; () if none does."""
    patch = getattr(experiment.objective.run.encoder, "patch", ())
    if patch or field.modality != "image" or TOKENS not in outputs:
        return patch if field.modality in ("image", "series") else ()
    height, width, _ = field.shape  # a ResNet's tokens are its last map
    rows = math.isqrt(outputs[TOKENS][0] * height // width)
    columns = outputs[TOKENS][0] // max(rows, 1)
    even = rows * columns == outputs[TOKENS][0] and not height % rows and not width % columns
    return (height // rows, width // columns) if even else ()
