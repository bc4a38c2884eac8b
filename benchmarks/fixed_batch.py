"""Train steps on a fixed batch, ours and of a model of transformers, as benchmarks time them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

RATE, DECAY = 1e-4, 0.01  # of AdamW, on both sides


def step_on(
    batch: Mapping[str, Any], fields: Mapping[str, Any], config: Mapping[str, Any]
) -> tuple[Callable[[], float], int]:
    """Return (step, number of parameters); a step returns its loss.

    Args:
      batch: the values, by field; `id` is added.
      fields: what they are.
      config: data, encoder and objective.
    """
    import jax

    from ssljax.spec import Spec
    from ssljax.training.allocator import keep_freed_memory
    from ssljax.training.config import complete
    from ssljax.training.experiment import build

    keep_freed_memory()  # as the loop does
    size = len(next(iter(batch.values())))
    optimizer = {"learning_rate": RATE, "schedule": "constant", "warmup_steps": 0}
    optimizer |= {"weight_decay": DECAY, "param_groups": ({"name": "all", "match": ".*"},)}
    config = {"batch_size": size, "steps": 100_000, **config, "optimizer": optimizer}
    experiment = build(complete(config), Spec(dict(fields), 10_000), devices=jax.devices()[:1])
    train_step = experiment.trace_step().lower().compile()
    state = experiment.init()
    given = experiment.put({**batch, "id": np.arange(size, dtype=np.int32)})

    def step():
        nonlocal state
        state, metrics = train_step(state, given)
        return float(jax.block_until_ready((state, metrics))[1]["loss"])

    return step, sum(leaf.size for leaf in jax.tree.leaves(state.params))


def peer_step_on(model: Any, inputs: Mapping[str, Any]) -> tuple[Callable[[], float], int]:
    """As `step_on`, of a PyTorch model whose output has the loss."""
    import torch

    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=DECAY, fused=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = model(**inputs).loss
        loss.backward()
        optimizer.step()
        return loss.item()

    return step, sum(p.numel() for p in model.parameters() if p.requires_grad)
