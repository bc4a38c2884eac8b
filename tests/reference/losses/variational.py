import math

import numpy as np


def vae(x, reconstruction, mean, log_variance, *, beta, likelihood):
    losses = []
    for b in range(len(x)):
        pixels = zip(x[b].ravel(), reconstruction[b].ravel(), strict=True)
        surprise = sum(_LIKELIHOODS[likelihood](float(p), float(r)) for p, r in pixels)
        losses.append(surprise + beta * kl_to_normal(mean[b : b + 1], log_variance[b : b + 1])[0])
    return np.array(losses)


def kl_to_normal(mean, log_variance):
    losses = []
    for row, variances in zip(mean, log_variance, strict=True):
        latents = zip(row, variances, strict=True)
        losses.append(sum(-(1 + v - m**2 - math.exp(v)) / 2 for m, v in latents))
    return np.array(losses)


def _bernoulli(x, logit):
    p = 1 / (1 + math.exp(-logit))
    return -x * math.log(p) - (1 - x) * math.log(1 - p)


def _gaussian(x, mean):
    return -math.log(math.exp(-((x - mean) ** 2) / 2) / math.sqrt(2 * math.pi))


_LIKELIHOODS = {"bernoulli": _bernoulli, "gaussian": _gaussian}
