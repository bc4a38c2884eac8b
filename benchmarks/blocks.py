"""What each block of a trained vision transformer knows: k-NN and linear accuracy, block by block.

    python -m benchmarks.blocks runs/small/image/simmim_openclipart_vit

Features are the mean of the patch tokens, if the encoder ended with that block, of the run's first
and last state. 12,000 images spread over the training split: 10,000 to learn from, 2,000 to score.
"""

import argparse
import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.evaluation.knn import knn_accuracy
from ssljax.evaluation.linear import linear_probe
from ssljax.models import apply
from ssljax.objectives.views import plain
from ssljax.training.checkpoint import Checkpointer
from ssljax.training.experiment import Experiment, build
from ssljax.training.workdir import folder, load_config

IMAGES, EVERY = 12_000, 6  # of which every sixth is scored
BATCH = 500


def main() -> None:
    """Print a Markdown table of a run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("workdir", help="of a run of a vision transformer with scan")
    workdir = folder(parser.parse_args().workdir)
    config = load_config(workdir)
    experiment = build(config)
    checkpoints = Checkpointer(workdir, keep_last=config.checkpoint.keep_last)
    trained = checkpoints.restore(experiment.abstract_state, None)[1]
    checkpoints.close()
    images, labels = _images(experiment)
    print("| block | k-NN | linear | k-NN, random init | linear, random init |")
    print("|---|---|---|---|---|")
    for depth in range(1, experiment.objective.run.encoder.depth + 1):
        cells = [
            f"{100 * score:.1f}"
            for state in (trained, experiment.init())
            for score in _scores(experiment, state.params["encoder"], depth, images, labels)
        ]
        print(f"| {depth} | {' | '.join(cells)} |", flush=True)


def _images(experiment: Experiment) -> tuple[np.ndarray, np.ndarray]:
    source = experiment.source
    examples = [source[int(i)] for i in np.arange(IMAGES) * len(source) // IMAGES]
    return tuple(np.stack([one[name] for one in examples]) for name in ("image", "label"))


def _scores(
    experiment: Experiment, params: Any, depth: int, images: np.ndarray, labels: np.ndarray
) -> tuple[float, float]:
    run = experiment.objective.run
    encoder, params = dataclasses.replace(run.encoder, depth=depth), _first(params, depth)

    @jax.jit
    def embed(images):
        tokens = apply(encoder, params, {}, plain(images, run.field), train=False)[0].tokens
        return jnp.mean(tokens, axis=1, dtype=jnp.float32)

    parts = [embed(images[i : i + BATCH]) for i in range(0, len(images), BATCH)]
    features = np.concatenate(parts)
    scored = np.arange(len(images)) % EVERY == 0
    split = features[~scored], labels[~scored], features[scored], labels[scored]
    return knn_accuracy(*split).accuracy, linear_probe(*split)["accuracy"]


def _first(params: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """Return the parameters of the first blocks, which a scan has stacked, and all others."""
    return {
        name: jax.tree.map(lambda leaf: leaf[:depth], tree)
        if name == "blocks"
        else _first(tree, depth)
        if isinstance(tree, Mapping)
        else tree
        for name, tree in params.items()
    }


if __name__ == "__main__":
    main()
