"""Self-supervised learning in JAX: pretext losses as pure functions, one train step for all of them."""
