"""A run that starts from the encoder of another, of any objective, fitted to its own data."""

import dataclasses
import math
import os
from collections.abc import Callable, Mapping
from typing import Any

import jax
from jax.sharding import NamedSharding, PartitionSpec
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder, encoder_class
from ssljax.models.refit import Fitted, Sized, differences, refit
from ssljax.objectives import OBJECTIVES, Objective, objective_class
from ssljax.spec import Spec
from ssljax.training.checkpoint import Checkpointer
from ssljax.training.data_record import spec_of_run
from ssljax.training.run_tokenizer import require_own_tokenizer
from ssljax.training.state import TrainState
from ssljax.training.tree_paths import named_leaves
from ssljax.training.workdir import folder, load_config

ENCODERS = ("student", "teacher")
_OWN = "params/encoder/"


@dataclasses.dataclass(frozen=True)
class Pretrained:
    """The encoder of a run.

    Attributes:
      sized: the module, and the channels that it was made for.
      modality: of its examples.
      who: "student" or "teacher", whose parameters are meant.
      params: path of its parameters in the state of the run.
      stats: path of its batch statistics.
    """

    sized: Sized
    modality: str
    who: str
    params: str
    stats: str


def pretrained_of(workdir: str, who: str = "") -> Pretrained:
    """Return what the encoder of a run is; no array is read.

    Args:
      workdir: of the run.
      who: "student" or "teacher"; "": the one whose features the objective gives.

    Raises:
      UserError: no such run, or it has no such encoder.
    """
    path = folder(os.fspath(workdir))
    config = load_config(path)
    section, task = config.objective, ""
    if section.name == "combine":
        task = section.get("embed_with", "") or next(iter(section.tasks))
        section = section.tasks[task]
    who = who or ("teacher" if _shows_teacher(section) else "student")
    state = f"objective_state/{task}/" if task else "objective_state/"
    shared = not task or "encoder" in config.objective.get("shared", ("encoder",))
    params = "params/encoder/" if shared else f"params/{task}/encoder/"
    stats = f"{state}stats/encoder/"
    if who == "teacher":
        params, stats = f"{state}teacher/encoder/", f"{state}teacher_stats/encoder/"
    modality = encoder_class(config.encoder.name).modality
    _, field = spec_of_run(path, config).field_of(modality)
    module = build_encoder(config.encoder, field)
    return Pretrained(Sized(module, field.shape[-1] or 0), modality, who, params, stats)


def _shows_teacher(section: ConfigDict) -> bool:
    """Whether the features of an objective are the teacher's; of one outside ssljax, whose code is
    not run, they count as the student's."""
    if section.name not in OBJECTIVES:
        return False
    shows = objective_class(section.name).features_of_teacher
    return bool(section.get("ema", 0.0)) if isinstance(shows, property) else shows


def normalised_as_before(spec: Spec, config: ConfigDict) -> Spec:
    """Return the spec of a run with mean and deviation of the run that its encoder comes from.

    An encoder has learned on examples so normalised; those of other channels keep their own.

    Args:
      spec: of the data of this run.
      config: of this run; of its `init_from` only the parts that name an encoder count.

    Raises:
      UserError: no such run, or one whose texts were ids of another tokenizer.
    """
    for number, part in enumerate(config.init_from):
        if not is_encoder(part):
            continue
        try:
            path = folder(os.fspath(part["workdir"]))
            if any(field.modality == "text" for field in spec.fields.values()):
                require_own_tokenizer(path, config)
            other = load_config(path)
            modality = encoder_class(other.encoder.name).modality
            _, before = spec_of_run(path, other).field_of(modality)
        except UserError as error:
            raise UserError(f"config.init_from[{number}]: {error}") from error
        for name, field in spec.fields.items():
            if field.modality == modality and len(field.mean) == len(before.mean):
                spec = spec.replace(**{name: field.replace(mean=before.mean, std=before.std)})
    return spec


