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


def triangle(x):
    return max(0.0, 1.0 - abs(x))


def cubic(x, a=-0.5):
    """Keys, 1981, equation 4, as in Pillow's Resample.c."""
    x = abs(x)
    if x < 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def resize(image, size, kernel=triangle):
    """Pillow's filters: as much wider as the image gets smaller, cut at the border."""
    rows = _resize_rows(image, size[0], kernel).swapaxes(0, 1)
    return _resize_rows(rows, size[1], kernel).swapaxes(0, 1)


def _resize_rows(image, size, kernel):
    step = len(image) / size
    out = np.zeros((size, *image.shape[1:]))
    for o in range(size):
        centre, total = (o + 0.5) * step, 0.0
        for y in range(len(image)):
            weight = kernel((y + 0.5 - centre) / max(step, 1.0))
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


def added_brightness(image, factor):
    """tf.image.adjust_brightness, by factor - 1."""
    return np.clip(image + (factor - 1), 0, 1)


def contrast_by_channel(image, factor):
    """tf.image.adjust_contrast."""
    mean = image.mean(axis=(0, 1))
    return np.clip((image - mean) * factor + mean, 0, 1)


def saturation_of_hsv(image, factor):
    """tf.image.adjust_saturation."""
    if image.shape[-1] == 1:
        return image
    out = np.empty_like(image)
    for place in np.ndindex(image.shape[:2]):
        h, s, v = colorsys.rgb_to_hsv(*image[place])
        out[place] = colorsys.hsv_to_rgb(h, min(max(factor * s, 0), 1), v)
    return out


JITTERS = {
    "torchvision": (brightness, contrast, saturation, hue),
    "simclr_v1": (added_brightness, contrast_by_channel, saturation_of_hsv, hue),
    "simclr_v2": (brightness, contrast_by_channel, saturation_of_hsv, hue),
}


def color_jitter(image, order, factors, like="torchvision"):
    for kind in order:
        image = JITTERS[like][kind](image, factors[kind])
    return image


def gaussian_blur(image, sigma, kernel, border="reflect"):
    radius = kernel // 2
    taps = np.array([math.exp(-0.5 * (d / sigma) ** 2) for d in range(-radius, radius + 1)])
    taps /= taps.sum()
    mode = {"reflect": "reflect", "zero": "constant"}[border]
    padded = np.pad(image, ((radius, radius), (radius, radius), (0, 0)), mode=mode)
    out = np.zeros_like(image)
    for y, x in np.ndindex(image.shape[:2]):
        window = padded[y : y + kernel, x : x + kernel]
        out[y, x] = np.einsum("i,j,ijc->c", taps, taps, window)
    return out


def box_blur(image, sigma, passes=3):
    """Pillow's BoxBlur.c without its rounding: rows, then columns, so many times each."""
    variance = sigma**2 / passes
    length = math.sqrt(12 * variance + 1)
    whole = math.floor((length - 1) / 2)
    part = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance)
    part /= 6 * (variance - (whole + 1) ** 2)
    for _ in range(passes):
        image = _box_rows(image, whole, part)
    image = image.swapaxes(0, 1)
    for _ in range(passes):
        image = _box_rows(image, whole, part)
    return image.swapaxes(0, 1)


def _box_rows(image, whole, part):
    out = np.zeros_like(image)
    for y in range(len(image)):
        for distance in range(-whole - 1, whole + 2):
            weight = part if abs(distance) > whole else 1.0
            out[y] += weight * image[min(max(y + distance, 0), len(image) - 1)]
    return out / (2 * (whole + part) + 1)


def solarize(image, threshold=0.5):
    return np.where(image >= threshold, 1 - image, image)
