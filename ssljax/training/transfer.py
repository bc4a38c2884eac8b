"""A run that starts from the encoder of another, of any objective, fitted to its own data."""

import dataclasses
import math
import os
from collections.abc import Callable, Mapping
from typing import Any

import jax
from jax.sharding import NamedSharding, PartitionSpec
from ml_collections import ConfigDict

from ssljax.errors import UserError, unknown
from ssljax.models import build_encoder, encoder_class
from ssljax.models.refit import Fitted, Sized, differences, refit
from ssljax.objectives import OBJECTIVES, Objective, objective_class
from ssljax.spec import Field, Spec
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
    """An encoder of a run.

    Attributes:
      section: of its config.
      sized: the module, and the channels that it was made for.
      field: that it was trained on.
      who: "student" or "teacher", whose parameters are meant.
      params: where its parameters lie in the state of the run: (beginning of their paths in the
        encoder, path in the state) pairs, of which the first that fits counts.
      beside: the path of the networks beside it.
      stats: path of its batch statistics.
    """

    section: ConfigDict
    sized: Sized
    field: Field
    who: str
    params: tuple[tuple[str, str], ...]
    beside: str
    stats: str

    def located(self, saved: Mapping[str, Any]) -> dict[str, str]:
        """Return where each of its arrays lies in a saved state, by its path in the encoder."""
        found: dict[str, str] = {}
        for beginning, place in self.params:
            for path in saved:
                if path.startswith(place):
                    found.setdefault(beginning + path.removeprefix(place), path)
        return found


def pretrained_of(workdir: str, who: str = "", field: str = "") -> Pretrained:
    """Return what an encoder of a run is; no array is read.

    Args:
      workdir: of the run.
      who: "student" or "teacher"; "": the one whose features the objective gives.
      field: whose encoder is meant, of a run of several fields; "": that of `config.encoder`, or of
        the task that combine is to embed with.

    Raises:
      UserError: no such run, or it has no such encoder.
    """
    path = folder(os.fspath(workdir))
    config = load_config(path)
    spec = spec_of_run(path, config)
    main, _ = spec.field_of(encoder_class(config.encoder.name).modality)
    encoders = {main: config.encoder, **config.encoders}
    if field and field not in encoders:
        raise unknown(f"field with an encoder in {workdir}:", field, encoders)
    section, task, own, shared = config.objective, "", main, ()
    if section.name == "combine":
        task = _task_of(section, field, main)
        shared = tuple(section.get("shared", ("encoder",)))
        section = section.tasks[task]
        own = section.get("field", "") or main
    field = field or own
    component = "encoder" if field == own else f"{field}_encoder"
    who = who or ("teacher" if _shows_teacher(section) else "student")
    state = f"objective_state/{task}/" if task else "objective_state/"
    beside = f"params/{task}/" if task and component not in shared else "params/"
    params = tuple(
        (f"{address}/".removeprefix(f"{component}/"), f"params/{address}/")
        for address in shared
        if f"{address}/".startswith(f"{component}/")
    )
    params = (*params, ("", f"{beside}{component}/"))
    stats = f"{state}stats/{component}/"
    if who == "teacher":
        beside, stats = f"{state}teacher/", f"{state}teacher_stats/{component}/"
        params = (("", f"{beside}{component}/"),)
    of = spec.fields[field]
    sized = Sized(build_encoder(encoders[field], of), of.shape[-1] or 0)
    return Pretrained(encoders[field], sized, of, who, params, beside, stats)


def _task_of(section: ConfigDict, field: str, main: str) -> str:
    """Return the task of combine that trains the encoder of a field.

    That to embed with comes first, and a task on the field alone before one that compares fields.
    """
    first = section.get("embed_with", "")
    if first and not field:
        return first
    tasks = {name: section.tasks[name] for name in sorted(section.tasks, key=lambda n: n != first)}
    wanted = field or main
    on = [name for name, task in tasks.items() if (task.get("field", "") or main) == wanted]
    comparing = [name for name, task in tasks.items() if _compares(task)]
    return [*on, *comparing, *tasks][0]


def _compares(task: ConfigDict) -> bool:
    """Whether a task reads several fields, such as clip; one outside ssljax counts as of one."""
    return task.name in OBJECTIVES and objective_class(task.name).several_fields


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
            before = pretrained_of(part["workdir"], field=part.get("field", "")).field
        except UserError as error:
            raise UserError(f"config.init_from[{number}]: {error}") from error
        for name, field in spec.fields.items():
            if field.modality == before.modality and len(field.mean) == len(before.mean):
                spec = spec.replace(**{name: field.replace(mean=before.mean, std=before.std)})
    return spec


def is_encoder(part: Any) -> bool:
    """Whether a part of `config.init_from` is an encoder, and not a path in a state."""
    return (
        isinstance(part, Mapping)
        and "workdir" in part
        and {*part} <= {"workdir", "encoder", "field"}
    )


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
      part: "workdir" of the other run, and perhaps "encoder", "student" or "teacher", and "field",
        whose encoder is meant.
      where: name of the part in the config, for messages.
      say: takes a line for the user.

    Raises:
      UserError: no such run or checkpoint, another modality, or another architecture.
    """
    try:
        other = pretrained_of(part["workdir"], part.get("encoder", ""), part.get("field", ""))
        _require_alike(other, objective)
        return _loaded(state, objective, other, part["workdir"], say)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


def _require_alike(other: Pretrained, objective: Objective) -> None:
    run = objective.run
    own = getattr(run.encoder, "modality", "image")
    if other.field.modality != own:
        raise UserError(
            f"that run encodes {other.field.modality} data, and config.encoder {own} data"
        )
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
        located = other.located(saved)
        if not located:
            raise UserError(f"{workdir} has no {other.who} of an encoder ({other.params[-1][1]})")
        shapes = {path: tuple(saved[place][1]) for path, place in located.items()}
        leaves = named_leaves(state)
        new = Sized(objective.run.encoder, objective.run.field.shape[-1] or 0)
        try:
            fitted = refit(shapes, _below(leaves, _OWN), other.sized, new)
        except ValueError as error:
            raise UserError(f"that run is of another architecture: {error}") from error
        plan = {
            _OWN + path: one._replace(sources=tuple(located[source] for source in one.sources))
            for path, one in fitted.items()
        }
        stats = _below(saved, other.stats)
        for path, shape in _below(leaves, "objective_state/stats/encoder/").items():
            if stats.get(path) == shape:
                plan[f"objective_state/stats/encoder/{path}"] = Fitted(
                    (other.stats + path,), lambda one: one, ""
                )
        for name in objective.continues:
            theirs = f"{other.beside}{name}/"
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
    what = "encoder" if other.who == "student" else "teacher"
    say(f"starting from the {what} of {workdir}, step {step:,}:")
    for line in _table(plan, leaves, saved, located, other.who):
        say(line)
    return jax.tree.unflatten(jax.tree.structure(state), [found[path] for path in leaves])


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
    located: Mapping[str, str],
    who: str,
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
    ours = {place: path for path, place in located.items()}
    for path, shape in theirs.items():
        if path in ours:
            count("unexpected", f"{_group(_OWN + ours[path])}  left out", shape)
        elif who == "teacher" and path.startswith("params/encoder/"):
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
