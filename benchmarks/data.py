"""How many images a second the input pipeline delivers, to set against what a step consumes.

python benchmarks/data.py            # Fashion-MNIST from memory, and a folder of PNG files
python benchmarks/data.py --ship     # data.ship: "square" beside "crops", of photographs
python benchmarks/data.py --workers 2
"""

import argparse
import pathlib
import tempfile
import time
from unittest import mock

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

from ssljax.data import Pipeline, epoch, open_source, prepare
from ssljax.data.host import CropGroup


def rate(batches, batch_size: int, seconds: float) -> float:
    """Return images/s over about so many seconds, after the first batch has come."""
    next(batches)
    start, count = time.perf_counter(), 0
    for _ in batches:
        count += batch_size
        if time.perf_counter() - start > seconds:
            break
    elapsed = time.perf_counter() - start
    batches.close()
    return count / elapsed


def write_pictures(folder: pathlib.Path, count: int, height: int, width: int, suffix: str) -> None:
    """Write smooth pictures with a little noise, which compress about as photographs do."""
    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8))
        smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int16)
        noisy = smooth + rng.integers(-6, 7, smooth.shape)
        picture = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
        picture.save(folder / f"{number:05}{suffix}")


def write_photos(folder: pathlib.Path, count: int, height: int, width: int) -> None:
    """Write windows of the two photographs that come with scikit-learn, as JPEG of quality 90.

    Those are of 640 x 427 pixels; where a window is larger, they are enlarged until it fits.
    """
    rng = np.random.default_rng(0)
    photos = [Image.fromarray(pixels) for pixels in load_sample_images().images]
    times = max(1.0, 1.1 * height / 427, 1.1 * width / 640)
    if times > 1.1:
        size = round(640 * times), round(427 * times)
        photos = [photo.resize(size, Image.Resampling.BICUBIC) for photo in photos]
    for number in range(count):
        photo = photos[number % 2]
        left, upper = rng.integers((photo.width - width + 1, photo.height - height + 1))
        window = photo.crop((left, upper, left + width, upper + height))
        window.save(folder / f"{number:05}.jpg", quality=90)


RECIPES = {
    "2 x 224": {"image.crop": CropGroup(224, 2, (0.08, 1.0))},
    "2 x 224 + 8 x 96": {
        "image.global": CropGroup(224, 2, (0.4, 1.0)),
        "image.local": CropGroup(96, 8, (0.05, 0.4)),
    },
}


def compare_shipping(seconds: float, height: int, width: int) -> None:
    """Print what one core makes of photographs, and how much it ships for each."""
    with tempfile.TemporaryDirectory() as folder:
        write_photos(pathlib.Path(folder), 64, height, width)
        source = open_source(f"folder:{folder}", memory_limit=0)
        ways = {"square of 256": {"image_size": 256, "host_crop": None}}
        ways |= {f"crops, {name}": {"crops": groups} for name, groups in RECIPES.items()}
        for name, options in ways.items():
            pipeline = Pipeline(source, seed=0, batch_size=32, **options)
            shipped = sum(v.nbytes for v in pipeline.batch(0).values()) / 32 / 1000
            images = images_per_core_second(pipeline, seconds)
            line = (
                f"{width}x{height}, {name:24} {images:8,.0f} images/s, {shipped:5,.0f} kB shipped"
            )
            if "crops" in options:
                with mock.patch("ssljax.data.pipeline.enough", return_value=1):
                    whole = images_per_core_second(pipeline, seconds)
                line += f"; {whole:,.0f} images/s where JPEGs are decoded whole"
            print(line, flush=True)


def images_per_core_second(pipeline: Pipeline, seconds: float) -> float:
    """Return how many images this thread prepares in a second of processor time."""
    start, steps = time.process_time(), 0
    while time.process_time() - start < seconds:
        steps += 1
        pipeline.batch(steps)
    return pipeline.batch_size * steps / (time.process_time() - start)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement")
    parser.add_argument("--workers", type=int, default=0, help="processes that decode")
    parser.add_argument("--ship", action="store_true", help="compare what is shipped, and end")
    arguments = parser.parse_args()
    if arguments.ship:
        for height, width in ((375, 500), (1500, 2000)):
            compare_shipping(arguments.seconds, height, width)
        return

    prepared = prepare("fashion_mnist")
    print(prepared.sentence)
    start = time.perf_counter()
    source = open_source(prepared.name)
    print(f"opened in {time.perf_counter() - start:.2f} s")
    for batch_size in (256, 4096 if len(source) > 4096 else 512):
        pipeline = Pipeline(source, seed=0, batch_size=batch_size)
        images = rate(pipeline.iterate(), batch_size, arguments.seconds)
        print(f"{prepared.name:32} batch {batch_size:5}: {images:12,.0f} images/s")
    start = time.perf_counter()
    images = sum(len(batch["id"]) for batch in epoch(source, 256))
    print(f"{'one epoch in order':32} {images / (time.perf_counter() - start):24,.0f} images/s")

    for suffix, count, height, width, size in (
        (".png", 2000, 32, 32, None),
        (".png", 400, 256, 320, 224),
        (".jpg", 400, 375, 500, 224),
    ):
        with tempfile.TemporaryDirectory() as folder:
            write_pictures(pathlib.Path(folder), count, height, width, suffix)
            for limit in (0, 2**30):
                start = time.perf_counter()
                source = open_source(f"folder:{folder}", memory_limit=limit)
                opened = time.perf_counter() - start
                pipeline = Pipeline(
                    source, seed=0, batch_size=64, image_size=size, workers=arguments.workers
                )
                images = rate(pipeline.iterate(), 64, arguments.seconds)
                name = f"{suffix} {height}x{width}" + (f" -> {size}" if size else "")
                name += ", in memory" if source.in_memory else ", decoded when read"
                print(f"{name:40} {images:12,.0f} images/s; {count} files opened in {opened:.2f} s")


if __name__ == "__main__":
    main()
