"""Checkpoints of the whole training state, in WORKDIR/checkpoints/STEP.

Orbax writes the arrays into a temporary directory and renames it when all is there, so a step
directory that has its final name was written to the end. Before, the index of what was written is
read back and must hold every array whole. What happens to its files later is told by the manifest
`ssljax.json` inside: the size and CRC-32 of every file, read back at the save and compared before a
restore, since TensorStore itself does not notice every damaged byte. Arrays and JSON are all there
is: loading runs no code.

Orbax's CheckpointManager could choose which are kept, in place of twenty lines here. But it wants
another layout of the folder, which checkpoints of earlier runs do not have, keeps the metrics in a
file outside our manifest, and would count a damaged checkpoint among the newest.
"""

import functools
import json
import logging
import os
import pathlib
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils

from ssljax.errors import UserError, unknown
from ssljax.training.checksums import Damaged, read_manifest, verify, write_manifest
from ssljax.training.contents import lacking
from ssljax.training.tree_paths import named_leaves

# Orbax changes these two after the manifest has been written; nothing is read from them.
_NOT_LISTED = ("_CHECKPOINT_METADATA", "commit_success.txt")
_TEMPORARY = ".orbax-checkpoint-tmp"
_OF_OLDER_OPTIMIZER = re.compile(r"opt_state/(\d+|inner_states)/")
_NONE_SAVED, _NONE_READABLE = -1, -2
# Arrays that devices hold alike are cut so that each writes a part, down to parts of this size:
# to cut a small one takes longer than to write it.
_SMALLEST_PART_BYTES = 2**20
# Orbax finds its own files by patterns made of the whole path, in which these mean something else.
_PATTERN = "*?[]\\"


