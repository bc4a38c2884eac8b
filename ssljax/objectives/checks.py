"""Checks of the fields of an objective, which a config sets: the message names the key."""

from ssljax.errors import UserError
from ssljax.objectives.base import Run


def require_positive(**fields: float) -> None:
    """Raise a UserError unless fields of the objective, given by name, are above 0."""
    for name, value in fields.items():
        if not value > 0:
            raise UserError(f"objective.{name}={value}; it must be above 0")


def require_not_negative(**fields: float) -> None:
    """Raise a UserError unless fields of the objective, given by name, are at least 0."""
    for name, value in fields.items():
        if not value >= 0:
            raise UserError(f"objective.{name}={value}; it must be at least 0")


def require_share(**fields: float) -> None:
    """Raise a UserError unless fields of the objective, given by name, are from 0 to 1."""
    for name, value in fields.items():
        if not 0 <= value <= 1:
            raise UserError(f"objective.{name}={value}; it must be between 0 and 1")


def require_queue(run: Run, rows: int) -> None:
    """Raise a UserError unless batches fill a queue without a rest."""
    if rows <= 0 or rows % run.batch_size:
        raise UserError(
            f"objective.queue_size={rows} is not a multiple of batch_size={run.batch_size}"
        )
