"""Memory that a train step on CPU frees stays with the process, for the next step to use."""

import ctypes

import jax

# Of glibc's malloc.h; see mallopt(3).
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_PAD_BYTES = 2**28


def keep_freed_memory() -> None:
    """On CPU, let the C library keep what is freed instead of giving it back to the system.

    An XLA program on CPU allocates its temporaries anew in every call, in blocks so large that
    glibc maps each from the system and unmaps it when freed: every step pays a page fault for each
    4 KiB that it writes, which was an eighth of a step's processor time. The process stays as
    large as it once was. Accelerators have allocators of their own, and other C libraries have no
    such switch: there, nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if jax.default_backend() != "cpu" or mallopt is None:
        return
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, -1)  # never
    mallopt(_TOP_PAD, _PAD_BYTES)
