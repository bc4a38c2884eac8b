"""Losses over prototypes against lightly and lines of the official codes: values and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import models
from ssljax.losses import dino, ibot, koleo, msn
from tests.peers.test_losses import assert_equal, draw

torch = pytest.importorskip("torch")


@pytest.fixture
def lightly():
    return pytest.importorskip("lightly.loss")


def test_dino_over_all_pairs_of_different_views_is_lightlys(lightly):
    student, teacher, center = draw((5, 8, 16), (2, 8, 16), (16,))
    peer = lightly.DINOLoss(output_dim=16, teacher_temp=0.07, warmup_teacher_temp_epochs=0)
    peer.center.data = torch.tensor(center)[None, None]

    def ours(student):
        pairs = [
            jnp.mean(
                dino(
                    student[v],
                    teacher[g],
                    center,
                    student_temperature=0.1,
                    teacher_temperature=0.07,
                )
            )
            for g in range(2)
            for v in range(5)
            if g != v
        ]
        return jnp.mean(jnp.stack(pairs))

    assert_equal(ours, lambda s: peer(list(torch.tensor(teacher)), list(s)), [student])


def test_ibot_is_lightlys(lightly):
    student, teacher, center = draw((4, 9, 16), (4, 9, 16), (16,))
    hidden = np.random.default_rng(1).random((4, 3, 3)) < 0.5
    hidden[0] = False
    peer = lightly.IBOTPatchLoss(output_dim=16, teacher_temp=0.07)
    peer.center.center = torch.tensor(center)[None]
    flat = hidden.reshape(4, 9)

    def ours(student):
        return jnp.mean(
            ibot(
                student,
                teacher,
                center,
                student_temperature=0.1,
                teacher_temperature=0.07,
                where=flat,
            )
        )

    mask = torch.tensor(hidden)
    target = torch.tensor(teacher)[torch.tensor(flat)]
    assert_equal(ours, lambda s: peer(target, s[torch.tensor(flat)], mask), [student])


def test_koleo_is_lightlys_on_one_device(lightly):
    assert_equal(koleo, lightly.KoLeoLoss(), draw((32, 16)))


@pytest.mark.parametrize("iterations", [0, 3])
def test_msn_is_lightlys(lightly, iterations):
    anchors, targets, prototypes = draw((8, 3, 16), (8, 16), (12, 16))
    peer = lightly.MSNLoss(temperature=0.1, sinkhorn_iterations=iterations)

    def theirs(anchors, prototypes):
        views = anchors.transpose(0, 1).flatten(0, 1)  # all of the first views, then the second
        return peer(views, torch.tensor(targets), prototypes)

    assert_equal(
        lambda a, q: msn(a, targets, q, sinkhorn_iterations=iterations),
        theirs,
        [anchors, prototypes],
    )


def test_the_head_is_lightlys():
    heads = pytest.importorskip("lightly.models.modules.heads")
    peer = heads.DINOProjectionHead(6, hidden_dim=10, bottleneck_dim=4, output_dim=12)
    ours = models.DINOHead(hidden=(10, 10), out=12, bottleneck=4)
    linear = [layer for layer in peer.layers if isinstance(layer, torch.nn.Linear)]
    params = {
        name: {"kernel": layer.weight.detach().numpy().T, "bias": layer.bias.detach().numpy()}
        for name, layer in zip(("linear_0", "linear_1", "bottleneck"), linear, strict=True)
    }
    names = dict(peer.last_layer.named_parameters())
    direction = next(v for k, v in names.items() if k.endswith(("weight_v", "original1")))
    params["prototypes"] = direction.detach().numpy().T
    (x,) = draw((5, 6))
    y, _ = models.apply(ours, jax.tree.map(jnp.asarray, params), {}, x, train=True)
    np.testing.assert_allclose(y, peer(torch.tensor(x)).detach(), rtol=1e-4, atol=1e-6)
