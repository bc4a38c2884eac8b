"""SEED's loss against the lines of its paper in PyTorch: value and gradient."""

import jax.numpy as jnp
import pytest

from ssljax.losses import similarity_distillation
from tests.peers.test_losses import assert_equal, draw

torch = pytest.importorskip("torch")


def test_similarity_distillation_is_the_cross_entropy_over_own_target_and_queue():
    student, teacher, queue = draw((8, 16), (8, 16), (32, 16))
    normalize = torch.nn.functional.normalize

    def theirs(s):
        s, t = normalize(s), normalize(torch.tensor(teacher))
        keys = normalize(torch.tensor(queue))
        of_student = torch.cat([(s * t).sum(1, keepdim=True), s @ keys.T], dim=1) / 0.2
        of_teacher = torch.cat([(t * t).sum(1, keepdim=True), t @ keys.T], dim=1) / 0.01
        log_q = torch.nn.functional.log_softmax(of_student, dim=1)
        return -(torch.softmax(of_teacher, dim=1) * log_q).sum(1).mean()

    def ours(s):
        return jnp.mean(
            similarity_distillation(
                s, teacher, queue, student_temperature=0.2, teacher_temperature=0.01
            )
        )

    assert_equal(ours, theirs, [student])
