"""Every test runs on eight simulated CPU devices and shares one compilation cache."""

import os
import pathlib

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")

import jax  # noqa: E402  (the platform must be set first)
import pytest  # noqa: E402

CACHE = pathlib.Path(__file__).parent.parent / ".cache" / "xla"
jax.config.update("jax_compilation_cache_dir", str(CACHE))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep what shares compiled code in one worker: a file, or one objective of a file for all."""
    for item in items:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        case = params.get("any_trial") or params.get("case")
        group = f"{item.path} {case}" if isinstance(case, str) else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
