"""Augmentation by the definition: float64 loops over pixels, images [H, W, C] in [0, 1]."""

import colorsys
import math

import numpy as np


def sample_box(uniforms, shape, scale, ratio):
    """torchvision's RandomResizedCrop.get_params, given its draws: areas, aspects, place."""
    height, width = shape
    for area_draw, ratio_draw in zip(uniforms[:10], uniforms[10:20], strict=True):
        area = height * width * (scale[0] + area_draw * (scale[1] - scale[0]))
        low, high = math.log(ratio[0]), math.log(ratio[1])
        aspect = math.exp(low + ratio_draw * (high - low))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            return int(uniforms[20] * (height - h + 1)), int(uniforms[21] * (width - w + 1)), h, w
    if width / height < min(ratio):
        w, h = width, round(width / min(ratio))
    elif width / height > max(ratio):
        w, h = round(height * max(ratio)), height
    else:
        w, h = width, height
    return (height - h) // 2, (width - w) // 2, h, w


def resize(image, size):
    """Pillow's bilinear filter: a triangle as wide as the reduction, cut at the border."""
    return _resize_rows(_resize_rows(image, size[0]).swapaxes(0, 1), size[1]).swapaxes(0, 1)


def _resize_rows(image, size):
    step = len(image) / size
    support = max(step, 1.0)
    out = np.zeros((size, *image.shape[1:]))
    for o in range(size):
        centre, total = (o + 0.5) * step, 0.0
        for y in range(len(image)):
            weight = max(0.0, 1.0 - abs(y + 0.5 - centre) / support)
            out[o] += weight * image[y]
            total += weight
        out[o] /= total
    return out


def grey(image):
    return image[..., 0] if image.shape[-1] == 1 else image @ np.array([0.299, 0.587, 0.114])


def brightness(image, factor):
    return np.clip(factor * image, 0, 1)


def contrast(image, factor):
    return np.clip(factor * image + (1 - factor) * grey(image).mean(), 0, 1)


def saturation(image, factor):
    return np.clip(factor * image + (1 - factor) * grey(image)[..., None], 0, 1)


def hue(image, turn):
    if image.shape[-1] == 1:
        return image
    out = np.empty_like(image)
    for place in np.ndindex(image.shape[:2]):
        h, s, v = colorsys.rgb_to_hsv(*image[place])
        out[place] = colorsys.hsv_to_rgb((h + turn) % 1.0, s, v)
    return out


def color_jitter(image, order, factors):
    for kind in order:
        image = (brightness, contrast, saturation, hue)[kind](image, factors[kind])
    return image


def gaussian_blur(image, sigma, kernel):
    radius = kernel // 2
    taps = np.array([math.exp(-0.5 * (d / sigma) ** 2) for d in range(-radius, radius + 1)])
    taps /= taps.sum()
    padded = np.pad(image, ((radius, radius), (radius, radius), (0, 0)), mode="reflect")
    out = np.zeros_like(image)
    for y, x in np.ndindex(image.shape[:2]):
        window = padded[y : y + kernel, x : x + kernel]
        out[y, x] = np.einsum("i,j,ijc->c", taps, taps, window)
    return out


def solarize(image, threshold=0.5):
    return np.where(image >= threshold, 1 - image, image)
