"""The configuration of a run: its defaults, and the check that keys and types are right.

An experiment file starts from `default_config()` and changes what it needs; a ConfigDict with any
subset of the keys will do as well. Two sections are open, their keys being the fields of what they
name: `encoder` and `objective`; whoever builds those checks them.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from ssljax.errors import UserError, unknown
from ssljax.training.optimizer import DEFAULTS as OPTIMIZER_DEFAULTS

OPEN_SECTIONS = ("encoder", "objective")
# Keys that a continued run may change, since they do not change what is computed.
FREE_TO_CHANGE = (
    "log_every",
    "progress",
    "profile",
    "checkpoint.",
    "evaluation.",
    "mesh.",
    "sharding_rules",
    "data.workers",
    "data.folder",
)
# Keys that may differ from host to host: any other would have them wait for each other.
OWN_TO_A_HOST = ("progress", "data.workers", "data.folder")


def default_config() -> ConfigDict:
    """Return a config with every key at its default; each comment says what the key does."""
    config = ConfigDict()
    config.seed = 0
    config.steps = 1000  # optimizer steps of the whole run
    config.batch_size = 256  # examples, over all devices and hosts
    config.accumulate = 1  # micro-batches of a step, where the loss does not couple the batch

    config.data = ConfigDict()
    config.data.source = "sklearn:digits"  # KIND:NAME, see `ssljax list data`
    config.data.split = "train"
    config.data.image_size = 0  # pixels; 0: as the images are (a folder of mixed sizes needs one)
    config.data.broken = "refuse"  # or "skip": what to do with an image file that cannot be read
    config.data.labels = False  # whether the objective is shown labels (SupCon)
    config.data.workers = 0  # processes that decode; 0: threads
    config.data.folder = ""  # of prepared sets; "": $SSLJAX_DATA_DIR or ~/.cache/ssljax/data
    config.data.channels = 3  # of decoded image files: 1, 3 or 4; arrays keep theirs
    config.data.host_crop = (0.5, 1.0)  # of the area, where images are not of image_size

    # A name, and the fields of what it names. An objective may be "package.module:Class".
    config.encoder = ConfigDict({"name": "resnet18"})
    config.objective = ConfigDict({"name": "simclr"})

    config.optimizer = ConfigDict(OPTIMIZER_DEFAULTS)  # each is explained beside its default

    # ({"workdir": of another run, "take": path in its state, "put": path in this one's}, ..): parts
    # of the first state that were trained before, such as a tokenizer or a teacher.
    config.init_from = ()

    # Devices along each axis; -1: what is left.
    config.mesh = ConfigDict({"data": -1, "fsdp": 1, "tensor": 1})
    config.mesh.fsdp_min_size = 2**16  # elements; what is smaller is not cut over fsdp
    # ((path regex, (mesh axis, several or None, for each dimension)), ...), before the default ones
    config.sharding_rules = ()

    config.checkpoint = ConfigDict()
    config.checkpoint.every = 500  # steps
    config.checkpoint.keep_last = 2  # the newest
    # And those of the best k-NN accuracy in the evaluations during training: where it is above 0, a
    # checkpoint is also saved at each of these (evaluation.every), and labels are needed.
    config.checkpoint.keep_best = 0

    config.log_every = 20  # steps
    config.progress = True  # show a progress bar, or lines where there is no terminal
    config.profile = (0, 0)  # (first step, number of steps) to trace into WORKDIR/profile

    config.evaluation = ConfigDict()
    config.evaluation.every = 0  # steps between quick evaluations during training; 0: none
    config.evaluation.final = True  # the whole protocol after the last step
    config.evaluation.source = ""  # "": the data set that was trained on
    config.evaluation.train_split = "train"
    # Where there is no "test", a fifth of each class of train is held out; other names must exist.
    config.evaluation.test_split = "test"
    config.evaluation.batch_size = 500
    config.evaluation.knn_k = 20
    config.evaluation.knn_temperature = 0.07
    return config


def complete(config: Mapping[str, Any]) -> ConfigDict:
    """Return `config` over the defaults, its values as JSON can hold them.

    A list is the tuple of its items everywhere, and a number of NumPy is the plain number: a config
    that is read back from JSON is the config that was written.

    Raises:
      UserError: a key that does not exist, a value of another type than its default, or one that
        JSON cannot hold.
    """
    full = default_config()
    _merge(full, ConfigDict(_plain(config, "")), "")
    return full


def _plain(value: Any, name: str) -> Any:
    """Return a value as it comes back from JSON, but with tuples for lists."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, ConfigDict | Mapping):
        if strange := [key for key in value if not isinstance(key, str) or "." in key]:
            raise UserError(
                f"{_named(name)} has the key {strange[0]!r}; a key is text without a dot"
            )
        return {key: _plain(item, f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_plain(item, f"{name}[{number}]") for number, item in enumerate(value))
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise UserError(
        f"{_named(name)}={value!r} is of type {type(value).__name__}; a config holds numbers, "
        "text, True, False, None, and sequences and sections of these"
    )


def _named(name: str) -> str:
    return f"config.{name.removeprefix('.')}" if name else "config"


def _merge(into: ConfigDict, given: ConfigDict, prefix: str) -> None:
    for key in given:
        name, value = prefix + key, given[key]
        if key not in into:
            raise unknown("config key", name, [prefix + known for known in into])
        if name in OPEN_SECTIONS:
            _require(isinstance(value, ConfigDict), name, value, "a section")
            if "name" in value:
                _require(isinstance(value["name"], str), f"{name}.name", value["name"], "str")
            into[key] = value
        elif isinstance(into[key], ConfigDict):
            _require(isinstance(value, ConfigDict), name, value, "a section")
            _merge(into[key], value, name + ".")
        else:
            into[key] = _as_type_of(into[key], value, name)


def _as_type_of(default: Any, value: Any, name: str) -> Any:
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    kind = type(default)
    _require(
        isinstance(value, kind) and isinstance(value, bool) == isinstance(default, bool),
        name,
        value,
        kind.__name__,
    )
    return value


def _require(good: bool, name: str, value: Any, wanted: str) -> None:
    if not good:
        kind = type(value).__name__
        if isinstance(value, ConfigDict):
            value, kind = value.to_dict(), "section"
        raise UserError(f"config.{name}={value!r} is of type {kind}; it must be {wanted}")


def to_json(config: ConfigDict) -> str:
    """Return the config as JSON text, which `from_json` reads without running any code."""
    return json.dumps(config.to_dict(), indent=2, sort_keys=False) + "\n"


def from_json(text: str) -> ConfigDict:
    """Return the config that `to_json` wrote, completed with the defaults.

    Raises:
      UserError: see `complete`; also text that holds no JSON object.
      ValueError: the text is not JSON.
    """
    return complete(_section_of(json.loads(text)))


def _section_of(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UserError(f"a config is a JSON object, not {json.dumps(value)[:40]}")
    return value


def differences(
    saved: ConfigDict, now: ConfigDict, free: tuple[str, ...] = FREE_TO_CHANGE
) -> list[str]:
    """Return a line for each key that differs and is not `free` to: by default, whose change would
    make a continued run another run."""
    before, after = dict(_flat(saved)), dict(_flat(now))
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return [
        f"{key}: {before.get(key, 'absent')!r} in the run, {after.get(key, 'absent')!r} now"
        for key in keys
        if not key.startswith(free)
    ]


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, ConfigDict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
