"""Self-supervised learning in JAX: losses as pure functions, one train step for all of them.

model = ssljax.load("runs/quickstart")
features = model.embed(images)
"""

from typing import Any

__version__ = "0.1.0"
__all__ = ["Model", "UserError", "load"]


def __getattr__(name: str) -> Any:
    # Imported when asked for: JAX takes a second, and needs its environment set before.
    if name in ("Model", "load"):
        from ssljax import api

        return getattr(api, name)
    if name == "UserError":
        from ssljax.errors import UserError

        return UserError
    raise AttributeError(f"module 'ssljax' has no attribute {name!r}")
