"""The frozen features of a run under evaluation: quickly while it trains, in full afterwards."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from ssljax.data import Source, Subset, only, whole
from ssljax.data.storage import data_directory
from ssljax.errors import MissingSplit, UserError
from ssljax.evaluation import evaluate, quick
from ssljax.evaluation.features import Features, extract
from ssljax.evaluation.measure import measure
from ssljax.evaluation.protocol import TEST_PART
from ssljax.evaluation.protocols import build_protocol
from ssljax.evaluation.subject import Subject
from ssljax.modalities import modality_of
from ssljax.spec import Field, Spec
from ssljax.training.checkpoint import Checkpointer
from ssljax.training.config import default_config
from ssljax.training.consistency import require_neighbours
from ssljax.training.data_record import IMPORTED, DataRecord
from ssljax.training.data_sets import open_data
from ssljax.training.experiment import Experiment, build
from ssljax.training.predictions import require_scorable, score_held_out
from ssljax.training.selection import selects
from ssljax.training.sharding import local_rows
from ssljax.training.state import TrainState
from ssljax.training.subjects import batches, subjects_of
from ssljax.training.tree_paths import named_leaves

HostBatch = dict[str, np.ndarray]
QUICK_BANK, QUICK_QUERIES = 5_000, 1_000  # examples of a quick evaluation


def require_evaluable(experiment: Experiment, *, final: bool) -> None:
    """Check what an evaluation needs, before training and not after it.

    Args:
      experiment: that will be evaluated.
      final: in full, with a test split.

    Raises:
      UserError: no such output, a data set or split that is not there or of other fields, fewer
        examples than neighbours, no labels where the best checkpoints are to be kept, or images
        that do not fit the encoder as a whole.
    """
    options = experiment.config.evaluation
    _ = experiment.output
    if final and experiment.objective.predicts:
        require_scorable(experiment)
    elif final:
        _open_sets(experiment)
    if experiment.objective.predicts and not options.every:
        return  # nothing is asked of neighbours
    source = _open(experiment, options.train_split)
    if options.every or "knn" in options.probes:
        require_neighbours(experiment.config, len(source))
    keep_best = experiment.config.checkpoint.keep_best
    if keep_best and source.num_classes is None:
        raise UserError(
            f"config.checkpoint.keep_best={keep_best} keeps the checkpoints of the best k-NN "
            f"accuracy, and {source.name} has no labels in {options.train_split!r}; set "
            "config.evaluation.source to a data set with labels, or keep_best to 0"
        )


def build_for_evaluation(
    config: ConfigDict, spec: Spec, *, devices: Sequence[jax.Device] | None = None
) -> Experiment:
    """Build the experiment of a run to evaluate it, on whatever devices there are today.

    Examples are divided over all of them. If the run cut its arrays over devices, so that they may
    be too large for one, they are cut over all of today's; else every device holds them whole.

    Args:
      config: of the run, complete.
      spec: what its training examples were like; they are not opened.
      devices: by default all there are.
    """
    cut = config.mesh.fsdp != 1 or config.mesh.tensor != 1
    config = config.copy_and_resolve_references()
    config.mesh.update({"data": 1 if cut else -1, "fsdp": -1 if cut else 1, "tensor": 1})
    config.sharding_rules = ()  # they may be of the run's mesh
    return build(config, spec, trains=False, devices=devices)


def restore_for_evaluation(
    experiment: Experiment, workdir: pathlib.Path, step: int | None
) -> TrainState:
    """Return the state of a checkpoint, by default of the newest.

    Its `opt_state` is None: evaluation needs no moments, which may be of another version, too.

    Raises:
      UserError: no checkpoint, no such step, a damaged one, or one of another config.
    """
    wanted = experiment.abstract_state.replace(opt_state=None)
    checkpoints = Checkpointer(workdir, keep_last=1)
    try:
        arrays = checkpoints.restore_part(named_leaves(wanted), step)
    finally:
        checkpoints.close()
    if arrays is None:
        raise UserError(f"{workdir} has no checkpoint yet; continue its run with pretrain")
    return jax.tree.unflatten(jax.tree.structure(wanted), list(arrays.values()))


def full_evaluation(
    experiment: Experiment,
    state: TrainState,
    *,
    record: DataRecord | None = None,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Return the result of `ssljax.evaluation.evaluate` for the encoder of a run.

    The random-init encoder beside it is the one that the run started from. Without a test split, or
    without labels in one of the two, a part of the labelled examples is held out as test.

    Args:
      experiment: built of the run's config.
      state: of the checkpoint to evaluate.
      record: of the data that the run was trained on; if they are evaluated on and have changed
        since, the result says so.
      say: takes a line for the user.
    """
    options = experiment.config.evaluation
    sets = _open_sets(experiment)
    built = {name: build_protocol(name, options.protocols[name]) for name in options.protocols}
    raw = _raw(experiment)
    subjects = subjects_of(experiment, state, sets.train, sets.test, raw=raw) if built else ()
    probed = sets.test_of_probes
    result: dict[str, Any] = {"protocol": {"notes": []}}
    if options.probes or not built:
        result = evaluate(
            _embed(experiment, state),
            _embed(experiment, experiment.init()),
            raw,
            lambda: _batches(experiment, sets.train, sets.labelled),
            None if probed is None else lambda: _batches(experiment, probed, sets.labelled),
            knn_k=options.knn_k,
            knn_temperature=options.knn_temperature,
            probes=options.probes,
            few_labels=options.few_labels,
            seed=experiment.config.seed,
            say=say,
            scores_folder=data_directory(experiment.config.data.folder or None) / "scores",
            keep=functools.partial(_keep, subjects),
        )
    if built:
        result["protocols"] = measure(built, subjects, say=say)
    trained_on = (sets.train.name, sets.train.split) == _trained_on(experiment)
    data = {"source": sets.train.name, "train": sets.train.split, "test": None}
    if probed is not None or (built and sets.test is not None):
        data["test"] = sets.test.split
    elif "held_out" in result["protocol"] or any("test" in one.examples.counts for one in subjects):
        data["test"] = f"{TEST_PART:.0%} of {sets.train.split}, held out"
        if trained_on:
            result["protocol"]["notes"].append(
                "pretraining saw the held-out examples too, without their labels"
            )
    if trained_on and record is not None and not record.is_of(sets.train.fingerprint()):
        result["protocol"]["notes"].append(
            f"{sets.train.name} has changed since the run was trained on it; it is evaluated on "
            "as it is now"
        )
    found = {"step": int(state.step), "data": data, **result}
    if options.size or options.resize:
        found["images"] = {"size": options.size, "resize": options.resize}
    if options.output:
        found["output"] = options.output
        result["protocol"]["notes"].append(f"features are the output {options.output!r}")
    return found


