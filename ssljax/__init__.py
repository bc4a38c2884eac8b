"""Self-supervised learning in JAX: losses as pure functions, one train step for all of them."""

__version__ = "0.1.0"
