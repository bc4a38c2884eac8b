"""Optimizers as loops over float64 NumPy arrays, one list entry per parameter."""

import numpy as np


def adamw(params, grads_of_steps, rates, *, b1, b2, eps, decays):
    """AdamW of arXiv:1711.05101, algorithm 2, as PyTorch has it: the rate scales the decay."""
    params = [p.astype(np.float64) for p in params]
    m = [np.zeros_like(p) for p in params]
    v = [np.zeros_like(p) for p in params]
    for step, (grads, rate) in enumerate(zip(grads_of_steps, rates, strict=True), start=1):
        for i, grad in enumerate(grads):
            m[i] = b1 * m[i] + (1 - b1) * grad
            v[i] = b2 * v[i] + (1 - b2) * grad**2
            adam = (m[i] / (1 - b1**step)) / (np.sqrt(v[i] / (1 - b2**step)) + eps)
            params[i] = params[i] - rate * (adam + decays[i] * params[i])
    return params


def lamb(params, grads_of_steps, rates, *, b1, b2, eps, decays, adapted):
    """LAMB of arXiv:1904.00962, algorithm 2, with the identity for the function phi."""
    params = [p.astype(np.float64) for p in params]
    m = [np.zeros_like(p) for p in params]
    v = [np.zeros_like(p) for p in params]
    for step, (grads, rate) in enumerate(zip(grads_of_steps, rates, strict=True), start=1):
        for i, grad in enumerate(grads):
            m[i] = b1 * m[i] + (1 - b1) * grad
            v[i] = b2 * v[i] + (1 - b2) * grad**2
            update = (m[i] / (1 - b1**step)) / (np.sqrt(v[i] / (1 - b2**step)) + eps)
            update = update + decays[i] * params[i]
            norms = np.linalg.norm(params[i]), np.linalg.norm(update)
            ratio = norms[0] / norms[1] if adapted[i] and min(norms) > 0 else 1.0
            params[i] = params[i] - rate * ratio * update
    return params


def sgd(params, grads_of_steps, rates, *, momentum, nesterov, decays):
    """SGD of PyTorch: the rate is applied after the momentum."""
    params = [p.astype(np.float64) for p in params]
    buffers = [np.zeros_like(p) for p in params]
    for grads, rate in zip(grads_of_steps, rates, strict=True):
        for i, grad in enumerate(grads):
            grad = grad + decays[i] * params[i]
            buffers[i] = momentum * buffers[i] + grad
            params[i] = params[i] - rate * (
                grad + momentum * buffers[i] if nesterov else buffers[i]
            )
    return params


def lars(params, grads_of_steps, rates, *, momentum, nesterov, decays, adapted, eeta, inside=True):
    """LARS as google-research/simclr defines it in lars_optimizer.py, with classic momentum; with
    the rate outside the momentum as facebookresearch/moco-v3 does in moco/optimizer.py."""
    params = [p.astype(np.float64) for p in params]
    buffers = [np.zeros_like(p) for p in params]
    for grads, rate in zip(grads_of_steps, rates, strict=True):
        for i, grad in enumerate(grads):
            grad = grad + decays[i] * params[i]
            ratio = 1.0
            if adapted[i]:
                w_norm, g_norm = np.linalg.norm(params[i]), np.linalg.norm(grad)
                if w_norm > 0 and g_norm > 0:
                    ratio = eeta * w_norm / g_norm
            scaled = ratio * (rate if inside else 1.0)
            buffers[i] = momentum * buffers[i] + scaled * grad
            step = momentum * buffers[i] + scaled * grad if nesterov else buffers[i]
            params[i] = params[i] - step * (1.0 if inside else rate)
    return params


def clip(grads, largest, groups):
    """PyTorch's clip_grad_norm_ for each group of parameters, None being the group of the spared;
    DINO's utils.clip_gradients where each parameter is a group."""
    clipped = list(grads)
    for group in set(groups) - {None}:
        members = [i for i, name in enumerate(groups) if name == group]
        norm = np.sqrt(sum(np.sum(grads[i].astype(np.float64) ** 2) for i in members))
        for i in members:
            clipped[i] = grads[i] * min(1.0, largest / (norm + 1e-6))
    return clipped