def is_encoder(part: Any) -> bool:
    """Whether a part of `config.init_from` is an encoder, and not a path in a state."""
    return isinstance(part, Mapping) and "workdir" in part and {*part} <= {"workdir", "encoder"}


def start_from_encoder(
    state: TrainState,
    objective: Objective,
    part: Mapping[str, str],
    where: str,
    *,
    say: Callable[[str], None],
) -> TrainState:
    """Return a first state whose encoder is that of another run.

    Of the objective's teacher, if it has one of an encoder, likewise. What becomes of each array is
    said: what is loaded, reshaped (how), missing there (starts afresh) or left out.

    Args:
      state: the fresh one.
      objective: of this run.
      part: "workdir" of the other run, and perhaps "encoder", "student" or "teacher".
      where: name of the part in the config, for messages.
      say: takes a line for the user.

    Raises:
      UserError: no such run or checkpoint, another modality, or another architecture.
    """
    try:
        other = pretrained_of(part["workdir"], part.get("encoder", ""))
        _require_alike(other, objective)
        return _loaded(state, objective, other, part["workdir"], say)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


def _require_alike(other: Pretrained, objective: Objective) -> None:
    run = objective.run
    own = getattr(run.encoder, "modality", "image")
    if other.modality != own:
        raise UserError(f"that run encodes {other.modality} data, and config.encoder {own} data")
    if found := differences(other.sized.module, run.encoder):
        raise UserError(f"that run is of another architecture: {'; '.join(found)}")


def _loaded(
    state: TrainState,
    objective: Objective,
    other: Pretrained,
    workdir: str,
    say: Callable[[str], None],
) -> TrainState:
    checkpoints = Checkpointer(workdir, keep_last=1)
    try:
        held = checkpoints.held()
        if held is None:
            raise UserError(f"there is no checkpoint in {workdir}")
        step, saved = held
        shapes = _below(saved, other.params)
        if not shapes:
            raise UserError(f"{workdir} has no {other.who} of an encoder ({other.params})")
        leaves = named_leaves(state)
        new = Sized(objective.run.encoder, objective.run.field.shape[-1] or 0)
        try:
            fitted = refit(shapes, _below(leaves, _OWN), other.sized, new)
        except ValueError as error:
            raise UserError(f"that run is of another architecture: {error}") from error
        plan = {_OWN + path: _under(one, other.params) for path, one in fitted.items()}
        stats = _below(saved, other.stats)
        for path, shape in _below(leaves, "objective_state/stats/encoder/").items():
            if stats.get(path) == shape:
                plan[f"objective_state/stats/encoder/{path}"] = Fitted(
                    (other.stats + path,), lambda one: one, ""
                )
        for name in objective.continues:
            theirs = _beside(other.params, name)
            shapes, own = _below(saved, theirs), _below(leaves, f"params/{name}/")
            if shapes == own:
                plan |= {
                    f"params/{name}/{path}": Fitted((theirs + path,), lambda one: one, "")
                    for path in own
                }
        arrays = _read(checkpoints, plan, saved, leaves, step)
    finally:
        checkpoints.close()
    found = {**leaves, **arrays}
    for part, source in (("teacher", "params"), ("teacher_stats", "objective_state/stats")):
        for name in ("encoder", *objective.continues):
            for path in _below(leaves, f"objective_state/{part}/{name}/"):
                # The moving average starts where the parameters do.
                found[f"objective_state/{part}/{name}/{path}"] = _copied(
                    found[f"{source}/{name}/{path}"]
                )
    whose = f"the encoder of {workdir}" if other.who == "student" else f"the teacher of {workdir}"
    say(f"starting from {whose}, step {step:,}:")
    for line in _table(plan, leaves, saved, other):
        say(line)
    return jax.tree.unflatten(jax.tree.structure(state), [found[path] for path in leaves])


def _beside(encoder: str, name: str) -> str:
    """Return the path of a network beside that of an encoder."""
    return f"{encoder.removesuffix('encoder/')}{name}/"


