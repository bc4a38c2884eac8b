"""Model parts as float64 NumPy loops, written from the papers and PyTorch's documentation."""

import math

import numpy as np


def batch_norm(x, epsilon=1e-5):
    """Return (y, mean, unbiased variance) of x[B, ..., C], channel by channel."""
    x = np.asarray(x, np.float64)
    y, means, variances = np.empty_like(x), [], []
    for c in range(x.shape[-1]):
        values = x[..., c].ravel()
        mean = sum(values) / len(values)
        squares = sum((v - mean) ** 2 for v in values)
        y[..., c] = (x[..., c] - mean) / math.sqrt(squares / len(values) + epsilon)
        means.append(mean)
        variances.append(squares / (len(values) - 1))
    return y, np.array(means), np.array(variances)


def adaptive_average_pool(x, cells):
    """Return [B, cells, cells, C]: the mean over PyTorch's windows, which may overlap."""
    x = np.asarray(x, np.float64)
    batch, height, width, channels = x.shape
    y = np.zeros((batch, cells, cells, channels))
    for i in range(cells):
        for j in range(cells):
            top, bottom = i * height // cells, math.ceil((i + 1) * height / cells)
            left, right = j * width // cells, math.ceil((j + 1) * width / cells)
            y[:, i, j] = x[:, top:bottom, left:right].mean((1, 2))
    return y


def convolution(x, kernel, stride, padding):
    """Return the cross-correlation of x[B, H, W, C] with kernel[k, k, C, D], zero-padded."""
    x = np.pad(np.asarray(x, np.float64), [(0, 0), (padding,) * 2, (padding,) * 2, (0, 0)])
    side = kernel.shape[0]
    rows = (x.shape[1] - side) // stride + 1
    columns = (x.shape[2] - side) // stride + 1
    y = np.zeros((len(x), rows, columns, kernel.shape[-1]))
    for i in range(rows):
        for j in range(columns):
            window = x[:, i * stride : i * stride + side, j * stride : j * stride + side]
            y[:, i, j] = np.tensordot(window, kernel, axes=3)
    return y


def bicubic(table, trained_on, grid, offset):
    """Return positions [rows columns, D] on another grid, as PyTorch's upsample_bicubic2d does.

    With align_corners False and a scale factor of (n + offset) / m, one new cell after the other.
    """

    def along(count, of):
        for cell in range(count):
            at = (cell + 0.5) / ((count + offset) / of) - 0.5
            first = math.floor(at)
            yield [
                (min(max(first + tap, 0), of - 1), cubic(at - first - tap)) for tap in (-1, 0, 1, 2)
            ]

    def cubic(x, a=-0.75):
        x = abs(x)
        if x <= 1:
            return (a + 2) * x**3 - (a + 3) * x**2 + 1
        return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0

    maps = np.asarray(table, np.float64).reshape(*trained_on, -1)
    new = []
    for rows in along(grid[0], trained_on[0]):
        for columns in along(grid[1], trained_on[1]):
            new.append(sum(w * v * maps[i, j] for i, w in rows for j, v in columns))
    return np.array(new)


def layer_norm(x, scale, bias, epsilon=1e-6):
    """Normalise the last axis."""
    x = np.asarray(x, np.float64)
    mean = x.mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(x.var(-1, keepdims=True) + epsilon) * scale + bias


def attention(x, params, heads):
    """Return multi-head attention of one example x[N, D], head by head and query by query."""
    x = np.asarray(x, np.float64)

    def linear(name, value):
        return value @ np.asarray(params[name]["kernel"], np.float64) + params[name]["bias"]

    q, k, v = (linear(name, x) for name in ("query", "key", "value"))
    size = x.shape[1] // heads
    y = np.zeros_like(x)
    for h in range(heads):
        part = slice(h * size, (h + 1) * size)
        for n in range(len(x)):
            scores = [q[n, part] @ k[m, part] / math.sqrt(size) for m in range(len(x))]
            weights = np.exp(np.array(scores) - max(scores))
            y[n, part] = (weights / weights.sum()) @ v[:, part]
    return linear("out", y)


def gelu(x):
    """x times the normal distribution function."""
    return np.vectorize(lambda t: t * 0.5 * (1 + math.erf(t / math.sqrt(2))))(x)


def transformer_block(x, params, heads):
    """Return one pre-norm block of one example x[N, D]."""
    x = x + attention(layer_norm(x, **params["norm1"]), params["attention"], heads)
    return x + mlp(layer_norm(x, **params["norm2"]), params["mlp"])


def mlp(x, params):
    """Return two linear maps with a GELU between them."""
    hidden = gelu(x @ params["fc1"]["kernel"] + params["fc1"]["bias"])
    return hidden @ params["fc2"]["kernel"] + params["fc2"]["bias"]


def sincos(rows, columns, width):
    """Return MAE's positions, entry by entry."""
    y = np.zeros((rows * columns, width))
    quarter = width // 4
    for row in range(rows):
        for column in range(columns):
            for i in range(quarter):
                frequency = 1 / 10000 ** (i / quarter)
                at = y[row * columns + column]
                at[i], at[quarter + i] = math.sin(column * frequency), math.cos(column * frequency)
                at[2 * quarter + i] = math.sin(row * frequency)
                at[3 * quarter + i] = math.cos(row * frequency)
    return y


def sincos_numbered(numbers, width):
    """Return VideoMAE's positions, entry by entry."""
    y = np.zeros((len(numbers), width))
    for n, t in enumerate(numbers):
        for j in range(width):
            angle = t / 10000 ** (2 * (j // 2) / width)
            y[n, j] = math.cos(angle) if j % 2 else math.sin(angle)
    return y


def rotated_v_jepa2(x, place):
    """Return one head's query or key x[d] of the token at place (time, row, column)."""
    m = len(x) // 6
    y = [float(value) for value in x]
    for axis in range(3):
        for j in range(2 * m):
            at = 2 * m * axis + j
            angle = place[axis] / 10000 ** ((j % m) / m)
            other = -x[at + 1] if j % 2 == 0 else x[at - 1]
            y[at] = x[at] * math.cos(angle) + other * math.sin(angle)
    return np.array(y)