class Checkpointer:
    """Saves and restores train states in one work directory.

    In a run of several processes every process calls every method at the same point, and all of
    them see the same file system.

    Args:
      workdir: of the run; the checkpoints lie in its folder "checkpoints".
      keep_last: number of newest checkpoints that are kept.
      keep_best: number of those of the best metric that are kept, among the newest or not; of equal
        ones the newer.
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
        require_plain(workdir)
        self.folder = pathlib.Path(workdir).expanduser().absolute() / "checkpoints"
        self._keep_last, self._keep_best = keep_last, keep_best
        self._best_metric, self._sign = best_metric, 1 if best_mode == "max" else -1
        self._asynchronous = asynchronous
        self._report = report
        self._damaged: set[int] = set()
        self._saving: tuple[int, dict[str, Any]] | None = None
        self._orbax = ocp.AsyncCheckpointer(
            ocp.PyTreeCheckpointHandler(type_handler_registry=_type_handlers()),
            # Runs on the first process when all arrays are written, before the final rename.
            # The directory is made in the foreground: Orbax's threads would wait for it for minutes
            # where it cannot be made.
            async_options=ocp.options.AsyncOptions(
                post_finalization_callback=self._write_manifest,
                create_directories_asynchronously=False,
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
          UserError: no space, no permission, or not all of it was to be found afterwards; the
            checkpoints written before are untouched.
        """
        leaves = _described(state)
        record = {
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
            self._orbax.save(self._at(step), args=ocp.args.PyTreeSave(_nested(state)), force=True)
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
        record = read_manifest(self._at(chosen))
        self._require_same(record["leaves"], _described(abstract_state), chosen)
        arrays = self._read(chosen, jax.tree.map(_placed, abstract_state))
        leaves = [
            _empty(leaf) if 0 in leaf.shape else arrays[path]
            for path, leaf in named_leaves(abstract_state).items()
        ]
        state = jax.tree.unflatten(jax.tree.structure(abstract_state), leaves)
        return chosen, state, record["meta"]

    def restore_part(
        self, abstract: Mapping[str, jax.ShapeDtypeStruct], step: int | None = None
    ) -> dict[str, jax.Array] | None:
        """Return some arrays of the newest checkpoint that is intact, or of `step`, by their paths.

        Args:
          abstract: shape, dtype and sharding of the arrays that are wanted, in the order in which
            they are returned.
          step: the one to restore, damaged ones not being passed over then.

        Returns:
          None if there is no checkpoint at all.

        Raises:
          UserError: the checkpoint lacks an array, or has it in another shape, there is no such
            step, or all are damaged.
        """
        chosen = self._choose(step)
        if chosen == _NONE_SAVED:
            return None
        saved = read_manifest(self._at(chosen))["leaves"]
        if absent := [path for path in abstract if path not in saved]:
            raise unknown(f"array of {self._at(chosen)}", absent[0], saved)
        self._require_same({path: saved[path] for path in abstract}, _described(abstract), chosen)
        arrays = self._read(chosen, dict(abstract))
        return {p: _empty(leaf) if 0 in leaf.shape else arrays[p] for p, leaf in abstract.items()}

    def _read(self, step: int, abstract: Any) -> dict[str, jax.Array]:
        """Return the arrays of a checkpoint, by path, as the abstract ones are to be placed."""
        nested = _nested(abstract)
        with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
            restored = reader.restore(
                self._at(step),
                args=ocp.args.PyTreeRestore(
                    item=nested,
                    restore_args=ocp.checkpoint_utils.construct_restore_args(nested),
                    partial_restore=True,
                ),
            )
        return named_leaves(restored)

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
            try:
                self._prune()
            except OSError as error:
                self._report(f"cannot remove an old checkpoint: {error}")

    def close(self) -> None:
        """Wait, then free the threads."""
        try:
            self.wait()
        finally:
            self._orbax.close()

    def _write_manifest(self) -> None:
        """Write the manifest of the save in progress; a background thread calls this."""
        assert self._saving is not None
        step, record = self._saving
        (folder,) = self.folder.glob(f"{step}{_TEMPORARY}*")
        if fault := lacking(folder, record["leaves"]):
            raise UserError(f"the checkpoint {self._at(step)} was not written in full: {fault}")
        write_manifest(folder, record, except_for=_NOT_LISTED)

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
                    f"the checkpoint {self._at(step)} is damaged ({error}); it is passed "
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
                f"the checkpoint {self._at(step)} is damaged ({error}); there are: "
                f"{_listed([one for one in self.steps() if one != step])}"
            ) from error
        return step

    def _verify(self, step: int) -> None:
        """Raise Damaged unless the files are as the manifest says, and hold every array."""
        verify(self._at(step))
        if fault := lacking(self._at(step), read_manifest(self._at(step))["leaves"]):
            raise Damaged(fault)

    def _at(self, step: int) -> pathlib.Path:
        return self.folder / str(step)

    def _named(self) -> list[int]:
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UserError(f"cannot read the folder {self.folder}: {error.strerror}") from error
        return sorted(int(name) for name in names if re.fullmatch(r"0|[1-9][0-9]*", name))

    def _is_complete(self, step: int) -> bool:
        if step in self._damaged:
            return False
        try:
            return read_manifest(self._at(step))["step"] == step
        except Damaged:
            return False

    def _require_same(self, saved: Mapping[str, Any], wanted: Mapping[str, Any], step: int) -> None:
        def text(leaf: list[Any] | None) -> str:
            return "absent" if leaf is None else f"{leaf[0]}{leaf[1]}"

        different = [
            f"{path} is {text(saved.get(path))} there and {text(wanted.get(path))} here"
            for path in dict.fromkeys([*wanted, *saved])
            if saved.get(path) != wanted.get(path)
        ]
        if any(_OF_OLDER_OPTIMIZER.match(path) for path in saved.keys() - wanted.keys()):
            raise UserError(
                f"the checkpoint {self._at(step)} was written by an earlier version of ssljax, "
                "whose optimizer counted the steps itself; that run can be continued by that "
                'version only. Its "params" can start a new run, with config.init_from'
            )
        if different:
            more = f"; {len(different) - 3} more differ" if len(different) > 3 else ""
            raise UserError(
                f"the checkpoint {self._at(step)} is of another config: "
                f"{'; '.join(different[:3])}{more}"
            )

    def _prune(self) -> None:
        steps = self.steps()
        kept = set(steps[-self._keep_last :])
        metrics = {step: read_manifest(self._at(step))["metrics"] for step in steps}
        values = {step: found.get(self._best_metric) for step, found in metrics.items()}
        ranked = [step for step, value in values.items() if value is not None and value == value]
        ranked.sort(key=lambda step: (self._sign * values[step], step), reverse=True)
        kept.update(ranked[: self._keep_best])
        for step in steps:
            if step not in kept:
                # Renamed first, so that a removal cut short leaves no half of a checkpoint.
                removed = self._at(step).with_name(f"{step}{_TEMPORARY}-removed")
                self._at(step).rename(removed)
                shutil.rmtree(removed, ignore_errors=True)

    def _remove_partial(self) -> None:
        for path in self.folder.glob(f"*{_TEMPORARY}*"):
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
        place = self.folder if step is None else self._at(step)
        return UserError(f"cannot write the checkpoint {place}: {reason}; {last}")


