"""How many images a second the input pipeline delivers, to set against what a step consumes.

python benchmarks/data.py            # Fashion-MNIST from memory, and a folder of PNG files
python benchmarks/data.py --workers 2
"""

import argparse
import pathlib
import tempfile
import time

import numpy as np
from PIL import Image

from ssljax.data import Pipeline, epoch, open_source, prepare


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


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement")
    parser.add_argument("--workers", type=int, default=0, help="processes that decode")
    arguments = parser.parse_args()

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
