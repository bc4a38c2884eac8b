"""Programs that were compiled before need not be again: JAX's persistent compilation cache."""

import contextlib
import os
import pathlib

FOLDER = pathlib.Path("~/.cache/ssljax/compiled")
_WORTH_KEEPING = 0.1  # seconds of compilation; a start compiles dozens of small programs


def keep_compiled() -> None:
    """Keep compiled programs in `FOLDER`, unless JAX was told where, or not to.

    JAX takes one up again if the program, the flags, its own version and the kind of the devices
    are the same. JAX_COMPILATION_CACHE_DIR names another folder, JAX_ENABLE_COMPILATION_CACHE=false
    keeps none. The folder may be deleted at any time.
    """
    import jax

    if jax.config.jax_compilation_cache_dir is not None or (
        "JAX_COMPILATION_CACHE_DIR" in os.environ  # empty: none
    ):
        return
    folder = FOLDER.expanduser()
    with contextlib.suppress(OSError):  # without a home to write in, all is compiled anew
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            jax.config.update("jax_compilation_cache_dir", str(folder))
            if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
                jax.config.update("jax_persistent_cache_min_compile_time_secs", _WORTH_KEEPING)
