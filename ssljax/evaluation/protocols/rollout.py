"""How well a world model foretells embeddings, step by step, beside standing still.

The objective's output "rollout" has the embeddings that the first frames of each test example and
its actions lead to. Its error at step k is |p_k - z_k|^2, summed over the entries and averaged over
examples, in units of the total variance of the embeddings z_k: 0 is exact, 1 is what the mean of
all embeddings has. Copying the last embedding that was seen is the baseline:

    skill at step k = 1 - error of the rollout / error of copying

0 is as good as standing still, below 0 is worse. "other actions" is the error of rollouts with the
actions of another example: where it is no higher, actions are ignored. Errors of different
encoders are in units of different embeddings, and only tell of each encoder by itself.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.evaluation.bootstrap import bootstrap, percentiles
from ssljax.evaluation.features import on_host
from ssljax.evaluation.protocols.base import Protocol, number
from ssljax.evaluation.subject import TOKENS, NotMeasured

ROLLOUT = "rollout"


@dataclasses.dataclass(frozen=True)
class OtherActions:
    """Gives every example of a batch some fields of the one half a batch away.

    Attributes:
      names: of the fields.
    """

    names: tuple[str, ...]

    def __call__(self, key: jax.Array, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that change."""
        del key
        return {n: jnp.roll(fields[n], len(fields[n]) // 2, axis=0) for n in self.names}


@dataclasses.dataclass(frozen=True)
class Rollouts(Protocol):
    """Errors of rollouts by the number of steps; the skill is that of the last."""

    main = "skill"

    def measure(self, subject):
        if not {TOKENS, ROLLOUT} <= set(subject.outputs):
            what = subject.row.replace("_", " ")
            raise NotMeasured(f"{what} has no rollouts, as those of a world model such as lewm")
        if "test" not in subject.examples.counts:
            raise NotMeasured("it needs a test split")
        z = subject.features("test", TOKENS).features
        predicted = subject.features("test", ROLLOUT).features
        steps = predicted.shape[1]
        target, last = z[:, -steps:], z[:, -steps - 1]
        told = {
            "error": predicted,
            "error, copying": np.broadcast_to(last[:, None], target.shape),
            "error, other actions": self._with_other_actions(subject),
        }
        errors = {name: _error(one, target) for name, one in told.items()}
        found = _scores(errors, np.arange(len(z)))
        resampled = bootstrap(lambda at: _scores(errors, at), len(z))
        numbers = {}
        for name, value in found.items():
            if name in errors:  # in units of the encoder's own: not compared with those of others
                interval = percentiles(resampled[name])
                better = "lower" if name == "error" else ""
                numbers[name] = number(value, interval, better=better)
            else:
                numbers[name] = number(value, resamples=resampled[name])
        return {"numbers": numbers, "steps": steps, "examples": len(z)}

    def _with_other_actions(self, subject) -> np.ndarray:
        names = tuple(subject.examples.further)
        read = subject.encoded("test", ROLLOUT, transform=OtherActions(names))
        return np.concatenate([on_host(rows)[on_host(batch["valid"])] for rows, batch in read])


def _scores(errors: Mapping[str, np.ndarray], at: np.ndarray) -> dict[str, float]:
    """Return the skill at the last step and at those before it, and the errors at the last step, of
    some of the examples; `errors` are [n, K] by name."""
    mean = {name: error[at].mean(axis=0) for name, error in errors.items()}
    skill = 1 - mean["error"] / mean["error, copying"]
    steps = {f"skill, {k} step{'s' if k > 1 else ''}": one for k, one in enumerate(skill[:-1], 1)}
    return {"skill": skill[-1], **steps, **{name: one[-1] for name, one in mean.items()}}


def _error(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return |p - z|^2 [n, K] of [n, K, D], in units of the total variance of z at each step."""
    total = np.square(target - target.mean(axis=0)).sum(axis=-1).mean(axis=0)
    return np.square(predicted - target).sum(axis=-1, dtype=np.float64) / np.maximum(total, 1e-12)
