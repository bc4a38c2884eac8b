"""The folder of a run: whose it is, and that only one process writes in it."""

import contextlib
import fcntl
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import jax
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.files import write_atomically
from ssljax.training.config import differences, from_json, to_json


@contextlib.contextmanager
def lock(workdir: pathlib.Path) -> Iterator[None]:
    """Make the folder if need be, and keep other runs out of it; a lock dies with its process.

    Raises:
      UserError: the folder cannot be written, or another process runs in it.
    """
    if jax.process_index() > 0:  # the first of several hosts locks for all
        yield
        return
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        handle = (workdir / "lock").open("w")
    except OSError as error:
        raise UserError(f"cannot write to the workdir {workdir}: {error.strerror}") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(f"another process is running in the workdir {workdir}") from error
        yield


def claim(workdir: pathlib.Path, config: ConfigDict, fingerprint: dict[str, Any]) -> None:
    """Write the config and the data fingerprint of a new run, or check those of the run that is
    there.

    Raises:
      UserError: the folder belongs to a run of another config, or the data set has changed since.
    """
    config_path, data_path = workdir / "config.json", workdir / "data.json"
    if config_path.exists():
        changed = differences(load_config(workdir), config)
        if changed:
            raise UserError(
                f"{workdir} holds a run of another config; continue it with its own, or choose "
                "another workdir. "
                f"Different: {'; '.join(changed)}"
            )
    if data_path.exists():
        then = json.loads(data_path.read_text(encoding="utf-8"))
        changed = [key for key in {**then, **fingerprint} if then.get(key) != fingerprint.get(key)]
        if changed:
            what = "; ".join(
                f"{key}: {then.get(key)!r} then, {fingerprint.get(key)!r} now" for key in changed
            )
            raise UserError(
                f"the data set of the run in {workdir} has changed since it began ({what})"
            )
    if jax.process_index() == 0:
        write_atomically(config_path, to_json(config))
        write_atomically(data_path, json.dumps(fingerprint, indent=2) + "\n")


def load_config(workdir: pathlib.Path) -> ConfigDict:
    """Return the config of the run in a folder. It is read as data: nothing in it is run.

    Raises:
      UserError: there is none, or it cannot be read.
    """
    path = workdir / "config.json"
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{workdir} holds no run: there is no {path}") from error
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is not readable as JSON: {error}") from error
