"""k-means on the device, in blocks: of directions (DeepCluster-v2) or of points (HuBERT)."""

import functools

import jax
import jax.numpy as jnp

from ssljax.ops.normalize import at_least_float32, l2_normalize

_HIGHEST = jax.lax.Precision.HIGHEST


@functools.partial(jax.jit, static_argnames=("clusters", "iterations", "block"))
def spherical_kmeans(
    features: jax.Array,
    key: jax.Array,
    *,
    clusters: int,
    iterations: int = 10,
    where: jax.Array | None = None,
    block: int = 4096,
) -> tuple[jax.Array, jax.Array]:
    """Cluster directions: assign by cosine, move centroids to the normalised mean, repeat.

        label_n = argmax_k x_n . c_k        c_k = unit(mean of the x_n with label k)

    It starts from random rows. A centroid without rows does not move. The labels belong to the
    returned centroids. Sums are matrix products with one-hot labels, because scatter-adds on a GPU
    differ from run to run.

    Args:
      features: [N, D]; rows are scaled to unit length.
      key: the random key of the initial choice.
      clusters: K, at most N.
      iterations: number of updates of the centroids.
      where: bool[N], the rows to cluster; None for all. With fewer rows than K, further centroids
        repeat the first ones and stay empty.
      block: the number of rows compared with the centroids at a time; memory is block * K floats.

    Returns:
      centroids: [K, D] unit vectors, at least float32.
      labels: int32[N] in 0 ... K-1, and -1 for the other rows.

    Raises:
      ValueError: shapes do not fit, or an argument is out of range.

    DeepCluster-v2, https://arxiv.org/abs/2006.09882 (appendix); facebookresearch/swav,
    main_deepclusterv2.py (cluster_memory), which takes the model's features as unit vectors.

    >>> features = jnp.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
    >>> _, labels = spherical_kmeans(features, jax.random.key(0), clusters=2)
    >>> bool(labels[0] == labels[1] != labels[2] == labels[3])
    True
    """
    _check(features, where, clusters=clusters, iterations=iterations, block=block)
    settings = {"clusters": clusters, "iterations": iterations, "block": block}
    directions = {"scores": _cosines, "centre": lambda sums, _: l2_normalize(sums)}
    return _clustered(l2_normalize(features), key, where, **settings, **directions)


@functools.partial(jax.jit, static_argnames=("clusters", "iterations", "block"))
def kmeans(
    features: jax.Array,
    key: jax.Array,
    *,
    clusters: int,
    iterations: int = 10,
    where: jax.Array | None = None,
    block: int = 4096,
) -> tuple[jax.Array, jax.Array]:
    """Cluster points: assign by Euclidean distance, move centroids to the mean, repeat.

    All but the distance and the length of the centroids is as in `spherical_kmeans`.

    Lloyd 1982; HuBERT, https://arxiv.org/abs/2106.07447, which has scikit-learn's mini-batch
    version, started by k-means++, the best of 20.

    >>> features = jnp.array([[1.0], [2.0], [8.0], [9.0]])
    >>> centroids, _ = kmeans(features, jax.random.key(0), clusters=2)
    >>> sorted(centroids.ravel().tolist())
    [1.5, 8.5]
    """
    _check(features, where, clusters=clusters, iterations=iterations, block=block)
    settings = {"clusters": clusters, "iterations": iterations, "block": block}
    points = {"scores": _nearness, "centre": _mean}
    return _clustered(at_least_float32(features), key, where, **settings, **points)


def _cosines(rows: jax.Array, centroids: jax.Array) -> jax.Array:
    return jnp.einsum("nd,kd->nk", rows, centroids, precision=_HIGHEST)


def _nearness(rows: jax.Array, centroids: jax.Array) -> jax.Array:
    """Return the squared distances times -1/2, without the part that is the same for all."""
    return _cosines(rows, centroids) - jnp.sum(jnp.square(centroids), axis=1) / 2


def _mean(sums: jax.Array, sizes: jax.Array) -> jax.Array:
    return sums / jnp.maximum(sizes, 1)[:, None]


def _clustered(features, key, where, *, clusters, iterations, block, scores, centre):
    """Return centroids and labels.

    Args:
      features, key, where, clusters, iterations, block: see `spherical_kmeans`.
      scores: of (rows, centroids): how near each centroid is.
      centre: of (sums of members [K, D], their numbers [K]): the centroids.
    """
    count = len(features)
    where = jnp.ones(count, bool) if where is None else where.astype(bool)
    centroids = _random_rows(features, where, key, clusters)

    blocks = -(-count // block)
    padding = -count % blocks
    # Block j holds the rows i * blocks + j. With sharded rows it is spread over all devices;
    # consecutive rows would all lie on one device.
    split = functools.partial(_split, blocks=blocks, padding=padding)
    rows, counted = split(features), split(where)

    def assign(centroids: jax.Array, rows: jax.Array) -> jax.Array:
        return jnp.argmax(scores(rows, centroids), axis=1).astype(jnp.int32)

    def move(_: int, centroids: jax.Array) -> jax.Array:
        def add(sums: jax.Array, part: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
            rows, counted = part
            members = jnp.where(counted, assign(centroids, rows), -1)
            chosen = jax.nn.one_hot(members, clusters, dtype=rows.dtype)  # -1 is a row of zeros
            members_sum = jnp.einsum("nk,nd->kd", chosen, rows, precision=_HIGHEST)
            sizes = jnp.sum(chosen, axis=0)
            return (sums[0] + members_sum, sums[1] + sizes), None

        zeros = (jnp.zeros_like(centroids), jnp.zeros(clusters, centroids.dtype))
        (sums, sizes), _ = jax.lax.scan(add, zeros, (rows, counted))
        return jnp.where(sizes[:, None] > 0, centre(sums, sizes), centroids)

    centroids = jax.lax.fori_loop(0, iterations, move, centroids)
    labels = jax.lax.map(functools.partial(assign, centroids), rows)
    labels = jnp.swapaxes(labels, 0, 1).reshape(-1)[:count]
    return centroids, jnp.where(where, labels, -1)


def _split(x: jax.Array, *, blocks: int, padding: int) -> jax.Array:
    x = jnp.pad(x, [(0, padding)] + [(0, 0)] * (x.ndim - 1))
    return jnp.swapaxes(x.reshape(-1, blocks, *x.shape[1:]), 0, 1)


def _random_rows(features: jax.Array, where: jax.Array, key: jax.Array, count: int) -> jax.Array:
    noise = jnp.where(where, jax.random.uniform(key, where.shape), jnp.inf)
    candidates = jnp.maximum(jnp.sum(where), 1)
    return features[jnp.argsort(noise)[jnp.arange(count) % candidates]]


def _check(features: jax.Array, where: jax.Array | None, **positive: int) -> None:
    if features.ndim != 2:
        raise ValueError(f"features must have shape [N, D], got {list(features.shape)}")
    if not jnp.issubdtype(features.dtype, jnp.floating):
        raise TypeError(f"features must be of a float dtype, got {features.dtype}")
    for name, value in positive.items():
        if value <= 0:
            raise ValueError(f"{name} must be positive, got {value}")
    if positive["clusters"] > features.shape[0]:
        raise ValueError(
            f"clusters must be at most the number of rows {features.shape[0]}, "
            f"got {positive['clusters']}"
        )
    if where is not None and where.shape != features.shape[:1]:
        raise ValueError(f"where must have shape [{features.shape[0]}], got {list(where.shape)}")
