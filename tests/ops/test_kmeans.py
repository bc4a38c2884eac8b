import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ssljax.ops.kmeans import kmeans, spherical_kmeans

KEY = jax.random.key(0)


def blobs(clusters=5, each=40, dim=8, noise=0.1):
    """Unit vectors around random directions, in random order, with their true clusters."""
    rng = np.random.default_rng(1)
    centres = np.linalg.qr(rng.normal(size=(dim, dim)))[0][:clusters]
    truth = rng.permutation(np.repeat(np.arange(clusters), each))
    return (centres[truth] + noise * rng.normal(size=(len(truth), dim))).astype(np.float32), truth


def loop(features, start, iterations):
    """The official code's loop, in float64."""
    rows = [row / np.linalg.norm(row) for row in features.astype(np.float64)]
    centroids = [np.array(c, np.float64) for c in start]

    def assign():
        return [max(range(len(centroids)), key=lambda k: float(row @ centroids[k])) for row in rows]

    for _ in range(iterations):
        labels = assign()
        for k in range(len(centroids)):
            members = [row for row, label in zip(rows, labels, strict=True) if label == k]
            if members:
                mean = sum(members) / len(members)
                centroids[k] = mean / np.linalg.norm(mean)
    return np.array(centroids), np.array(assign())


def agreement(labels, truth):
    """Share of rows whose cluster's majority has their true label."""
    labels = np.asarray(labels)
    hits = sum(np.bincount(truth[labels == k]).max() for k in np.unique(labels))
    return hits / len(truth)


@pytest.mark.parametrize("iterations", [1, 2, 10])
@pytest.mark.parametrize("block", [7, 64, 4096])
def test_equals_the_loop(iterations, block):
    features, _ = blobs(noise=0.4)
    centroids, labels = spherical_kmeans(
        features, KEY, clusters=12, iterations=iterations, block=block
    )
    # The same draw of the start.
    noise = jax.random.uniform(KEY, (len(features),))
    rows = features / np.linalg.norm(features, axis=1, keepdims=True)
    expected = loop(features, rows[np.argsort(noise)[:12]], iterations)
    np.testing.assert_allclose(centroids, expected[0], atol=1e-5)
    np.testing.assert_array_equal(labels, expected[1])


def test_finds_clear_clusters_as_well_as_scikit_learn():
    from sklearn.cluster import KMeans

    features, truth = blobs()
    rows = features / np.linalg.norm(features, axis=1, keepdims=True)

    def cost(centroids, labels):
        return 1 - np.mean(np.sum(rows * np.asarray(centroids)[np.asarray(labels)], axis=1))

    best = min(
        (spherical_kmeans(features, jax.random.key(s), clusters=5) for s in range(10)),
        key=lambda found: cost(*found),
    )
    assert agreement(best[1], truth) == 1
    peer = KMeans(5, n_init=10, random_state=0).fit(rows)
    centres = peer.cluster_centers_ / np.linalg.norm(peer.cluster_centers_, axis=1, keepdims=True)
    assert cost(*best) == pytest.approx(cost(centres, peer.labels_), abs=1e-6)


def test_an_empty_cluster_stays_where_it_is():
    # Two rows are equal: the second of their centroids is never chosen.
    features = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    centroids, labels = spherical_kmeans(features, KEY, clusters=3)
    np.testing.assert_allclose(sorted(centroids.tolist()), [[0, 1], [1, 0], [1, 0]], atol=1e-6)
    assert len(set(labels.tolist())) == 2


def test_rows_that_do_not_count_change_nothing():
    features, _ = blobs()
    where = np.random.default_rng(2).random(len(features)) < 0.5
    spoiled = np.where(where[:, None], features, 1e3)
    expected = spherical_kmeans(features, KEY, clusters=5, where=where, block=16)
    got = spherical_kmeans(spoiled, KEY, clusters=5, where=where, block=16)
    jax.tree.map(np.testing.assert_array_equal, expected, got)
    np.testing.assert_array_equal(np.asarray(got[1]) == -1, ~where)


def test_fewer_rows_that_count_than_clusters():
    features, _ = blobs()
    where = np.arange(len(features)) < 3
    centroids, labels = spherical_kmeans(features, KEY, clusters=8, where=where)
    assert np.isfinite(centroids).all()
    assert len(np.unique(np.asarray(labels)[:3])) == 3 and (np.asarray(labels)[3:] == -1).all()


def test_is_deterministic_and_follows_the_key():
    features, _ = blobs(noise=1.0)
    first, again, other = (
        spherical_kmeans(features, jax.random.key(seed), clusters=12) for seed in (0, 0, 1)
    )
    jax.tree.map(np.testing.assert_array_equal, first, again)
    assert not np.allclose(first[0], other[0])


@pytest.mark.parametrize("block", [24, 4096])
def test_same_on_eight_devices(block):
    features, _ = blobs()
    rows = NamedSharding(Mesh(jax.devices(), ("data",)), PartitionSpec("data"))
    one = spherical_kmeans(features, KEY, clusters=5, block=block)
    eight = spherical_kmeans(jax.device_put(features, rows), KEY, clusters=5, block=block)
    np.testing.assert_allclose(one[0], eight[0], atol=1e-5)
    np.testing.assert_array_equal(one[1], eight[1])


def test_memory_is_that_of_a_block():
    features = jax.ShapeDtypeStruct((60000, 32), jnp.float32)
    compiled = spherical_kmeans.lower(features, KEY, clusters=3000, block=1024).compile()
    everything = 60000 * 3000 * 4
    assert compiled.memory_analysis().temp_size_in_bytes < everything / 10


def test_mismatches_are_refused():
    features = jnp.ones((4, 2))
    for message, change in {
        "clusters must be at most the number of rows 4, got 5": {"clusters": 5},
        "clusters must be positive, got 0": {"clusters": 0},
        "iterations must be positive, got 0": {"iterations": 0},
        r"where must have shape \[4\], got \[3\]": {"where": jnp.ones(3, bool)},
        r"features must have shape \[N, D\], got \[4\]": {"features": jnp.ones(4)},
    }.items():
        with pytest.raises(ValueError, match=message):
            spherical_kmeans(**{"features": features, "key": KEY, "clusters": 2} | change)
    with pytest.raises(TypeError, match="features must be of a float dtype, got int32"):
        spherical_kmeans(jnp.ones((4, 2), jnp.int32), KEY, clusters=2)


def euclidean_loop(features, start, iterations):
    """Lloyd's algorithm in float64."""
    rows, centroids = features.astype(np.float64), np.array(start, np.float64)

    def assign():
        distances = [[((row - c) ** 2).sum() for c in centroids] for row in rows]
        return np.argmin(distances, axis=1)

    for _ in range(iterations):
        labels = assign()
        for k in range(len(centroids)):
            if (labels == k).any():
                centroids[k] = rows[labels == k].mean(axis=0)
    return centroids, assign()


@pytest.mark.parametrize("block", [7, 4096])
def test_points_equal_the_loop(block):
    features = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32) * [5, 1, 1]
    features = features.astype(np.float32)
    centroids, labels = kmeans(features, KEY, clusters=6, iterations=4, block=block)
    noise = jax.random.uniform(KEY, (60,))
    expected = euclidean_loop(features, features[np.argsort(noise)[:6]], 4)
    np.testing.assert_allclose(centroids, expected[0], atol=1e-5)
    np.testing.assert_array_equal(labels, expected[1])