@dataclasses.dataclass(frozen=True)
class _Sets:
    """What is evaluated on, with labels in both or in neither; without `test` a part of `train` has
    to be held out."""

    train: Source
    test: Source | None

    @property
    def labelled(self) -> bool:
        return self.train.num_classes is not None

    @property
    def test_of_probes(self) -> Source | None:
        """The test split, if there is anything to be probed there."""
        return self.test if "label" in self.train.fields else None


def _open_sets(experiment: Experiment) -> _Sets:
    options = experiment.config.evaluation
    train = _open(experiment, options.train_split)
    try:
        test = _open(experiment, options.test_split)
    except MissingSplit:
        if options.test_split != default_config().evaluation.test_split:
            raise  # asked for by name, so it has to be there
        return _Sets(train, None)
    test = whole(test)  # what stands in for a field says nothing of a run
    labelled = [source for source in (train, test) if "label" in source.fields]  # of any kind
    if len(labelled) == 1:
        return _Sets(labelled[0], None)
    return _Sets(train, test)


def _open(experiment: Experiment, split: str) -> Source:
    """Open a split of the set that is evaluated on, with the fields that the output is made of."""
    config, fields = experiment.config, experiment.output.fields
    spec = config.evaluation.source or config.data.source
    if spec.startswith(f"{IMPORTED}:"):
        raise UserError(
            "the weights of this run were imported, without data; give a data set by "
            "--config.evaluation.source=KIND:NAME, or by --source of embed"
        )
    if experiment.source is not None and (spec, split) == _trained_on(experiment):
        return only(experiment.source, experiment.shown)
    images = [field.shape[2] for field in fields.values() if field.modality == "image"]
    try:
        source = open_data(config, spec, split, channels=next(iter(images), None))
    except MissingSplit:
        raise
    except UserError as error:
        if config.evaluation.source or experiment.source is not None:
            raise
        raise UserError(
            f"{error}; the run was trained on it, and other data are evaluated on by "
            "--config.evaluation.source=KIND:NAME"
        ) from error
    for name, field in fields.items():
        if name not in source.fields:
            raise UserError(_lacking(spec, source, name, experiment.shown))
        _require_alike(spec, source, name, field)
    return only(source, {*fields, *_also_alike(spec, source, experiment.shown)})


def _also_alike(spec: str, source: Source, fields: Mapping[str, Field]) -> Iterator[str]:
    """Yield the names of fields that a source has as the run reads them."""
    for name, field in fields.items():
        if name not in source.fields:
            continue
        try:
            _require_alike(spec, source, name, field)
        except UserError:
            continue
        yield name


