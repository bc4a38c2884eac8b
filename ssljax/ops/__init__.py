"""Pure operations on arrays: random keys, running averages, queues, clusters, masks, views."""

from ssljax.ops.transport import sinkhorn

__all__ = ["sinkhorn"]
