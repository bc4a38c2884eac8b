"""A check that methods with a queue share."""

from ssljax.errors import UserError
from ssljax.objectives.base import Run


def require_queue(run: Run, rows: int) -> None:
    """Raise a UserError unless batches fill a queue without a rest."""
    if rows <= 0 or rows % run.batch_size:
        raise UserError(
            f"objective.queue_size={rows} is not a multiple of batch_size={run.batch_size}"
        )
