"""Checkpoints of the whole training state, in WORKDIR/checkpoints/STEP.

Orbax writes the arrays into a temporary directory and renames it when all is there, so a step
directory that has its final name was written to the end. Before that, the index of what was written
is read back and must hold every array whole (`contents`). Later damage is found by the manifest
`ssljax.json` inside (`checksums`): size and CRC-32 of every file, compared before a restore, since
TensorStore itself does not notice every damaged byte. Arrays and JSON are all there is: loading
runs no code.

Which checkpoints are kept is decided by the policies of Orbax's CheckpointManager (`retention`).
The manager itself is not used: it counts steps by the names of their folders, so that a damaged
checkpoint takes the place of the last intact one, which it then deletes. It also saves the arrays
in STEP/default, a layout that the checkpoints of earlier runs do not have.
"""

from ssljax.training.checkpoint.checkpointer import Checkpointer
from ssljax.training.checkpoint.steps import require_plain

__all__ = ["Checkpointer", "require_plain"]
