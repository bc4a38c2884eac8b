"""Contrastive losses against lightly, and against a few lines of PyTorch of the official codes."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import losses
from ssljax.objectives.contrastive.nnclr import nearest
from tests.peers.test_losses import assert_equal, draw

torch = pytest.importorskip("torch")


def normalize(x):
    return torch.nn.functional.normalize(x, dim=1)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_dcl_is_lightlys(temperature):
    lightly = pytest.importorskip("lightly.loss")
    assert_equal(
        lambda a, b: jnp.mean(losses.dcl(a, b, temperature=temperature)),
        lightly.DCLLoss(temperature=temperature),
        draw((32, 16), (32, 16)),
    )


@pytest.mark.parametrize("sigma", [0.5, 2.0])
def test_dclw_is_lightlys_on_one_device(sigma):
    lightly = pytest.importorskip("lightly.loss")
    assert_equal(
        lambda a, b: jnp.mean(losses.dclw(a, b, temperature=0.2, sigma=sigma)),
        lightly.DCLWLoss(temperature=0.2, sigma=sigma),
        draw((32, 16), (32, 16)),
    )


def test_lightlys_dclw_changes_with_the_number_of_devices_and_ours_does_not():
    # Its weights have mean one on every device, ours over the batch: lightly on the two halves,
    # with the negatives of both gathered, is not the whole; the positives alone show it.
    dcl_loss = pytest.importorskip("lightly.loss.dcl_loss")
    z1, z2 = (normalize(torch.tensor(z)) for z in draw((32, 16), (32, 16)))
    whole = dcl_loss.negative_mises_fisher_weights(z1, z2)
    halves = torch.cat(
        [dcl_loss.negative_mises_fisher_weights(z1[h], z2[h]) for h in (slice(16), slice(16, 32))]
    )
    assert (whole - halves).abs().max() > 0.01
    positive = torch.sum(z1 * z2, dim=1)
    a, b = jnp.asarray(z1), jnp.asarray(z2)
    difference = losses.dcl(a, b, temperature=1.0) - losses.dclw(a, b, temperature=1.0, sigma=0.5)
    np.testing.assert_allclose(difference, ((whole - 1) * positive).numpy(), atol=1e-5)


@pytest.mark.parametrize("labelled", [True, False])
def test_sup_con_is_the_official_one_but_for_its_base_temperature(labelled):
    labels = np.random.default_rng(1).integers(0, 5, 24)
    temperature, base_temperature = 0.1, 0.07

    def official(z1, z2):
        features = torch.cat([normalize(z1), normalize(z2)])
        logits = features @ features.T / temperature
        same = torch.tensor(labels[:, None] == labels if labelled else np.eye(24)).float()
        itself = torch.eye(48, dtype=torch.bool)
        positive = same.repeat(2, 2).masked_fill(itself, 0)
        log_prob = logits - torch.logsumexp(logits.masked_fill(itself, -torch.inf), 1, keepdim=True)
        mean = (positive * log_prob).sum(1) / positive.sum(1)
        return -(temperature / base_temperature) * mean.mean()

    assert_equal(
        lambda a, b: (
            (temperature / base_temperature)
            * jnp.mean(losses.sup_con(a, b, labels if labelled else None, temperature=temperature))
        ),
        official,
        draw((24, 16), (24, 16)),
    )


def test_batch_info_nce_is_moco_v3s_but_for_its_factor():
    def official(q, k):
        logits = normalize(q) @ normalize(k).T / 0.2
        return torch.nn.functional.cross_entropy(logits, torch.arange(len(q))) * (2 * 0.2)

    assert_equal(
        lambda q, k: 2 * 0.2 * jnp.mean(losses.batch_info_nce(q, k, temperature=0.2)),
        official,
        draw((32, 16), (32, 16)),
    )


def test_noise_contrastive_is_npids():
    positive, noise = draw((8, 16), (64, 16))[:2]
    n, normalizer, temperature = 1000, 1500.0, 0.2

    def official(z):
        others = normalize(torch.tensor(noise)).expand(8, 64, 16)
        weight = torch.cat([normalize(torch.tensor(positive))[:, None], others], dim=1)
        p = torch.exp(torch.einsum("bmd,bd->bm", weight, normalize(z)) / temperature) / normalizer
        chance = 64 / n
        true = torch.log(p[:, 0] / (p[:, 0] + chance))
        false = torch.log(chance / (p[:, 1:] + chance))
        return -(true.sum() + false.sum()) / 8

    options = {"temperature": temperature, "log_normalizer": math.log(normalizer), "examples": n}
    assert_equal(
        lambda z: jnp.mean(losses.noise_contrastive(z, positive, noise, **options)),
        official,
        draw((8, 16)),
    )


def test_non_parametric_softmax_is_npids():
    """LinearAverage.py and nn.CrossEntropyLoss, as cifar.py has them with `--nce-k 0`."""
    ids = np.random.default_rng(0).integers(0, 64, 8)
    bank = draw((64, 16))[0]

    def official(z):
        logits = normalize(z) @ normalize(torch.tensor(bank)).T / 0.2
        return torch.nn.functional.cross_entropy(logits, torch.tensor(ids))

    assert_equal(
        lambda z: jnp.mean(losses.non_parametric_softmax(z, ids, bank, temperature=0.2)),
        official,
        draw((8, 16)),
    )


def test_relational_is_ressls():
    teacher, queue = draw((8, 16), (64, 16))

    def official(student):
        memory = normalize(torch.tensor(queue))
        target = torch.softmax(normalize(torch.tensor(teacher)) @ memory.T / 0.04, dim=1)
        logits = normalize(student) @ memory.T / 0.1
        return -torch.sum(target * torch.log_softmax(logits, dim=1), dim=1).mean()

    temperatures = {"student_temperature": 0.1, "teacher_temperature": 0.04}
    student = np.random.default_rng(5).normal(size=(8, 16)).astype(np.float32)
    assert_equal(
        lambda s: jnp.mean(losses.relational(s, teacher, queue, **temperatures)),
        official,
        [student],
    )


def test_nearest_neighbours_are_lightlys():
    modules = pytest.importorskip("lightly.models.modules")
    z, rows = draw((8, 16), (64, 16))
    rows = normalize(torch.tensor(rows))
    memory = modules.NNMemoryBankModule(size=(64, 16))
    memory.bank, memory.bank_ptr = rows, torch.zeros(1, dtype=torch.long)
    theirs = memory(normalize(torch.tensor(z)), update=False)
    np.testing.assert_array_equal(nearest(jnp.asarray(z), jnp.asarray(rows)), theirs.numpy())
