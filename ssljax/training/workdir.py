"""The folder of a run: whose it is, and that only one run writes in it."""

import contextlib
import fcntl
import json
import pathlib
import secrets
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.files import write_atomically
from ssljax.training.checkpoint import require_plain
from ssljax.training.config import (
    FREE_TO_CHANGE,
    OWN_TO_A_HOST,
    differences,
    from_json,
    to_json,
)
from ssljax.training.continuation import GOES_ON, continuation, describe, record, steps_done
from ssljax.training.data_record import DataRecord, read_data_record, write_data_record
from ssljax.training.migrate import current_config
from ssljax.training.run_tokenizer import (
    keep_tokenizer,
    require_own_tokenizer,
    with_own_tokenizer,
)

_WRITTEN_AT_THE_START = {
    *("lock", "config.json", "data.json", "tokenizer.json", "parameters.txt", "state.txt"),
    *("metrics.jsonl", "tensorboard", "checkpoints"),
}
_PROPAGATION = 20  # seconds until a network file system shows a new file on all hosts


def folder(text: str) -> pathlib.Path:
    """Return the path of a workdir as a user gives it.

    Raises:
      UserError: it is empty, or the address of a bucket, which has no locks and no renaming of
        folders.
    """
    if not text:
        raise UserError("--workdir is empty; give the folder of the run, such as runs/first")
    if "://" in text:
        raise UserError(
            f"--workdir {text}: a workdir is a folder, not a bucket; mount one, or use a network "
            "file system that all hosts see"
        )
    return pathlib.Path(text).expanduser()


@contextlib.contextmanager
def lock(workdir: pathlib.Path) -> Iterator[None]:
    """Make the folder if need be, and keep other runs out of it; a lock dies with its process.

    Where no step was logged or saved, what was made here is removed again, the folders above too: a
    start that is refused leaves nothing behind.

    Raises:
      UserError: its path would not do for checkpoints, the folder cannot be written, another
        process runs in it, or a host sees another folder than process 0 does.
    """
    require_plain(workdir)
    if jax.process_index() > 0:  # the first of several hosts locks for all
        _require_same_folder(workdir)
        yield
        return
    missing = [path for path in (workdir, *workdir.parents) if not path.exists()]
    there = {path.name for path in workdir.iterdir()} if workdir.is_dir() else set()
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        handle = (workdir / "lock").open("a")
    except OSError as error:
        _remove(workdir, set(), missing)
        raise UserError(f"cannot write to the workdir {workdir}: {error.strerror}") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(f"another process is running in the workdir {workdir}") from error
        if jax.process_count() > 1:
            token = secrets.randbelow(2**31)
            handle.truncate(0)
            handle.write(str(token))
            handle.flush()
            multihost_utils.broadcast_one_to_all(np.int32(token))
        try:
            yield
        finally:
            if not begun(workdir) and not _others(workdir) - there:
                _remove(workdir, _WRITTEN_AT_THE_START - there, missing)


def _remove(workdir: pathlib.Path, names: set[str], folders: Sequence[pathlib.Path]) -> None:
    """Remove entries of a workdir, then the folders that are empty, innermost first."""
    for path in (workdir / name for name in names):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for path in folders:
        with contextlib.suppress(OSError):  # it holds something, or was not made
            path.rmdir()


def _require_same_folder(workdir: pathlib.Path) -> None:
    """Raise a UserError unless what process 0 wrote into its lock file is to be found here."""
    token = str(multihost_utils.broadcast_one_to_all(np.int32(0)))
    deadline = time.monotonic() + _PROPAGATION
    while not _holds(workdir / "lock", token):
        if time.monotonic() > deadline:
            raise UserError(
                f"the workdir {workdir} of the host {socket.gethostname()} is not that of process "
                "0; give a folder that all hosts share"
            )
        time.sleep(0.1)


def _holds(path: pathlib.Path, text: str) -> bool:
    try:
        return path.read_text() == text
    except OSError:
        return False


def claim(workdir: pathlib.Path, config: ConfigDict, data: DataRecord) -> str | None:
    """Write the config and the data record of a new run, or check those of the run that is there.

    Of several hosts the first writes, and then the others check theirs. The data may have moved: of
    the same content, another `data.source` is free. A run of which no step was logged or saved,
    since its start was refused or ended, is none: another may begin.

    Returns:
      A line for the user where the run goes on to another number of steps; the history of the
      workdir then has it too.

    Raises:
      UserError: the folder belongs to a run of another config, or the data set has changed since.
    """
    change, stored = None, None
    if jax.process_index() == 0:
        if begun(workdir):
            _require_same_run(workdir, config, data, (*FREE_TO_CHANGE, *GOES_ON))
            change = _continuation(workdir, config)
            stored = read_data_record(workdir)
        if change:
            record(workdir, change)
        write_atomically(workdir / "config.json", to_json(config))
        if stored is None or stored.spec is None:
            write_data_record(workdir, data)
        keep_tokenizer(workdir, config)
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices("the run is claimed")
    if jax.process_index() > 0:
        _require_same_run(workdir, config, data, OWN_TO_A_HOST)
    return describe(change) if change else None


def _continuation(workdir: pathlib.Path, config: ConfigDict) -> dict[str, Any] | None:
    if not (workdir / "config.json").exists():
        return None
    saved = load_config(workdir)
    return continuation(saved, config, steps_done(workdir)) if differences(saved, config) else None


def _others(workdir: pathlib.Path) -> set[str]:
    """Return the names in a workdir of what is not written at the start of a run."""
    return {path.name for path in workdir.iterdir()} - _WRITTEN_AT_THE_START


def begun(workdir: pathlib.Path) -> bool:
    """Whether a step of the run in a folder was logged or saved."""
    metrics = workdir / "metrics.jsonl"
    logged = metrics.exists() and metrics.stat().st_size > 0
    return logged or any((workdir / "checkpoints").glob("*"))


def _require_same_run(
    workdir: pathlib.Path,
    config: ConfigDict,
    data: DataRecord,
    free: tuple[str, ...],
) -> None:
    stored = read_data_record(workdir)
    different = stored.changes(data) if stored else []
    if config.data.tokenizer:
        require_own_tokenizer(workdir, config)
    if stored and not different:
        free += ("data.source", "data.tokenizer")
    if (workdir / "config.json").exists():
        changed = differences(load_config(workdir), config, free)
        if changed:
            raise UserError(
                f"{workdir} holds a run of another config; continue it with its own, or choose "
                "another workdir. "
                f"Different: {'; '.join(changed)}"
            )
    if different:
        raise UserError(
            f"the data set of the run in {workdir} has changed since it began "
            f"({'; '.join(different)})"
        )


def load_config(workdir: pathlib.Path) -> ConfigDict:
    """Return the config of the run in a folder. It is read as data: nothing in it is run.

    Where a tokenizer was kept in the folder, `config.data.tokenizer` names that one.

    Raises:
      UserError: there is none, or it cannot be read.
    """
    path = workdir / "config.json"
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        config = from_json(json.dumps(current_config(saved) if isinstance(saved, dict) else saved))
        return with_own_tokenizer(workdir, config)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"{workdir} holds no run: there is no {path}") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except UserError as error:
        raise UserError(f"{path} is no config of this version of ssljax: {error}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not readable as JSON: {error}") from error
