"""Rollouts of a world that is known: errors by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.evaluation.protocols.rollout import Rollouts
from ssljax.evaluation.subject import Examples, NotMeasured, Subject
from ssljax.spec import Field

N = 60
RNG = np.random.default_rng(0)
ACTION = RNG.normal(size=(N, 3, 1)).astype(np.float32)
START = RNG.normal(size=(N, 1)).astype(np.float32)
# z_t+1 = z_t + a_t, in the first of two entries; the other is always the same.
Z = np.stack([np.cumsum(np.concatenate([START, ACTION[..., 0]], axis=1), axis=1)] * 2, axis=-1)
Z[..., 1] = 4.0


def subject(told, outputs=("tokens", "rollout"), parts=("train", "test")):
    """Return a subject of windows of four embeddings; `told` gives the last two."""

    def read(part, order=None, batch_size=0, shorter=0, size=0, also=()):
        for begin in range(0, N, 40):
            ids = np.minimum(begin + np.arange(40), N - 1)
            batch = {"video": Z[ids], "id": ids, "valid": begin + np.arange(40) < N}
            yield batch | ({"action": ACTION[ids]} if "action" in also else {})

    def encode(batch, output, transform, seed):
        if output == "tokens":
            return jnp.asarray(batch["video"])
        if transform is not None:
            batch = {**batch, **transform(seed, batch)}
        return told(jnp.asarray(batch["video"][:, :2]), jnp.asarray(batch["action"]))

    fields = [
        {n: Field(kind, (4, 2), "float32")} for n, kind in (("video",) * 2, ("action", "series"))
    ]
    counts = dict.fromkeys(parts, N)
    examples = Examples(fields[0], counts, read, lambda part: None, 40, further=fields[1])
    shapes = {"tokens": (4, 2), "rollout": (2, 2)}
    return Subject("pretrained", examples, encode, {name: shapes[name] for name in outputs})


def exact(z, action):
    first = z[:, -1] + jnp.pad(action[:, 1], ((0, 0), (0, 1)))
    return jnp.stack([first, first + jnp.pad(action[:, 2], ((0, 0), (0, 1)))], axis=1)


def copied(z, action):
    return jnp.stack([z[:, -1]] * 2, axis=1)


def values(told):
    found = Rollouts().measure(subject(told))
    assert next(iter(found["numbers"])) == "skill" and found["steps"] == 2
    return {name: one["value"] for name, one in found["numbers"].items()}


def test_an_exact_model_has_skill_1_and_needs_its_actions():
    found = values(exact)
    assert found["skill"] == pytest.approx(1) and found["skill, 1 step"] == pytest.approx(1)
    assert found["error"] == pytest.approx(0, abs=1e-6)
    variance = Z[:, 3, 0].var()
    moved = np.mean((Z[:, 3, 0] - Z[:, 1, 0]) ** 2)
    assert found["error, copying"] == pytest.approx(moved / variance, rel=1e-4)
    # The first 40 examples have the actions of those 20 further on, round and round; the last 20,
    # whose batch is filled up with the last example, those of the last.
    other = np.r_[np.roll(np.arange(40), 20), np.full(20, N - 1)]
    wrong = ACTION[other, 1:, 0].sum(axis=1) - ACTION[:, 1:, 0].sum(axis=1)
    expected = np.mean(wrong**2) / variance
    assert found["error, other actions"] == pytest.approx(expected, rel=1e-4)


def test_copying_has_skill_0_and_ignores_actions():
    found = values(copied)
    assert found["skill"] == pytest.approx(0, abs=1e-6)
    assert found["error, other actions"] == pytest.approx(found["error"])


def test_the_mean_has_an_error_of_1():
    mean = Z[:, 2:].mean(axis=0)
    found = values(lambda z, action: jnp.broadcast_to(mean, (len(z), 2, 2)))
    assert found["error"] == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"outputs": ("tokens",)}, "pretrained has no rollouts, as those of a world model"),
        ({"parts": ("train",)}, "needs a test split"),
    ],
)
def test_what_is_no_world_model_is_said(changes, said):
    with pytest.raises(NotMeasured, match=said):
        Rollouts().measure(subject(exact, **changes))
