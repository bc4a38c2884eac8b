"""Runs that an earlier version wrote: their configs and checkpoints under the names of today.

Nothing is written back: names are changed as a config or a checkpoint is read.
"""

from collections.abc import Mapping
from typing import Any

_STATE = {"memory": "objective_state"}  # parts of the state
_CONFIG = {"start_from": "init_from"}
_SECTIONS = {"optimizer": {"rules": "param_groups"}, "encoder": {"chunks": "grad_cache"}}
# Objectives that are called differently, with what the fields that a config leaves out were then.
_OBJECTIVES = {
    "online_distillation": {"name": "seed_distillation"},
    "moco_v1": {
        "name": "moco_v2",
        "projector_hidden": [],
        "temperature": 0.07,
        "views": "moco_v1",
    },
}
# Fields of objectives, which a "tokenizer" section has without the name of its objective.
_FIELDS = {"vq_vae": {"decay": "codebook_decay"}}
_NAMELESS = {"tokenizer": "vq_vae"}


def current_path(path: str) -> str:
    """Return the path of today of an array in a checkpoint.

    >>> current_path("memory/stats/encoder/norm/mean"), current_path("params/memory/kernel")
    ('objective_state/stats/encoder/norm/mean', 'params/memory/kernel')
    """
    part, slash, rest = path.partition("/")
    return _STATE.get(part, part) + slash + rest


def current_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config.json under the names of today; one that has them already is returned alike.

    >>> current_config({"start_from": [], "optimizer": {"name": "sgd", "rules": []}})
    {'init_from': [], 'optimizer': {'name': 'sgd', 'param_groups': []}}
    """
    old = "start_from" in config  # every config.json of an earlier version has it
    changed = _renamed(config, _CONFIG)
    for name, keys in _SECTIONS.items():
        if isinstance(section := changed.get(name), Mapping):
            changed[name] = _renamed(section, keys)
    if old:
        changed["init_from"] = [_renamed_part(part) for part in changed["init_from"]]
    if isinstance(section := changed.get("objective"), Mapping):
        section = _with_objectives(section) if old else section
        changed["objective"] = _with_fields(section, section.get("name"))
    return changed


def _renamed(section: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in section.items()}


def _renamed_part(part: Any) -> Any:
    if not isinstance(part, Mapping):
        return part
    return {**part, **{key: current_path(part[key]) for key in ("take", "put") if key in part}}


def _with_objectives(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return a section of the objective with the methods' names of today, in a combination too."""
    changed = dict(section)
    for key, value in section.items():
        if isinstance(value, Mapping):  # a task of "combine" may be named by its key alone
            named = {"name": key, **value} if key in _OBJECTIVES else value
            changed[key] = _with_objectives(named)
    today = _OBJECTIVES.get(changed.get("name"))
    return changed if today is None else {**today, **changed, "name": today["name"]}


def _with_fields(section: Mapping[str, Any], name: Any) -> dict[str, Any]:
    """Return a section of the objective with the fields' names of today, in those within it too."""
    changed = {
        key: _with_fields(value, value.get("name", _NAMELESS.get(key)))
        if isinstance(value, Mapping)
        else value
        for key, value in section.items()
    }
    return _renamed(changed, _FIELDS.get(name, {}) if isinstance(name, str) else {})
