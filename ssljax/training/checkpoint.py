"""Checkpoints of the whole training state, in WORKDIR/checkpoints/STEP.

Orbax writes the arrays into a temporary directory and renames it when all is there, so a step
directory that has its final name was written to the end. What happens to its files later is told
by the record `ssljax.json` inside: the size and CRC-32 of every file, read back at the save and
compared before a restore, since TensorStore itself does not notice every damaged byte. Arrays and
JSON are all there is: loading runs no code.
"""

import functools
import json
import logging
import os
import pathlib
import re
import shutil
import sys
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils

from ssljax.errors import UserError
from ssljax.training.paths import named_leaves

RECORD = "ssljax.json"
FORMAT = 1
# Orbax changes these two after the record has been written; nothing is read from them.
_UNRECORDED = {RECORD, "_CHECKPOINT_METADATA", "commit_success.txt"}
_TEMPORARY = "*.orbax-checkpoint-tmp*"
_BLOCK = 1 << 22  # bytes
_NONE_SAVED, _NONE_READABLE = -1, -2


class Damaged(Exception):
    """A checkpoint is not what was written."""


class Checkpointer:
    """Saves and restores train states in one work directory.

    In a run of several processes every process calls every method at the same point, and all of
    them see the same file system.

    Args:
      workdir: of the run; the checkpoints lie in its folder "checkpoints".
      keep_last: number of newest checkpoints that are kept.
      keep_best: number of further ones that are kept because their metric was best.
      best_metric: the name in `metrics` by which they are ranked; those without it are not.
      best_mode: "max" or "min".
      asynchronous: write in the background while training goes on.
      report: gets a line about each damaged checkpoint that is passed over.
    """

    def __init__(
        self,
        workdir: str | os.PathLike[str],
        *,
        keep_last: int,
        keep_best: int = 0,
        best_metric: str | None = None,
        best_mode: str = "max",
        asynchronous: bool = True,
        report: Callable[[str], None] = print,
    ):
        if keep_last < 1 or keep_best < 0:
            raise UserError(
                f"checkpoint.keep_last={keep_last} must be at least 1, and "
                f"checkpoint.keep_best={keep_best} at least 0"
            )
        if best_mode not in ("max", "min") or (keep_best and not best_metric):
            raise ValueError(
                f"keep_best={keep_best} needs best_metric, got {best_metric!r}, and best_mode "
                f"'max' or 'min', got {best_mode!r}"
            )
        self.folder = pathlib.Path(workdir).absolute() / "checkpoints"
        self._keep_last, self._keep_best = keep_last, keep_best
        self._best_metric, self._sign = best_metric, 1 if best_mode == "max" else -1
        self._asynchronous = asynchronous
        self._report = report
        self._damaged: set[int] = set()
        self._saving: tuple[int, dict[str, Any]] | None = None
        self._orbax = ocp.AsyncCheckpointer(
            ocp.PyTreeCheckpointHandler(),
            # Runs on the first process when all arrays are written, before the final rename.
            # The directory is made in the foreground: Orbax's threads would wait for it for minutes
            # where it cannot be made.
            async_options=ocp.options.AsyncOptions(
                post_finalization_callback=self._seal, create_directories_asynchronously=False
            ),
        )
        _hush_failed_saves()

    def steps(self) -> list[int]:
        """Return the steps whose checkpoints were written to the end, in order."""
        return [step for step in self._named() if self._is_complete(step)]

    def save(
        self,
        step: int,
        state: Any,
        *,
        meta: Mapping[str, Any],
        metrics: Mapping[str, float] | None = None,
        wait: bool = False,
    ) -> bool:
        """Save `state`, and delete the checkpoints that need not be kept any longer.

        Returns when the arrays may be changed or donated, which is long before they are written.
        First waits for the save before, whose failure, if it failed, is raised here.

        Args:
          step: under which it is saved. One that is there already is left as it is: a step of a
            run is always the same state.
          state: a pytree of arrays.
          meta: what JSON can hold, given back by `restore`: config, data fingerprint, versions.
          metrics: scalars by which the best checkpoints are found.
          wait: until it is written.

        Returns:
          Whether there was anything to save.

        Raises:
          UserError: no space, no permission; the checkpoints written before are untouched.
        """
        leaves = _described(state)
        record = {
            "format": FORMAT,
            "step": step,
            "metrics": {name: float(value) for name, value in (metrics or {}).items()},
            "leaves": leaves,
            "meta": json.loads(json.dumps(dict(meta))),
        }
        self.wait()
        if _from_first_process(step in self.steps()):
            return False
        self._saving = (step, record)
        try:
            if jax.process_index() == 0:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._remove_partial()
            self._orbax.save(
                self.folder / str(step), args=ocp.args.PyTreeSave(_nested(state)), force=True
            )
        except Exception as error:
            raise self._explained(error) from error
        if wait or not self._asynchronous:
            self.wait()
        return True

    def restore(
        self, abstract_state: Any, step: int | None = None
    ) -> tuple[int, Any, dict[str, Any]] | None:
        """Return (step, state, meta) of the newest checkpoint that is intact, or of `step`.

        Args:
          abstract_state: a pytree of ShapeDtypeStructs; their shardings, which need not be those
            of the save, say where the arrays shall lie.
          step: the one to restore, damaged ones not being passed over then.

        Returns:
          None if there is no checkpoint at all.

        Raises:
          UserError: the state has other arrays than the checkpoint, there is no such step, or
            there are checkpoints but all are damaged.
        """
        self.wait()
        chosen = self._choose(step)
        if chosen == _NONE_SAVED:
            return None
        record = self._read_record(chosen)
        self._require_same(record["leaves"], _described(abstract_state), chosen)
        abstract = _nested(jax.tree.map(_placed, abstract_state))
        with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
            restored = reader.restore(
                self.folder / str(chosen),
                args=ocp.args.PyTreeRestore(
                    item=abstract,
                    restore_args=ocp.checkpoint_utils.construct_restore_args(abstract),
                ),
            )
        arrays = named_leaves(restored)
        treedef = jax.tree.structure(abstract_state)
        state = jax.tree.unflatten(treedef, [arrays[path] for path in named_leaves(abstract_state)])
        return chosen, state, record["meta"]

    def wait(self) -> None:
        """Wait until what was saved is written.

        Raises:
          UserError: it could not be written.
        """
        try:
            self._orbax.wait_until_finished()
        except Exception as error:
            raise self._explained(error) from error
        if self._saving is None:
            return
        self._damaged.discard(self._saving[0])
        self._saving = None
        if jax.process_index() == 0:
            self._prune()

    def close(self) -> None:
        """Wait, then free the threads."""
        try:
            self.wait()
        finally:
            self._orbax.close()

    def _seal(self) -> None:
        """Write the record of the save in progress; a background thread calls this."""
        assert self._saving is not None
        step, record = self._saving
        (folder,) = self.folder.glob(f"{step}{_TEMPORARY[1:]}")
        files = {}
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            if path.name not in _UNRECORDED:
                files[path.relative_to(folder).as_posix()] = [path.stat().st_size, _crc32(path)]
        content = {**record, "files": files}
        text = json.dumps({"content": content, "crc32": _crc32_of(content)}, indent=1)
        (folder / RECORD).write_text(text)

    def _choose(self, step: int | None) -> int:
        """Return the step to restore, on all processes the one that the first has verified."""
        if jax.process_index() > 0:
            chosen = _from_first_process(0)
            if chosen == _NONE_READABLE:
                raise UserError(f"no checkpoint to restore in {self.folder}; see process 0")
            return chosen
        try:
            chosen = self._newest_intact() if step is None else self._verified(step)
        except UserError:
            _from_first_process(_NONE_READABLE)
            raise
        return _from_first_process(chosen)

    def _newest_intact(self) -> int:
        named = self._named()
        for step in reversed(named):
            try:
                self._verify(step)
                return step
            except Damaged as error:
                self._damaged.add(step)
                self._report(
                    f"the checkpoint {self.folder / str(step)} is damaged ({error}); it is passed "
                    "over for the one before"
                )
        if named:
            raise UserError(
                f"all checkpoints in {self.folder} are damaged (steps {_listed(named)}); to start "
                "from the beginning, move that folder away"
            )
        return _NONE_SAVED

    def _verified(self, step: int) -> int:
        if step not in self._named():
            raise UserError(
                f"there is no checkpoint of step {step} in {self.folder}; there are: "
                f"{_listed(self.steps())}"
            )
        try:
            self._verify(step)
        except Damaged as error:
            raise UserError(
                f"the checkpoint {self.folder / str(step)} is damaged ({error}); there are: "
                f"{_listed([one for one in self.steps() if one != step])}"
            ) from error
        return step

    def _verify(self, step: int) -> None:
        folder = self.folder / str(step)
        for name, (size, checksum) in self._read_record(step)["files"].items():
            path = folder / name
            try:
                found = path.stat().st_size
                if found != size:
                    raise Damaged(f"{name} has {found} bytes instead of {size}")
                if _crc32(path) != checksum:
                    raise Damaged(f"the content of {name} has changed")
            except FileNotFoundError as error:
                raise Damaged(f"{name} is missing") from error
            except OSError as error:
                raise UserError(f"cannot read the checkpoint {path}: {error.strerror}") from error

    def _read_record(self, step: int) -> dict[str, Any]:
        path = self.folder / str(step) / RECORD
        try:
            sealed = json.loads(path.read_bytes())
            content = sealed["content"]
            if sealed["crc32"] != _crc32_of(content):
                raise Damaged(f"the content of {RECORD} has changed")
        except FileNotFoundError as error:
            raise Damaged(f"{RECORD} is missing") from error
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(f"{RECORD} is cut short or overwritten") from error
        except OSError as error:
            raise UserError(f"cannot read the checkpoint {path}: {error.strerror}") from error
        if content["format"] != FORMAT:
            raise UserError(
                f"{path} has format {content['format']}; this version of ssljax reads {FORMAT}"
            )
        return content

    def _named(self) -> list[int]:
        if not self.folder.is_dir():
            return []
        return sorted(int(path.name) for path in self.folder.iterdir() if path.name.isdecimal())

    def _is_complete(self, step: int) -> bool:
        if step in self._damaged:
            return False
        try:
            return self._read_record(step)["step"] == step
        except Damaged:
            return False

    def _require_same(
        self, saved: Mapping[str, Any], wanted: Mapping[str, Any], step: int
    ) -> None:
        def text(leaf: list[Any] | None) -> str:
            return "absent" if leaf is None else f"{leaf[0]}{leaf[1]}"

        different = [
            f"{path} is {text(saved.get(path))} there and {text(wanted.get(path))} here"
            for path in dict.fromkeys([*wanted, *saved])
            if saved.get(path) != wanted.get(path)
        ]
        if different:
            more = f"; {len(different) - 3} more differ" if len(different) > 3 else ""
            raise UserError(
                f"the checkpoint {self.folder / str(step)} is of another config: "
                f"{'; '.join(different[:3])}{more}"
            )

    def _prune(self) -> None:
        steps = self.steps()
        kept = set(steps[-self._keep_last :])
        values = {step: self._read_record(step)["metrics"].get(self._best_metric) for step in steps}
        ranked = [step for step, value in values.items() if value is not None and value == value]
        ranked.sort(key=lambda step: (self._sign * values[step], step), reverse=True)
        kept.update(ranked[: self._keep_best])
        for step in steps:
            if step not in kept:
                # Without its record it is no checkpoint any more, however far the removal gets.
                (self.folder / str(step) / RECORD).unlink(missing_ok=True)
                shutil.rmtree(self.folder / str(step), ignore_errors=True)

    def _remove_partial(self) -> None:
        for path in self.folder.glob(_TEMPORARY):
            shutil.rmtree(path, ignore_errors=True)

    def _explained(self, error: Exception) -> Exception:
        """Return the failure of a save as a line for the user, if it is the file system's."""
        step = self._saving[0] if self._saving else None
        self._saving = None
        if jax.process_index() == 0:
            self._remove_partial()
        reason = _file_system_reason(error)
        if reason is None:
            return error
        good = self.steps()
        last = f"the last good one is step {good[-1]}" if good else "there is none yet"
        place = self.folder if step is None else self.folder / str(step)
        return UserError(f"cannot write the checkpoint {place}: {reason}; {last}")