def _under(one: Fitted, prefix: str) -> Fitted:
    return one._replace(sources=tuple(prefix + source for source in one.sources))


def _copied(array: jax.Array) -> jax.Array:
    return jax.numpy.copy(array)  # donated twice, one buffer could not be


def _below(leaves: Mapping[str, Any], prefix: str) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays below a path, by the rest of their paths."""
    return {
        path.removeprefix(prefix): tuple(leaf[1] if isinstance(leaf, list) else leaf.shape)
        for path, leaf in leaves.items()
        if path.startswith(prefix)
    }


def _read(
    checkpoints: Checkpointer,
    plan: Mapping[str, Fitted],
    saved: Mapping[str, Any],
    leaves: Mapping[str, jax.Array],
    step: int,
) -> dict[str, jax.Array]:
    """Return the arrays of the plan, each where the fresh one lies."""
    abstract: dict[str, jax.ShapeDtypeStruct] = {}
    for path, one in plan.items():
        sharding = leaves[path].sharding
        if one.how:  # what is reshaped is read whole
            sharding = _whole(sharding)
        for source in one.sources:
            dtype, shape = saved[source]
            abstract[source] = jax.ShapeDtypeStruct(tuple(shape), dtype, sharding=sharding)
    arrays = checkpoints.restore_part(abstract, step) if abstract else {}
    return {
        path: jax.jit(one.make, out_shardings=leaves[path].sharding)(
            *(arrays[source] for source in one.sources)
        )
        if one.how
        else arrays[one.sources[0]]
        for path, one in plan.items()
    }


def _whole(sharding: Any) -> Any:
    if isinstance(sharding, NamedSharding):
        return NamedSharding(sharding.mesh, PartitionSpec())
    return sharding


def _table(
    plan: Mapping[str, Fitted],
    leaves: Mapping[str, jax.Array],
    saved: Mapping[str, Any],
    other: Pretrained,
) -> list[str]:
    """Return lines on all parameters: their place, what becomes of them, how many they are."""
    own = {path: leaf.shape for path, leaf in leaves.items() if path.startswith("params/")}
    used = {source for one in plan.values() for source in one.sources}
    theirs = {path: tuple(leaf[1]) for path, leaf in saved.items() if path not in used}
    statistics = [path for path in plan if path not in own]
    rows: dict[tuple[str, str], list[int]] = {}

    def count(what: str, place: str, shape: tuple[int, ...]) -> None:
        row = rows.setdefault((what, place), [0, 0])
        row[0], row[1] = row[0] + 1, row[1] + math.prod(shape)

    for path, shape in own.items():
        if path not in plan:
            count("missing", f"{_group(path)}  starts afresh", shape)
        elif plan[path].how:
            name = _group(path) if "blocks" in plan[path].how else path.removeprefix("params/")
            count("reshaped", f"{name}  {plan[path].how}", shape)
        else:
            count("loaded", _group(path), shape)
    for path in statistics:
        count("loaded", "batch statistics of the encoder", leaves[path].shape)
    for path, shape in theirs.items():
        if path.startswith(other.params):
            rest = path.removeprefix(other.params)
            count("unexpected", f"{_group('params/encoder/' + rest)}  left out", shape)
        elif path.startswith("params/encoder/"):
            count("unexpected", "encoder of the student  left out", shape)
        elif path.startswith("params/"):
            count("unexpected", f"{path.split('/')[1]}  left out", shape)
    order = ("loaded", "reshaped", "missing", "unexpected")
    return [
        f"  {what:<10}  {place}  ({arrays} array{'s' * (arrays > 1)}, {elements:,} numbers)"
        for (what, place), (arrays, elements) in sorted(
            rows.items(), key=lambda item: order.index(item[0][0])
        )
    ]


def _group(path: str) -> str:
    """Return the first parts of a path, of an encoder two, under which parameters are counted."""
    parts = path.removeprefix("params/").split("/")
    return "/".join(parts[: 2 if parts[0] == "encoder" else 1])
