"""`python -m ssljax`."""

import os
import sys


def _here() -> bool:
    """Say whether the path begins with the current folder, though this package lies elsewhere."""
    here = os.path.realpath(os.curdir)
    package = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    return os.path.realpath(sys.path[0]) == here != package


# `python -m` puts the current folder first, where a file `jax.py` would be run in place of JAX. In
# a checkout that is not installed it is where this package is found.
if not sys.flags.safe_path and _here():
    del sys.path[0]

from ssljax.commands.main import main  # noqa: E402  (the path must be right first)

sys.exit(main())
