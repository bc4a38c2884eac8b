"""Data sets that a command fetches and writes once: `ssljax data prepare NAME`."""

from ssljax.data.prepare.registry import Prepared, prepare

__all__ = ["Prepared", "prepare"]