def _lacking(spec: str, source: Source, name: str, shown: Mapping[str, Field]) -> str:
    """Return what to say of a source without a field; the run may read others that it has."""
    instead = [other for other in shown if other in source.fields]
    output = f", or config.evaluation.output={instead[0]}" if instead else ""
    return (
        f"{spec} has no {name!r}, which the run is trained on; it has {', '.join(source.fields)}; "
        f"set config.evaluation.source to another set{output}"
    )


def _require_alike(spec: str, source: Source, name: str, field: Field) -> None:
    """Raise a UserError unless a source has the field that the run was trained on."""
    found = source.fields[name]
    if field.modality == "table":
        if found.cardinalities != field.cardinalities:
            raise UserError(
                f"the columns of {spec} are not those that the run is trained on; set "
                "config.evaluation.source to a set with the same columns"
            )
    elif field.modality == "text":
        if found.dtype != "str" and found.vocab != field.vocab:
            raise UserError(
                f"the texts of {spec} are ids of a vocabulary of {found.vocab}, those that the run "
                f"is trained on of {field.vocab}; set config.evaluation.source to such a set"
            )
    elif field.modality == "audio":
        if found.rate != field.rate:
            raise UserError(
                f"the sounds of {spec} have {found.rate:g} samples per second, those that the run "
                f"is trained on {field.rate:g}; set ?rate={field.rate:g} of an audio: source"
            )
    elif found.shape[-1] != field.shape[-1]:
        raise UserError(
            f"the examples of {spec} have {found.shape[-1]} channels, those that the run is "
            f"trained on have {field.shape[-1]}; set config.evaluation.source to such a set"
        )


def _trained_on(experiment: Experiment) -> tuple[str | None, str]:
    """Return source and split of the training data; mixtures, packed rows and parts have none."""
    data = experiment.config.data
    other = data.mixture or data.beside or data.pack or data.held_out or selects(data)
    return None if other else data.source, data.split


def features_of(experiment: Experiment, state: TrainState, split: str) -> tuple[Source, Features]:
    """Return a split of the set that is evaluated on, and the features of all of its examples.

    Raises:
      UserError: no such set or split, or features that are not finite.
    """
    source = _open(experiment, split)
    batches = _batches(experiment, source, source.num_classes is not None)
    return source, extract(_embed(experiment, state), batches)


def features_for(
    experiment: Experiment, state: TrainState, source: Source
) -> tuple[Callable[[HostBatch], jax.Array], Iterator[HostBatch]]:
    """Return what `extract` takes, for a source with labels: the function and the batches."""
    shown = only(source, experiment.output.fields)
    return _embed(experiment, state), _batches(experiment, shown, True)


def quick_evaluation(experiment: Experiment, state: TrainState) -> dict[str, float]:
    """Return scores to follow a run by, from parts of its training split; test is not read."""
    options = experiment.config.evaluation
    source = _open(experiment, options.train_split)
    count = min(len(source), QUICK_BANK + QUICK_QUERIES)
    labels = source.num_classes is not None and count > 1  # one for the bank and one to ask
    chosen = np.arange(count) * len(source) // count  # evenly: a set is often sorted by class
    is_query = (np.arange(count) % 6 == 0) & (count > 1)
    scores = quick(
        _embed(experiment, state),
        lambda: _batches(experiment, Subset(source, chosen[~is_query]), labels),
        lambda: _batches(experiment, Subset(source, chosen[is_query]), labels),
        knn_k=min(options.knn_k, int((~is_query).sum())),
        knn_temperature=options.knn_temperature,
    )
    if experiment.objective.predicts:
        scores |= score_held_out(experiment, state)
    return scores


def _batches(experiment: Experiment, source: Source, labels: bool) -> Iterator[HostBatch]:
    return batches(experiment, source, labels=labels)


def _keep(subjects: Sequence[Subject], row: str, train: Features, test: Features | None) -> None:
    """Give the features of a row to its subject, which would compute them again."""
    for subject in subjects:
        if subject.row == row:
            for part, found in (("train", train), ("test", test)):
                if found is not None:
                    subject.keep(part, "", found)


def _raw(experiment: Experiment) -> Callable[[HostBatch], jax.Array]:
    """Return the baseline without a network: what the modalities make of the input itself."""
    fields = experiment.output.fields

    def raw(batch: HostBatch) -> jax.Array:
        made = [modality_of(field).raw(batch[name], field) for name, field in fields.items()]
        return made[0] if len(made) == 1 else jnp.concatenate(made, axis=1)

    return raw


def _embed(experiment: Experiment, state: TrainState) -> Callable[[HostBatch], jax.Array]:
    embed, names = experiment.embed, (*experiment.output.fields, "id")

    def embed_global(batch: HostBatch) -> jax.Array:
        own = local_rows(experiment.mesh, len(batch["id"]))
        chosen = jax.tree.map(lambda array: array[own], {name: batch[name] for name in names})
        return embed(state.params, state.objective_state, experiment.put(chosen))

    return embed_global
