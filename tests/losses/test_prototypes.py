import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ssljax import losses
from tests.reference.losses import prototypes as reference

dino, ibot = jax.jit(losses.dino), jax.jit(losses.ibot)
koleo, msn = jax.jit(losses.koleo), jax.jit(losses.msn, static_argnames="sinkhorn_iterations")
TEMPERATURES = {"student_temperature": 0.1, "teacher_temperature": 0.04}


@pytest.mark.parametrize("prototypes", [8192, 65536])
def test_a_uniform_student_has_the_logarithm_of_the_number_of_prototypes(prototypes):
    teacher = jax.random.normal(jax.random.key(0), (2, prototypes))
    student, center = jnp.ones((2, prototypes)), jnp.zeros(prototypes)
    loss = dino(student, teacher, center, **TEMPERATURES)
    np.testing.assert_allclose(loss, math.log(prototypes), rtol=1e-5)


def test_dino_by_hand():
    # Centred, the teacher prefers the first by 0.04 log 3: p = (3/4, 1/4). The student: q = (1/2).
    teacher = jnp.array([[5 + 0.04 * math.log(3), -2.0]])
    student = jnp.array([[0.1 * math.log(2), 0.0]])  # q = (2/3, 1/3)
    loss = dino(student, teacher, jnp.array([5.0, -2.0]), **TEMPERATURES)
    expected = 0.75 * math.log(3 / 2) + 0.25 * math.log(3)
    np.testing.assert_allclose(loss, [expected], rtol=1e-4)


def test_the_centre_takes_away_what_the_whole_batch_prefers():
    teacher = jnp.tile(jnp.array([[9.0, 1.0, 1.0]]), (4, 1))  # collapsed onto one prototype
    student = jax.random.normal(jax.random.key(0), (4, 3))
    centred = dino(student, teacher, teacher.mean(0), **TEMPERATURES)
    uniform = dino(student, jnp.zeros((4, 3)), jnp.zeros(3), **TEMPERATURES)
    np.testing.assert_allclose(centred, uniform, rtol=1e-6)


def test_agreement_leaves_the_entropy_of_the_teacher():
    logits = jax.random.normal(jax.random.key(0), (4, 5))
    same = {"student_temperature": 0.2, "teacher_temperature": 0.2}
    p = jax.nn.softmax(logits / 0.2)
    entropy = -jnp.sum(p * jnp.log(p), axis=1)
    np.testing.assert_allclose(dino(logits, logits, jnp.zeros(5), **same), entropy, rtol=1e-5)


def test_dino_takes_any_leading_axes():
    student, teacher = jax.random.normal(jax.random.key(1), (2, 3, 4, 5))
    whole = dino(student, teacher, jnp.zeros(5), **TEMPERATURES)
    part = dino(student[1], teacher[1], jnp.zeros(5), **TEMPERATURES)
    np.testing.assert_allclose(whole[1], part, rtol=1e-6)


@pytest.mark.parametrize("loss", ["dino", "ibot"])
@pytest.mark.parametrize("name", TEMPERATURES)
@pytest.mark.parametrize("temperature", [0.0, -0.1, float("nan")])
def test_both_temperatures_have_to_be_positive(loss, name, temperature):
    logits, extra = jnp.ones((2, 3, 4)), {"where": jnp.ones((2, 3), bool)}
    options = {**TEMPERATURES, name: temperature, **(extra if loss == "ibot" else {})}
    with pytest.raises(ValueError, match=f"{name} must be positive, got {temperature}"):
        getattr(losses, loss)(logits, logits, jnp.zeros(4), **options)


def test_ibot_is_the_mean_within_an_image_and_then_over_images():
    student, teacher = jax.random.normal(jax.random.key(0), (2, 3, 4, 5))
    hidden = jnp.array([[True, False, False, False], [True, True, True, False], [False] * 4])
    each = dino(student, teacher, jnp.zeros(5), **TEMPERATURES)
    loss = ibot(student, teacher, jnp.zeros(5), where=hidden, **TEMPERATURES)
    np.testing.assert_allclose(loss, [each[0, 0], each[1, :3].mean(), 0], rtol=1e-6)


