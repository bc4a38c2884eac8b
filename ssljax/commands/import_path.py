"""From which folders Python may import: those of code that the user named, and never before others.

A folder may hold anything: a run or a data set from elsewhere, with a file `flax.py` in it. So the
current folder is not on the path of a command, unless the user named code that lies there.
"""

import os
import pathlib
import sys


def keep_current_folder_out() -> None:
    """Have the Python processes that this one starts (workers that decode) not look there."""
    os.environ.setdefault("PYTHONSAFEPATH", "1")


def allow_beside(config_file: pathlib.Path) -> None:
    """Let a config file import what lies beside it, and from the current folder if it lies there.

    `experiments/image/mae.py` imports `experiments.image.common`, and names objectives such as
    "experiments.own_objective:AlignUniform".
    """
    folder, here = config_file.resolve().parent, pathlib.Path.cwd()
    if folder.is_relative_to(here):
        _append(here)
    _append(folder)


def allow_current_folder() -> None:
    """Let code be imported from the current folder: the user trusts a module by its name."""
    _append(pathlib.Path.cwd())


def _append(folder: pathlib.Path) -> None:
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last: nothing in it takes the place of a package
