"""The folder of a run's checkpoints: which steps are there, intact, and to be removed."""

import os
import pathlib
import re
import shutil
import time
from collections.abc import Callable

from ssljax.errors import UserError
from ssljax.training.checkpoint.checksums import Damaged, read_manifest, verify
from ssljax.training.checkpoint.contents import lacking
from ssljax.training.checkpoint.retention import Retention

TEMPORARY = ".orbax-checkpoint-tmp"
_ATTEMPTS, _PAUSE = 40, 0.05  # to remove a folder, with seconds between them
_QUIET = 5  # looks in a row that find no folder, until no write is under way any longer
# Orbax finds its own files by patterns made of the whole path, in which these mean something else.
_PATTERN = "*?[]\\"


class Steps:
    """The checkpoints of one folder, each in a folder that is called by its step.

    Args:
      folder: need not exist yet.
      report: gets a line about each damaged checkpoint that is passed over.
    """

    def __init__(self, folder: pathlib.Path, report: Callable[[str], None]):
        self.folder, self._report = folder, report
        self._damaged: set[int] = set()

    def at(self, step: int) -> pathlib.Path:
        """Return the folder of a step."""
        return self.folder / str(step)

    def named(self) -> list[int]:
        """Return the steps that have a folder, damaged or not, in order.

        Raises:
          UserError: the folder cannot be read.
        """
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UserError(f"cannot read the folder {self.folder}: {error.strerror}") from error
        return sorted(int(name) for name in names if re.fullmatch(r"0|[1-9][0-9]*", name))

    def complete(self) -> list[int]:
        """Return the steps that have a manifest and are not known to be damaged, in order."""
        return [step for step in self.named() if self._is_complete(step)]

    def _is_complete(self, step: int) -> bool:
        if step in self._damaged:
            return False
        try:
            return read_manifest(self.at(step))["step"] == step
        except Damaged:
            return False

    def written(self, step: int) -> None:
        """Take note that a step was saved, perhaps again after damage."""
        self._damaged.discard(step)

    def newest_intact(self) -> int | None:
        """Return the newest step that is intact, None if there is no step at all.

        Raises:
          UserError: there are steps, and all are damaged.
        """
        named = self.named()
        for step in reversed(named):
            try:
                self._verify(step)
                return step
            except Damaged as error:
                self._damaged.add(step)
                self._report(
                    f"the checkpoint {self.at(step)} is damaged ({error}); it is passed "
                    "over for the one before"
                )
        if named:
            raise UserError(
                f"all checkpoints in {self.folder} are damaged (steps {_listed(named)}); to start "
                "from the beginning, move that folder away"
            )
        return None

    def verified(self, step: int) -> int:
        """Return `step`.

        Raises:
          UserError: it is not there, or damaged.
        """
        if step not in self.named():
            raise UserError(
                f"there is no checkpoint of step {step} in {self.folder}; there are: "
                f"{_listed(self.complete())}"
            )
        try:
            self._verify(step)
        except Damaged as error:
            raise UserError(
                f"the checkpoint {self.at(step)} is damaged ({error}); there are: "
                f"{_listed([one for one in self.complete() if one != step])}"
            ) from error
        return step

    def _verify(self, step: int) -> None:
        """Raise Damaged unless the files are as the manifest says, and hold every array."""
        verify(self.at(step))
        if fault := lacking(self.at(step), read_manifest(self.at(step))["leaves"]):
            raise Damaged(fault)

    def prune(self, retention: Retention) -> None:
        """Remove the complete checkpoints that need not be kept; damaged ones stay as they are."""
        metrics = {step: read_manifest(self.at(step))["metrics"] for step in self.complete()}
        for step in metrics.keys() - retention.steps(metrics):
            # Renamed first, so that a removal cut short leaves no half of a checkpoint.
            removed = self.at(step).with_name(f"{step}{TEMPORARY}-removed")
            self.at(step).rename(removed)
            shutil.rmtree(removed, ignore_errors=True)

    def remove_partial(self) -> None:
        """Remove what saves and removals that were cut short have left."""
        for path in self.folder.glob(f"*{TEMPORARY}*"):
            shutil.rmtree(path, ignore_errors=True)

    def remove_failed(self) -> None:
        """Remove what a save has left that failed just now.

        Its other writes may still be under way: they make files while the folder is removed, and
        the folder anew when it is gone. So this looks until there is none for a while.
        """
        quiet = 0
        for _ in range(_ATTEMPTS):
            if quiet == _QUIET:
                break
            quiet = 0 if any(self.folder.glob(f"*{TEMPORARY}*")) else quiet + 1
            self.remove_partial()
            time.sleep(_PAUSE)


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


def _listed(steps: list[int]) -> str:
    return ", ".join(map(str, steps)) or "none"