def test_what_is_not_hidden_has_no_part():
    student, teacher = jax.random.normal(jax.random.key(0), (2, 2, 3, 4))
    hidden = jnp.array([[True, False, True], [False, True, False]])

    def value_and_gradient(student, teacher):
        def loss(student):
            return jnp.mean(ibot(student, teacher, jnp.zeros(4), where=hidden, **TEMPERATURES))

        return jax.value_and_grad(loss)(student)

    clean = value_and_gradient(student, teacher)
    spoilt = [jnp.where(hidden[..., None], x, jnp.nan) for x in (student, teacher)]
    jax.tree.map(np.testing.assert_array_equal, clean, value_and_gradient(*spoilt))


def test_ibot_refuses_a_mask_of_another_shape_or_dtype():
    logits = jnp.ones((2, 3, 4))
    with pytest.raises(ValueError, match=r"where must have shape \[B, N\] with N = 3"):
        losses.ibot(logits, logits, jnp.zeros(4), where=jnp.ones((2, 4), bool), **TEMPERATURES)
    with pytest.raises(TypeError, match="where must be of the bool dtype, got float32"):
        losses.ibot(logits, logits, jnp.zeros(4), where=jnp.ones((2, 3)), **TEMPERATURES)


def test_koleo_of_an_orthonormal_set():
    for scale in (1.0, 7.0):  # the length of the features does not count
        assert float(koleo(scale * jnp.eye(16))) == pytest.approx(-math.log(2) / 2, abs=1e-6)


def test_koleo_by_hand():
    # On the circle at 0, 60 and 180 degrees: chords of 1 (twice) and of sqrt(3).
    angles = jnp.deg2rad(jnp.array([0.0, 60.0, 180.0]))
    z = jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=1)
    assert float(koleo(z)) == pytest.approx(-math.log(math.sqrt(3)) / 3, abs=1e-6)


def test_koleo_sees_neighbours_on_other_devices():
    """Each half of the batch is spread; only in the whole do neighbours coincide."""
    half = jnp.eye(8)
    both = jnp.concatenate([half, half])
    assert float(koleo(half)) == pytest.approx(-math.log(2) / 2, abs=1e-6)
    assert float(koleo(both)) == pytest.approx(8 * math.log(10), rel=1e-5)


