import math

import numpy as np


def _cross_entropy(scores, label):
    top = max(scores)
    return top + math.log(sum(math.exp(s - top) for s in scores)) - scores[label]


def masked_lm(features, embedding, ids, *, where, bias=None, block=0):
    bias = np.zeros(len(embedding)) if bias is None else bias
    losses = []
    for text, true, mask in zip(features, ids, where, strict=True):
        of_tokens = []
        for n, feature in enumerate(text):
            if mask[n]:
                scores = [float(feature @ e) + c for e, c in zip(embedding, bias, strict=True)]
                of_tokens.append(_cross_entropy(scores, true[n]))
        losses.append(sum(of_tokens) / max(1, len(of_tokens)))
    return np.array(losses)


def causal_lm(features, embedding, ids, *, segments, block=0):
    losses = []
    for text, true, segment in zip(features, ids, segments, strict=True):
        of_tokens = []
        for n in range(len(text) - 1):
            if segment[n] > 0 and segment[n] == segment[n + 1]:
                scores = [float(text[n] @ e) for e in embedding]
                of_tokens.append(_cross_entropy(scores, true[n + 1]))
        losses.append(sum(of_tokens) / max(1, len(of_tokens)))
    return np.array(losses)


def replaced_token(logits, replaced, *, where):
    losses = []
    for row, truth, mask in zip(logits, replaced, where, strict=True):
        of_tokens = []
        for score, true, real in zip(row, truth, mask, strict=True):
            if real:
                of_tokens.append(math.log(1 + math.exp(-score if true else score)))
        losses.append(sum(of_tokens) / max(1, len(of_tokens)))
    return np.array(losses)


def skip_gram(centre, context, noise):
    losses = []
    for v, u, others in zip(centre, context, noise, strict=True):
        loss = math.log(1 + math.exp(-float(u @ v)))
        for other in others:
            loss += math.log(1 + math.exp(float(other @ v)))
        losses.append(loss)
    return np.array(losses)
