"""Every test runs on eight simulated CPU devices and shares one compilation cache."""

import gc
import os
import pathlib
import signal
import tracemalloc  # noqa: F401  (pytest's own import of it fails while TFDS makes imports lazy)

from tests.quick import FLAGS

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ.setdefault("XLA_FLAGS", f"--xla_force_host_platform_device_count=8 {FLAGS}")

CACHE = pathlib.Path(__file__).parent.parent / ".cache"
# What tests prepare and remember stays out of the user's own data.
os.environ.setdefault("SSLJAX_DATA_DIR", str(CACHE / "data"))
# For the processes that tests start, too. Single operations outside of jit are in the cache as
# well: there are thousands, each compiled in some 20 ms.
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(CACHE / "xla")
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"

import jax  # noqa: E402  (the platform must be set first)
import pytest  # noqa: E402

# Tracing makes millions of short-lived objects: looking for cycles among them takes a tenth of it.
gc.set_threshold(100_000)

_MOST_MAPS = 20_000  # of the 65,530 that Linux allows a process
_MOST_BYTES = 4 << 30  # two processes, on a machine that may have 16 GiB


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Run what shares compiled code in a row, in one worker."""
    places = {}
    for item in items:
        group = _group(item)
        item.add_marker(pytest.mark.xdist_group(group))
        places.setdefault(group, len(places))
    items.sort(key=lambda item: places[_group(item)])


@pytest.fixture(autouse=True)
def handlers_of_signals():
    """A command sets handlers for its whole process; a test that runs one leaves none to others."""
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in former.items():
        if handler is not None:  # one that was not set by Python cannot be
            signal.signal(number, handler)


def pytest_runtest_teardown(item, nextitem):
    """Free compiled code in time: XLA fails once a process has mapped too much of it."""
    if (nextitem is None or _group(item) != _group(nextitem)) and _full():
        jax.clear_caches()


def _full() -> bool:
    """Return whether this process has many maps of memory, or much memory; True if unknown."""
    try:
        maps = pathlib.Path("/proc/self/maps").read_text().count("\n")
        pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    except OSError:  # not Linux
        return True
    return maps > _MOST_MAPS or pages * os.sysconf("SC_PAGE_SIZE") > _MOST_BYTES


def _group(item) -> str:
    """Return the file of a test, with the objective if it is one of the tests of all objectives."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    case = params.get("any_trial") or params.get("case")
    file = item.nodeid.partition("::")[0]
    return f"{file} {case}" if isinstance(case, str) else file
