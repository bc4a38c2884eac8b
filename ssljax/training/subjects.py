"""What protocols see of a run: its encoder, the random one and the raw input, and the examples."""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from ssljax.data import Source, epoch, groups_of, only
from ssljax.data.given import Given
from ssljax.data.sources.transformed import resized
from ssljax.errors import UserError
from ssljax.evaluation.linear import stratified_split
from ssljax.evaluation.protocol import TEST_PART, TEST_SEED
from ssljax.evaluation.subject import CLS, LAYERS, TOKENS, Examples, Subject, Transform
from ssljax.modalities import modality_of
from ssljax.objectives import averaged, outputs_of
from ssljax.ops.patches import patchify
from ssljax.spec import Batch, Field
from ssljax.training.data_sets import sampling_of_evaluation
from ssljax.training.experiment import Experiment
from ssljax.training.given import output_of_given
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
        Subject,
        examples=examples,
        seed=experiment.config.seed,
        place=place,
        shards=shards,
        fields=experiment.shown,
    )
    first = functools.cache(experiment.init)  # made where it is needed
    return (
        made("pretrained", **encode.bound(lambda: state), outputs=outputs),
        made("random_init", **encode.bound(first), outputs=outputs),
        made("raw_input", **_raw(experiment, raw, outputs)),
    )


@dataclasses.dataclass(frozen=True)
class _Part:
    """Some or all examples of a source; `rows` are their numbers there, ascending."""

    source: Source
    rows: np.ndarray

    @functools.cached_property
    def targets(self) -> np.ndarray:
        alone = only(self.source, ())  # the label is kept always
        size = min(len(alone), 4096)
        read = epoch(alone, size, labels=True, order=self.rows)
        labels = np.concatenate([batch["label"][batch["valid"]] for batch in read])
        return labels.astype(np.int64) if _are_classes(labels) else labels

    @property
    def groups(self) -> np.ndarray | None:
        groups = groups_of(self.source)
        return None if groups is None else groups[self.rows]


def _are_classes(labels: np.ndarray) -> bool:
    return labels.ndim == 1 and labels.dtype.kind in "iu"


def _examples(experiment: Experiment, train: Source, test: Source | None) -> Examples:
    parts = {"train": _Part(train, np.arange(len(train)))}
    if test is not None:
        parts["test"] = _Part(test, np.arange(len(test)))
    labelled = all("label" in part.source.fields for part in parts.values())
    if test is None and labelled:
        parts |= _held_out(parts["train"])
    readers = {part: _Reader(experiment, one, labelled) for part, one in parts.items()}

    def read(part: str, **options: Any) -> Iterator[Batch]:
        return readers[part](**options)

    def targets(part: str) -> np.ndarray | None:
        return parts[part].targets if labelled else None

    counts = {part: len(one.rows) for part, one in parts.items()}
    fields = experiment.output.fields
    here = {name for name in experiment.shown if name not in fields}
    here = here.intersection(*(part.source.fields for part in parts.values()))
    return Examples(
        fields,
        counts,
        read,
        targets,
        experiment.config.evaluation.batch_size,
        groups=lambda part: parts[part].groups,
        further={name: experiment.shown[name] for name in here},
        class_names=train.class_names,
    )


def _held_out(train: _Part) -> dict[str, _Part]:
    """Return the parts of a source without a test split; {} where nothing can be held out."""
    labels = train.targets
    try:
        if _are_classes(labels):
            kept, held = stratified_split(labels, TEST_PART, TEST_SEED)
        else:
            order = np.random.default_rng(TEST_SEED).permutation(len(labels))
            kept, held = np.split(order, [round((1 - TEST_PART) * len(order))])
    except UserError:
        return {}
    return {"train": _Part(train.source, np.sort(kept)), "test": _Part(train.source, np.sort(held))}


@dataclasses.dataclass(frozen=True)
class _Reader:
    """Batches of a part in any order; arrays in memory are brought to a size once."""

    experiment: Experiment
    part: _Part
    labels: bool
    _resized: dict[tuple, Source] = dataclasses.field(default_factory=dict)

    def __call__(
        self,
        order: np.ndarray | None = None,
        batch_size: int = 0,
        shorter: int = 0,
        size: int = 0,
        also: tuple[str, ...] = (),
    ) -> Iterator[Batch]:
        experiment, count = self.experiment, len(self.part.rows)
        order = np.arange(count) if order is None else np.asarray(order)
        batch_size = _whole_shards(experiment, batch_size)
        shown = how_shown(experiment, shorter=shorter, size=size)
        name = (shorter, size, also)
        if name not in self._resized:
            source = only(self.part.source, {*experiment.output.fields, *also})
            self._resized[name] = resized(source, **shown)
        read = epoch(
            self._resized[name],
            batch_size,
            labels=self.labels,
            workers=experiment.config.data.workers,
            order=self.part.rows[order],
        )
        for number, batch in enumerate(read):
            at = number * batch_size + np.arange(batch_size)
            ids = order[np.minimum(at, len(order) - 1)].astype(np.int32)
            yield {**batch, "id": ids}


