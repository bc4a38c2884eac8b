"""What Orbax says of a save that failed: the cause for the user, and nothing besides."""

import functools
import logging
import os
import pathlib
import re
import sys
from typing import Any


def file_system_reason(error: BaseException) -> str | None:
    """Return what the file system said, if it was the file system."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    # TensorStore passes the number on in the text of a ValueError.
    number = re.search(r"os_error_code='(\d+)'", str(error))
    return os.strerror(int(number[1])) if number else None


@functools.cache  # once in a process
def hush_failed_saves() -> None:
    """Keep Orbax from printing a dozen tracebacks about a failed save: `wait` raises the cause."""
    logging.getLogger("absl").addFilter(
        lambda record: (
            record.levelno < logging.ERROR or "orbax" not in pathlib.Path(record.pathname).parts
        )
    )
    # Of the writes of one save, asyncio reports those that failed after the first, whenever Python
    # happens to collect them.
    logging.getLogger("asyncio").addFilter(
        lambda record: (
            not (
                record.getMessage().startswith("Task exception was never retrieved")
                and "orbax" in record.getMessage()
            )
        )
    )
    before = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        # Said by the writes that were still under way when the first one had failed.
        if str(unraisable.exc_value) != "Event loop is closed":
            before(unraisable)

    sys.unraisablehook = hook
