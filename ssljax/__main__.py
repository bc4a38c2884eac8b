"""`python -m ssljax`."""

import os
import sys

# `python -m` puts the current folder first, where a file `jax.py` would be run in place of JAX.
if not sys.flags.safe_path and os.path.realpath(sys.path[0]) == os.path.realpath(os.curdir):
    here = sys.path.pop(0)
    if os.path.dirname(os.path.dirname(os.path.realpath(__file__))) == os.path.realpath(here):
        sys.path.append(here)  # a checkout that is not installed

from ssljax.commands.main import main  # noqa: E402  (the path must be right first)

sys.exit(main())
