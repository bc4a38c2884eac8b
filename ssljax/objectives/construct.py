"""The loader of a section under its old name."""

from ssljax.schema import parse as construct

__all__ = ["construct"]
