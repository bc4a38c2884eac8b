"""Saves and restores train states: the one class that knows Orbax."""

import json
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import orbax.checkpoint as ocp

from ssljax.errors import UserError, unknown
from ssljax.training.checkpoint.arrays import described, empty, nested, placed, require_same
from ssljax.training.checkpoint.checksums import read_manifest, write_manifest
from ssljax.training.checkpoint.contents import lacking
from ssljax.training.checkpoint.failures import file_system_reason, hush_failed_saves
from ssljax.training.checkpoint.retention import Retention
from ssljax.training.checkpoint.steps import TEMPORARY, Steps, require_plain
from ssljax.training.hosts import from_first_process
from ssljax.training.migrate import current_path
from ssljax.training.tree_paths import named_leaves

# Orbax changes these two after the manifest has been written; nothing is read from them.
_NOT_LISTED = ("_CHECKPOINT_METADATA", "commit_success.txt")
_NONE_SAVED, _NONE_READABLE = -1, -2
# Arrays that devices hold alike are cut so that each writes a part, down to parts of this size:
# to cut a small one takes longer than to write it.
_SMALLEST_PART_BYTES = 2**20


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
        self._retention = Retention(keep_last, keep_best, best_metric, best_mode)
        require_plain(workdir)
        self.folder = pathlib.Path(workdir).expanduser().absolute() / "checkpoints"
        self._steps = Steps(self.folder, report)
        self._asynchronous = asynchronous
        self._report = report
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
        hush_failed_saves()

    def steps(self) -> list[int]:
        """Return the steps whose checkpoints were written to the end, in order."""
        return self._steps.complete()

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
        leaves = described(state)
        record = {
            "step": step,
            "metrics": {name: float(value) for name, value in (metrics or {}).items()},
            "leaves": leaves,
            "meta": json.loads(json.dumps(dict(meta))),
        }
        self.wait()
        if from_first_process(step in self.steps()):
            return False
        self._saving = (step, record)
        try:
            if jax.process_index() == 0:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._steps.remove_partial()
            self._orbax.save(
                self._steps.at(step), args=ocp.args.PyTreeSave(nested(state)), force=True
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
        manifest = read_manifest(self._steps.at(chosen))
        require_same(_leaves(manifest), described(abstract_state), self._steps.at(chosen))
        arrays = self._read(chosen, manifest, named_leaves(abstract_state))
        state = jax.tree.unflatten(jax.tree.structure(abstract_state), list(arrays.values()))
        return chosen, state, manifest["meta"]

    def held(self, step: int | None = None) -> tuple[int, dict[str, list[Any]]] | None:
        """Return (step, {path: [dtype, shape]}) of the newest checkpoint that is intact, or of
        `step`; None if there is none at all.

        Raises:
          UserError: there is no such step, or all are damaged.
        """
        chosen = self._choose(step)
        if chosen == _NONE_SAVED:
            return None
        return chosen, _leaves(read_manifest(self._steps.at(chosen)))

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
        manifest = read_manifest(self._steps.at(chosen))
        saved = _leaves(manifest)
        if absent := [path for path in abstract if path not in saved]:
            raise unknown(f"array of {self._steps.at(chosen)}", absent[0], saved)
        some = {path: saved[path] for path in abstract}
        require_same(some, described(abstract), self._steps.at(chosen))
        return self._read(chosen, manifest, abstract)

    def _read(
        self, step: int, manifest: Mapping[str, Any], abstract: Mapping[str, jax.ShapeDtypeStruct]
    ) -> dict[str, jax.Array]:
        """Return the arrays of a checkpoint, by path, as the abstract ones are to be placed."""
        saved_as = {current_path(path): path for path in manifest["leaves"]}
        tree = nested({saved_as[path]: placed(leaf) for path, leaf in abstract.items()})
        with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
            restored = reader.restore(
                self._steps.at(step),
                args=ocp.args.PyTreeRestore(
                    item=tree,
                    restore_args=ocp.checkpoint_utils.construct_restore_args(tree),
                    partial_restore=True,
                ),
            )
        arrays = named_leaves(restored)
        return {
            path: empty(leaf) if 0 in leaf.shape else arrays[saved_as[path]]
            for path, leaf in abstract.items()
        }

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
        self._steps.written(self._saving[0])
        self._saving = None
        if jax.process_index() == 0:
            try:
                self._steps.prune(self._retention)
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
        (folder,) = self.folder.glob(f"{step}{TEMPORARY}*")
        if fault := lacking(folder, record["leaves"]):
            raise UserError(
                f"the checkpoint {self._steps.at(step)} was not written in full: {fault}"
            )
        write_manifest(folder, record, except_for=_NOT_LISTED)

    def _choose(self, step: int | None) -> int:
        """Return the step to restore, on all processes the one that the first has verified."""
        if jax.process_index() > 0:
            chosen = from_first_process(0)
            if chosen == _NONE_READABLE:
                raise UserError(f"no checkpoint to restore in {self.folder}; see process 0")
            return chosen
        try:
            chosen = self._steps.newest_intact() if step is None else self._steps.verified(step)
        except UserError:
            from_first_process(_NONE_READABLE)
            raise
        return from_first_process(_NONE_SAVED if chosen is None else chosen)

    def _explained(self, error: Exception) -> Exception:
        """Return the failure of a save as a line for the user, if it is the file system's."""
        step = self._saving[0] if self._saving else None
        self._saving = None
        if jax.process_index() == 0:
            self._steps.remove_failed()
        reason = file_system_reason(error)
        if reason is None:
            return error
        good = self.steps()
        last = f"the last good one is step {good[-1]}" if good else "there is none yet"
        place = self.folder if step is None else self._steps.at(step)
        return UserError(f"cannot write the checkpoint {place}: {reason}; {last}")


def _leaves(manifest: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return what the arrays of a checkpoint are, by the paths of today."""
    return {current_path(path): leaf for path, leaf in manifest["leaves"].items()}


def _type_handlers() -> ocp.type_handlers.TypeHandlerRegistry:
    arrays = ocp.type_handlers.ArrayHandler(
        min_slice_bytes_for_replica_parallel=_SMALLEST_PART_BYTES
    )
    return ocp.type_handlers.create_type_handler_registry((jax.Array, arrays))
