"""Pure operations on arrays: random keys, running averages, queues, clusters, masks, views."""