def _described(state: Any) -> dict[str, list[Any]]:
    """Return {path: [dtype, shape]}."""
    described = {}
    for path, leaf in named_leaves(state).items():
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            raise TypeError(
                f"the state holds a random key at {path}; keys are derived from the seed and the "
                "step, and not stored"
            )
        described[path] = [np.dtype(leaf.dtype).name, list(leaf.shape)]
    return described


def _nested(state: Any) -> dict[str, Any]:
    """Return nested dictionaries of the leaves, so that Orbax need not know our classes."""
    tree: dict[str, Any] = {}
    for path, leaf in named_leaves(state).items():
        *parents, name = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = leaf
    return tree


def _placed(leaf: Any) -> jax.ShapeDtypeStruct:
    sharding = leaf.sharding or jax.sharding.SingleDeviceSharding(jax.devices()[0])
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)


def _from_first_process(value: int) -> int:
    if jax.process_count() == 1:
        return value
    return int(multihost_utils.broadcast_one_to_all(np.int32(value)))


def _crc32(path: pathlib.Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            checksum = zlib.crc32(block, checksum)
    return checksum


def _crc32_of(content: Any) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())


def _listed(steps: list[int]) -> str:
    return ", ".join(map(str, steps)) or "none"


def _file_system_reason(error: BaseException) -> str | None:
    """Return what the file system said, if it was the file system."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    # TensorStore passes the number on in the text of a ValueError.
    number = re.search(r"os_error_code='(\d+)'", str(error))
    return os.strerror(int(number[1])) if number else None


@functools.cache
def _hush_failed_saves() -> None:
    """Keep Orbax from printing a dozen tracebacks about a failed save: `wait` raises the cause."""
    logging.getLogger("absl").addFilter(
        lambda record: record.levelno < logging.ERROR
        or "orbax" not in pathlib.Path(record.pathname).parts
    )
    before = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        # Said by the writes that were still under way when the first one had failed.
        if str(unraisable.exc_value) != "Event loop is closed":
            before(unraisable)

    sys.unraisablehook = hook