def _whole_shards(experiment: Experiment, batch_size: int = 0) -> int:
    """Return a batch size that the devices divide, by default that of the evaluation."""
    shards = experiment.mesh.shape["data"] * experiment.mesh.shape["fsdp"]
    return -(-(batch_size or experiment.config.evaluation.batch_size) // shards) * shards


def how_shown(experiment: Experiment, *, shorter: int = 0, size: int = 0) -> dict[str, Any]:
    """Return how examples are brought to the shapes that the encoder is shown, as `resized` takes.

    Args:
      experiment: whose fields are shown.
      shorter, size: see `Subject.encoded`.
    """
    shapes = {field.modality: field.shape for field in experiment.shown.values()}
    lengths = {
        name: field.shape[-4 if field.modality == "video" else 0]
        for name, field in experiment.shown.items()
        if field.modality in ("series", "text", "audio", "video")
    }
    sides = shapes["image"][:2] if "image" in shapes else None
    return {
        "size": (size, size) if size and sides else sides,
        "length": lengths or None,
        "shorter": shorter or experiment.config.evaluation.resize,
        "clips": sampling_of_evaluation(experiment.config),
    }


def batches(experiment: Experiment, source: Source, *, labels: bool) -> Iterator[Batch]:
    """Yield global batches of all of a source: every host reads them, and embeds its part.

    Images are whole: of the size of those in training, or `evaluation.size`.
    """
    shown = how_shown(experiment)
    return epoch(
        only(source, experiment.output.fields),
        _whole_shards(experiment),
        shown["size"],
        length=shown["length"],
        shorter=shown["shorter"],
        clips=shown["clips"],
        labels=labels,
        workers=experiment.config.data.workers,
    )


def _placed(experiment: Experiment, rows: np.ndarray) -> Array:
    own = local_rows(experiment.mesh, len(rows))
    return jax.make_array_from_process_local_data(batch_sharding(experiment.mesh), rows[own])


def _own(experiment: Experiment, batch: Batch) -> Batch:
    """Return this host's part of the fields of a batch, placed on the mesh."""
    own = local_rows(experiment.mesh, len(batch["id"]))
    names = (*(name for name in experiment.shown if name in batch), "id")
    return experiment.put(jax.tree.map(lambda array: array[own], {n: batch[n] for n in names}))


def _changed(transform: Transform | None, seed: Array, batch: Batch) -> Batch:
    return batch if transform is None else {**batch, **transform(jax.random.key(seed), batch)}


@dataclasses.dataclass(frozen=True)
class _Encoder:
    """The jitted outputs of a run's objective, the same functions for any parameters."""

    experiment: Experiment
    _jitted: dict[Any, Callable] = dataclasses.field(default_factory=dict)

    def bound(self, state: Callable[[], TrainState]) -> dict[str, Callable]:
        """Return `Subject.encode` and `Subject.given` for a state."""

        def encode(batch: Batch, output: str, transform: Transform | None, seed: int) -> Array:
            now, run = state(), self._function(output, transform)
            own = _own(self.experiment, batch)
            return run(now.params, now.objective_state, own, np.uint32(seed))

        def given(output: str, examples: Mapping[str, Given]) -> np.ndarray:
            return output_of_given(self.experiment, state(), output, examples)

        return {"encode": encode, "given": given}

    def _function(self, output: str, transform: Transform | None) -> Callable:
        if (output, transform) not in self._jitted:
            experiment = self.experiment

            def encode(params: Any, state: Any, batch: Batch, seed: Array) -> Array:
                batch = _changed(transform, seed, batch)
                with jax.sharding.use_abstract_mesh(experiment.mesh.abstract_mesh):
                    return _seen(experiment, params, state, batch, output)

            self._jitted[output, transform] = jax.jit(
                encode, out_shardings=batch_sharding(experiment.mesh)
            )
        return self._jitted[output, transform]


def _name(experiment: Experiment, output: str) -> str:
    """Return the objective's name of an output that a protocol names by what it is."""
    if output == TOKENS:
        return f"{TOKENS}/{next(iter(experiment.output.fields))}"
    return output or experiment.output.name


def _seen(experiment: Experiment, params: Any, state: Any, batch: Batch, output: str) -> Array:
    if output in (LAYERS, CLS):
        field = next(iter(experiment.output.fields))
        see = functools.partial(experiment.objective.layers, params, state, name=field)
        layers = averaged(experiment.objective, batch, see)
        return layers if output == LAYERS else layers[:, -1, 0]
    return outputs_of(experiment.objective, params, state, batch)[_name(experiment, output)]


def _outputs(experiment: Experiment) -> dict[str, tuple[int, ...]]:
    state = experiment.abstract_state
    shapes = shapes_of_outputs(
        experiment.objective, state.params, state.objective_state, experiment.shown
    )
    found = {name: shape[1:] for name, shape in shapes.items()}
    named = {
        one: found[_name(experiment, one)]
        for one in ("", TOKENS)
        if _name(experiment, one) in found
    }
    return named | found | _layers(experiment)


def _layers(experiment: Experiment) -> dict[str, tuple[int, ...]]:
    """Return the shape of what the blocks give; {} for an encoder that does not tell."""
    state, fields = experiment.abstract_state, experiment.output.fields
    batch = dataclasses.replace(experiment.objective.run.spec, fields=fields).batch(2)
    seen = functools.partial(_seen, experiment, output=LAYERS)
    try:
        made = jax.eval_shape(seen, state.params, state.objective_state, batch)
    except (TypeError, UserError):  # its module takes no `layers`, or the objective has no encoder
        return {}
    found = {LAYERS: made.shape[1:]}
    run, field = experiment.objective.run, next(iter(fields))
    encoder = run.encoder if field == run.name else run.encoders.get(field)
    return found | ({CLS: made.shape[3:]} if getattr(encoder, "class_token", False) else {})


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
    if field.ragged:
        return ()
    if patch or field.modality != "image" or TOKENS not in outputs:
        return patch if field.modality in ("image", "series") else ()
    height, width, _ = field.shape  # a ResNet's tokens are its last map
    rows = math.isqrt(outputs[TOKENS][0] * height // width)
    columns = outputs[TOKENS][0] // max(rows, 1)
    even = rows * columns == outputs[TOKENS][0] and not height % rows and not width % columns
    return (height // rows, width // columns) if even else ()