def require_plain(path: str | os.PathLike[str]) -> None:
    """Refuse a path in which Orbax would not find again what it has written.

    Raises:
      UserError: naming the character.
    """
    text = str(pathlib.Path(path).absolute())
    if found := next((character for character in text if character in _PATTERN), None):
        raise UserError(
            f"the workdir {text} has {found!r} in its path, by which checkpoints cannot be told "
            "from those of other folders; choose a path without any of * ? [ ] and backslash"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"the path of the workdir {text!r} is not UTF-8; choose another") from error


def _type_handlers() -> ocp.type_handlers.TypeHandlerRegistry:
    arrays = ocp.type_handlers.ArrayHandler(
        min_slice_bytes_for_replica_parallel=_SMALLEST_PART_BYTES
    )
    return ocp.type_handlers.create_type_handler_registry((jax.Array, arrays))


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
    """Return nested dictionaries of the leaves, so that Orbax need not know our classes.

    Arrays without elements, which it refuses to save, are left out; `restore` makes them anew.
    """
    tree: dict[str, Any] = {}
    for path, leaf in named_leaves(state).items():
        if 0 in leaf.shape:
            continue
        *parents, name = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = leaf
    return tree


def _empty(leaf: Any) -> jax.Array:
    return jnp.zeros(leaf.shape, leaf.dtype, device=leaf.sharding)


def _placed(leaf: Any) -> jax.ShapeDtypeStruct:
    sharding = leaf.sharding or jax.sharding.SingleDeviceSharding(jax.devices()[0])
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)


def _from_first_process(value: int) -> int:
    if jax.process_count() == 1:
        return value
    return int(multihost_utils.broadcast_one_to_all(np.int32(value)))


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
@functools.cache  # once in a process
def _hush_failed_saves() -> None:
    """Keep Orbax from printing a dozen tracebacks about a failed save: `wait` raises the cause."""
    logging.getLogger("absl").addFilter(
        lambda record: (
            record.levelno < logging.ERROR or "orbax" not in pathlib.Path(record.pathname).parts
        )
    )
    # Of the writes of one save, asyncio reports those that failed after the first, whenever Python
    # happens to collect them.
    logging.getLogger("asyncio").addFilter(
        lambda record: (
            not (
                record.getMessage().startswith("Task exception was never retrieved")
                and "orbax" in record.getMessage()
            )
        )
    )
    before = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        # Said by the writes that were still under way when the first one had failed.
        if str(unraisable.exc_value) != "Event loop is closed":
            before(unraisable)

    sys.unraisablehook = hook
