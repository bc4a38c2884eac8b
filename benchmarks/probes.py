"""Time the k-NN classifier, the linear probe, and the features of a run.

python -m benchmarks.probes knn                        # 10,000 queries against 1,000,000 x 384
python -m benchmarks.probes knn --bank 60000 --dim 256
python -m benchmarks.probes linear                     # 60,000 x 512, beside scikit-learn
python -m benchmarks.probes embed --workdir runs/quickstart

The features of `linear` are those of a random layer on Fashion-MNIST (`ssljax data prepare
fashion_mnist`), so that accuracies can be compared. scikit-learn solves the same problem at the
strength that the probe has selected; for the whole path it would do that once for each strength.
`embed` times `Model.embed` on the images of the training split, which lie in memory, and the loop
of the evaluation, which reads them from the source.
"""

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np

import ssljax
from ssljax.data import open_source
from ssljax.evaluation.knn import knn_accuracy
from ssljax.evaluation.linear import fit, linear_probe
from ssljax.training.evaluate import features_of


def timed(call: Callable[[], object]) -> tuple[object, str]:
    """Return what the call gives, and its wall and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = call()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return found, f"{wall:7.1f} s, {cpu:7.1f} s of CPU"


def knn(bank: int, queries: int, dim: int) -> None:
    """Time one classification of random features."""
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((bank, dim), np.float32)
    asked = generator.standard_normal((queries, dim), np.float32)
    labels = generator.integers(0, 1000, bank)
    before = _peak()
    _, taken = timed(lambda: knn_accuracy(rows, labels, asked, np.zeros(queries, int), k=20))
    print(f"{queries:,} x {bank:,} x {dim}: {taken}; {_peak() - before:.2f} GB above the features")


def linear(dim: int) -> None:
    """Time the probe, one fit of it, and scikit-learn's at the same strength."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    generator = np.random.default_rng(0)
    weights = generator.standard_normal((784, dim), np.float32) / 28
    bias = generator.standard_normal(dim, np.float32)
    sets = []
    for split in ("train", "test"):
        source = open_source("tfds:fashion_mnist", split=split)
        batch = source.gather(np.arange(len(source)))
        pixels = batch["image"].reshape(len(source), -1).astype(np.float32) / 255
        sets += [np.maximum(pixels @ weights + bias, 0), np.asarray(batch["label"])]
    for run in ("first", "compiled"):
        probe, taken = timed(lambda: linear_probe(*sets))
        print(f"probe, {len(probe['tried'])} strengths, {run}: {taken}; {probe['accuracy']:.4f}")
    l2 = probe["l2"]
    ours, taken = timed(lambda: fit(sets[0], sets[1], l2=l2))
    print(f"one fit, l2 = {l2:g}: {taken}; {np.mean(ours.predict(sets[2]) == sets[3]):.4f}")
    scaler = StandardScaler().fit(sets[0])
    model = LogisticRegression(C=1 / (len(sets[0]) * l2), max_iter=3000)
    _, taken = timed(lambda: model.fit(scaler.transform(sets[0]), sets[1]))
    accuracy = model.score(scaler.transform(sets[2]), sets[3])
    print(f"one fit, l2 = {l2:g}, scikit-learn: {taken}; {accuracy:.4f}")


def embed(workdir: str) -> None:
    """Time features of the training split by both ways, the second time that each is taken."""
    model = ssljax.load(workdir)
    source = open_source(model.config.data.source, split=model.config.data.split)
    images = source.gather(np.arange(len(source)))["image"]
    ways = {
        "Model.embed": lambda: model.embed(images),
        "evaluation": lambda: features_of(model.experiment, model.state, model.config.data.split),
    }
    for name, call in ways.items():
        call()
        _, taken = timed(call)
        print(f"{len(images):,} images, {name}: {taken}")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # GB, of kB


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("knn", "linear", "embed"))
    parser.add_argument("--workdir", default="runs/quickstart", help="of a run on images in memory")
    parser.add_argument("--bank", type=int, default=1_000_000, help="rows of the bank")
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--dim", type=int, default=0, help="of the features (384; linear: 512)")
    args = parser.parse_args()
    if args.what == "knn":
        knn(args.bank, args.queries, args.dim or 384)
    elif args.what == "linear":
        linear(args.dim or 512)
    else:
        embed(args.workdir)


if __name__ == "__main__":
    main()
