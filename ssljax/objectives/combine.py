"""Several objectives at once, on a shared encoder."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import jax
from ml_collections import ConfigDict

from ssljax.errors import UserError, unknown
from ssljax.objectives import build_objective, objective_class
from ssljax.objectives.base import Aux, Objective, Refreshing, Run
from ssljax.objectives.net import key_of
from ssljax.ops.schedule import SCHEDULES
from ssljax.schema import NotNegative, OneOf, Size, is_section, parse


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Of the weight of a task: from `start` to `end` in `steps`, 0 being all of the run."""

    run_steps: int
    start: NotNegative
    end: NotNegative
    steps: Size = 0
    shape: Annotated[str, OneOf(SCHEDULES)] = "linear"

    def at(self, step: jax.Array) -> jax.Array:
        """Return the weight at a step."""
        steps = self.steps or self.run_steps
        return SCHEDULES[self.shape](step, start=self.start, end=self.end, steps=steps)


@dataclasses.dataclass(frozen=True)
class Combine(Refreshing):
    """The weighted sum of the losses of several tasks, which share some components.

    In a config: `objective = {"name": "combine", "weights": {"simclr": 1.0, "mae": 0.5}, "tasks":
    {"simclr": {"name": "simclr", ...}, "mae": {"name": "mae", ...}}}`. Components named in `shared`
    exist once and are trained by all tasks that have them, so their shapes must agree; all others,
    and what they remember (batch statistics too), belong to their task, as "simclr/projector". SLIP
    (https://arxiv.org/abs/2112.12750) is CLIP and SimCLR on a shared encoder of images.

    A part of a component may be shared, too: `shared = ("encoder/trunk",)` is one transformer for
    encoders of several fields, each with a stem, positions and class token of its own. A task reads
    another field than that of `config.encoder` by the key "field", and then uses that field's
    encoder of `config.encoders`: {"words": {"name": "mae", "field": "text"}}. Sets without common
    examples come into one batch by `config.data.beside`.

    Attributes:
      tasks: objectives by name, of the same run.
      weights: of their losses, by the same names; 1 where none is given. A number, or a schedule
        {"start": 1.0, "end": 0.0} with "steps" (of the whole run if not given) and "shape" (linear
        or cosine).
      shared: components of which there is one, or COMPONENT/PART.
      embed_with: the task whose outputs are seen; by default the first. Of fields that it does not
        read, those of the first task that does.
    """

    tasks: Mapping[str, Objective]
    weights: Mapping[str, NotNegative | Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    shared: tuple[str, ...] = ("encoder",)
    embed_with: str = ""

    several_fields = True

    @classmethod
    def from_config(cls, section: Mapping[str, Any], run: Run, where: str) -> "Combine":
        """Build the tasks, then this of them."""
        tasks = section.get("tasks") or {}
        if not is_section(tasks):
            raise UserError(f"{where}.tasks={tasks!r}; it must be a section of objectives by name")
        built = {}
        for name in tasks:
            place = f"{where}.tasks.{name}"
            own, seen = _task(tasks[name], run, place)
            built[name] = build_objective(own, seen, place)
        rest = {key: value for key, value in section.items() if key != "tasks"}
        return parse(cls, rest, where, run=run, tasks=built)

    def check(self):
        if not self.tasks:
            raise UserError(
                "combine has no task; set tasks = {'simclr': {'name': 'simclr', ...}, ...}"
            )
        read = {
            name for task in self.tasks.values() for name in (task.run.name, *task.run.encoders)
        }
        if unread := [name for name in self.run.encoders if name not in read]:
            raise UserError(
                f"config.encoders has an encoder of {', '.join(map(repr, unread))}, and no task of "
                "combine uses it; remove it, or name the field in a task: 'field': "
                f"{unread[0]!r}"
            )
        for path in self.shared:
            if path.partition("/")[0] in self.tasks:
                raise UserError(
                    f"objective.shared names {path!r}, and a task has the name "
                    f"{path.partition('/')[0]!r}; call the task otherwise"
                )
        strangers = {*self.weights, self.embed_with or next(iter(self.tasks))} - {*self.tasks}
        if strangers:
            raise UserError(
                f"weights and embed_with name {sorted(strangers)}; the tasks are "
                f"{sorted(self.tasks)}"
            )
        if not any(self.weights.get(name, 1.0) for name in self.tasks):
            raise UserError("objective.weights are 0 for all tasks, so that nothing is trained")
        for name in self.tasks:
            self._weight(name)  # a malformed schedule is refused here, not in the first step

    @property
    def batch_coupled(self) -> bool:
        # Losses of padded examples are means over tokens: those of micro-batches do not add up.
        return any(task.batch_coupled or task.run.field.ragged for task in self.tasks.values())

    def init_networks(self, key):
        params: dict[str, Any] = {}
        stats: dict[str, Any] = {}
        for name, task in self.tasks.items():
            own, stats[name] = task.init_networks(key_of(key, name))
            for address, tree in self._apart(name, own).items():
                _require_equal_shapes(params.setdefault(address, tree), tree, address, name)
        return params, stats

    def init_state(self, key, params, stats):
        return {
            name: task.init_state(key_of(key, name), self._of(name, params), stats[name])
            for name, task in self.tasks.items()
        }

    def value(self, params, state, batch, *, key, step):
        total, metrics, carry = 0.0, {}, {}
        for name, task in self.tasks.items():
            own = self._of(name, params)
            # Crops of the host are those of one task; the examples are those of all.
            seen = {**batch, **_under(name, batch)}
            loss, aux = task.value(own, state[name], seen, key=key_of(key, name), step=step)
            total = total + self._weight(name)(step) * loss
            metrics[f"{name}/loss"] = loss
            metrics |= {f"{name}/{metric}": value for metric, value in aux.metrics.items()}
            carry[name] = aux.carry
            if aux.weight is not None and not self.batch_coupled:
                raise UserError(
                    f"combine adds losses that are means over examples, and that of task {name!r} "
                    "is a mean over other items; train it alone"
                )
        return total, Aux(metrics, carry)

    def advance(self, params, state, carry, *, step):
        state = dict(state)
        for name, task in self.tasks.items():
            own = self._of(name, params)
            own, state[name] = task.advance(own, state[name], carry[name], step=step)
            params = {**params, **self._apart(name, own)}
        return params, state

    def refresh_due(self, step):
        return any(self._refreshes(name, step) for name in self.tasks)

    def refresh(self, state, batches, *, key):
        states = dict(state.objective_state)
        for name, task in self.tasks.items():
            if self._refreshes(name, int(state.step)):
                params = self._of(name, state.params)
                own = state.replace(params=params, objective_state=states[name])
                states[name] = task.refresh(own, batches, key=key_of(key, name)).objective_state
        return state.replace(objective_state=states)

    def host_crops(self):
        return {
            f"{name}/{entry}": group
            for name, task in self.tasks.items()
            for entry, group in task.host_crops().items()
        }

    def outputs(self, params, state, batch):
        outputs: dict[str, Any] = {}
        for name in dict.fromkeys(self._seen_by.values()):
            task = self.tasks[name]
            if task.several_fields or task.run.name in batch:
                made = task.outputs(self._of(name, params), state[name], batch)
                outputs |= {key: value for key, value in made.items() if key not in outputs}
        return outputs

    def layers(self, params, state, batch, name):
        task = self._seen_by[name]
        return self.tasks[task].layers(self._of(task, params), state[task], batch, name)

    @functools.cached_property
    def _seen_by(self) -> dict[str, str]:
        """The task that evaluation sees a field by."""
        found: dict[str, str] = {}
        for name in (self.embed_with or next(iter(self.tasks)), *self.tasks):
            task = self.tasks[name]
            for field in (task.run.name, *task.run.encoders):
                found.setdefault(field, name)
        return found

    def _weight(self, name: str) -> Callable[[jax.Array], float | jax.Array]:
        weight = self.weights.get(name, 1.0)
        if not isinstance(weight, Mapping | ConfigDict):
            return lambda step: weight
        where = f"objective.weights.{name}"
        schedule = parse(Schedule, weight, where, run_steps=self.run.steps)
        return schedule.at

    def _refreshes(self, name: str, step: int) -> bool:
        return isinstance(self.tasks[name], Refreshing) and self.tasks[name].refresh_due(step)

    def _apart(self, task: str, components: dict[str, Any]) -> dict[str, Any]:
        """Return the components of one task under their names here, shared parts by themselves."""
        found = {}
        for component, tree in components.items():
            if component in self.shared:
                found[component] = tree
                continue
            parts = {part: f"{component}/{part}" for part in tree}
            shared = {part: path for part, path in parts.items() if path in self.shared}
            found |= {path: tree[part] for part, path in shared.items()}
            rest = {part: leaf for part, leaf in tree.items() if part not in shared}
            found[f"{task}/{component}"] = rest if shared else tree
        return found

    def _of(self, task: str, params: dict[str, Any]) -> dict[str, Any]:
        """Return the components of one task, under the names that it knows them by."""
        own = _under(task, params)
        for path in self.shared:
            component, _, part = path.partition("/")
            if path not in params or (part and component not in own):
                continue
            own[component] = {**own[component], part: params[path]} if part else params[path]
        return own


def _under(task: str, entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of one task, without its name before theirs."""
    prefix = f"{task}/"
    return {
        key.removeprefix(prefix): value for key, value in entries.items() if key.startswith(prefix)
    }


def _task(task: Any, run: Run, where: str) -> tuple[Any, Run]:
    """Return the section of a task without "field", and the run as the task sees it: with the
    encoder of that field, and without those of further fields that it lacks."""
    if not is_section(task) or "name" not in task or not isinstance(task["name"], str):
        return task, run  # refused by whoever builds it
    field = task.get("field", run.name)
    own = {key: value for key, value in task.items() if key != "field"}
    if field != run.name:
        if field not in run.encoders:
            raise unknown(f"field of {where}.field", field, (run.name, *run.encoders))
        run = dataclasses.replace(run, encoder=run.encoders[field], encoders={})
        if run.name != field:
            raise UserError(
                f"{where}.field={field!r}: the data have {run.name!r} of the same modality before "
                "it; a task on another field of a modality is not possible"
            )
    if objective_class(task["name"]).several_fields:
        return own, run
    return own, dataclasses.replace(run, encoders={})


def _require_equal_shapes(first: Any, second: Any, component: str, task: str) -> None:
    def shapes(tree):
        return {
            jax.tree_util.keystr(path): leaf.shape
            for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
        }

    one, two = shapes(first), shapes(second)
    for path in sorted({*one, *two}):
        if one.get(path) != two.get(path):
            raise UserError(
                f"combine: task {task!r} shares {component!r} with another task, but "
                f"{component}{path} has the shape "
                f"{two.get(path, 'none')} in it and {one.get(path, 'none')} in the other"
            )