@pytest.mark.parametrize("group", [4, 16])
def test_koleo_in_groups_is_the_mean_of_theirs_on_any_number_of_devices(group):
    z = np.random.default_rng(0).normal(size=(32, 3)).astype(np.float32)
    grouped = jax.jit(jax.value_and_grad(lambda z: losses.koleo(z, group=group)))
    parts = [reference.koleo(part) for part in np.split(z, 32 // group)]
    mesh = Mesh(np.array(jax.devices()), ("data",))
    sharded = jax.device_put(z, NamedSharding(mesh, PartitionSpec("data")))
    (one, slope), (many, slopes) = grouped(z), grouped(sharded)
    assert float(one) == pytest.approx(np.mean(parts), rel=1e-5)
    assert float(many) == pytest.approx(float(one), rel=1e-6)
    np.testing.assert_allclose(slopes, slope, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("group", [1, 5, -2])
def test_groups_of_koleo_divide_the_batch(group):
    with pytest.raises(ValueError, match=f"divide the batch of 6, got {group}"):
        losses.koleo(jnp.ones((6, 4)), group=group)


def test_koleo_pushes_the_nearest_apart():
    z = jax.random.normal(jax.random.key(0), (6, 3))
    step = jax.jit(lambda z: z - 0.01 * jax.grad(losses.koleo)(z))
    assert float(koleo(step(z))) < float(koleo(z))


def test_koleo_needs_two_examples():
    with pytest.raises(ValueError, match=r"z must hold at least 2 examples, got shape \[1, 4\]"):
        losses.koleo(jnp.ones((1, 4)))


def test_koleo_holds_no_array_of_pairs_times_features():
    z = jax.ShapeDtypeStruct((1024, 384), jnp.float32)
    compiled = jax.jit(jax.value_and_grad(losses.koleo)).lower(z).compile()
    assert compiled.memory_analysis().temp_size_in_bytes <= 32 * 2**20  # pairs alone are 4 MiB


def test_msn_of_equal_embeddings_is_the_logarithm_of_the_number_of_prototypes():
    ones = jnp.ones((4, 11, 8)), jnp.ones((4, 8)), jnp.ones((1024, 8))
    assert float(msn(*ones)) == pytest.approx(math.log(1024), rel=1e-5)
    # The entropy term is then 0: its weight does not matter.
    assert float(msn(*ones, entropy_weight=9.0)) == pytest.approx(math.log(1024), rel=1e-5)


def test_msn_by_hand():
    # One-hot up to exp(-10): both examples point to a prototype of their own, or to the same one.
    own, same = jnp.eye(2), jnp.array([[1.0, 0.0], [1.0, 0.0]])
    prototypes, sharp = 3 * jnp.eye(2), {"temperature": 0.01, "sinkhorn_iterations": 0}
    assert float(msn(own[:, None], own, prototypes, **sharp)) == pytest.approx(0, abs=1e-6)
    # log K - H(mean) = log 2 where only one of two prototypes is used.
    collapsed = float(msn(same[:, None], same, prototypes, **sharp, entropy_weight=2.0))
    assert collapsed == pytest.approx(2 * math.log(2), abs=1e-6)


def test_the_mean_prediction_of_msn_is_over_the_whole_batch():
    """Halves that use one prototype each are collapsed alone, and even together."""
    anchors = jnp.repeat(jnp.eye(2), 4, axis=0)[:, None]
    options = {"temperature": 0.01, "sinkhorn_iterations": 0}
    whole = msn(anchors, anchors[:, 0], jnp.eye(2), **options)
    half = msn(anchors[:4], anchors[:4, 0], jnp.eye(2), **options)
    assert float(whole) == pytest.approx(0, abs=1e-6)
    assert float(half) == pytest.approx(math.log(2), abs=1e-6)


def test_prototypes_learn_from_the_anchors_alone():
    anchors, targets, prototypes = (
        jax.random.normal(key, shape)
        for key, shape in zip(
            jax.random.split(jax.random.key(0), 3), [(4, 3, 5), (4, 5), (7, 5)], strict=True
        )
    )
    unit = losses.prototypes.l2_normalize
    target = jax.nn.softmax(unit(targets) @ unit(prototypes).T / 0.1 / 0.25)

    def with_constant_target(q):
        log_p = jax.nn.log_softmax(unit(anchors) @ unit(q).T / 0.1)
        mean = jnp.mean(jnp.exp(log_p), axis=(0, 1))
        entropy = -jnp.sum(mean * jnp.log(mean))
        return -jnp.mean(jnp.sum(target[:, None] * log_p, axis=-1)) + math.log(7) - entropy

    expected = jax.value_and_grad(with_constant_target)(prototypes)
    ours = jax.value_and_grad(lambda q: msn(anchors, targets, q, sinkhorn_iterations=0))(prototypes)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), ours, expected
    )


@pytest.mark.parametrize("name", ["temperature", "sharpening"])
def test_msn_refuses_a_temperature_of_0(name):
    with pytest.raises(ValueError, match=f"{name} must be positive, got 0"):
        losses.msn(jnp.ones((2, 3, 4)), jnp.ones((2, 4)), jnp.ones((5, 4)), **{name: 0.0})
