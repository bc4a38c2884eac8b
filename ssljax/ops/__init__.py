"""Pure operations on arrays: random keys, running averages, queues, clusters, masks, views."""

from ssljax.ops.sinkhorn import sinkhorn

__all__ = ["sinkhorn"]
