"""The frozen features of a run under evaluation: quickly while it trains, in full afterwards."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from ssljax.data import Source, epoch
from ssljax.data.storage import data_directory
from ssljax.errors import UserError
from ssljax.evaluation import evaluate, input_features, quick
from ssljax.training.experiment import Experiment, open_data
from ssljax.training.sharding import local_rows
from ssljax.training.state import TrainState

HostBatch = dict[str, np.ndarray]
QUICK_BANK, QUICK_QUERIES = 5_000, 1_000  # examples of a quick evaluation


def full_evaluation(
    experiment: Experiment, state: TrainState, *, say: Callable[[str], None]
) -> dict[str, Any]:
    """Return the result of `ssljax.evaluation.evaluate` for the encoder of a run.

    The random-init encoder beside it is the one that the run started from.
    """
    options = experiment.config.evaluation
    spec = options.source or experiment.config.data.source
    train = open_data(experiment.config, spec, options.train_split)
    test = _test_of(experiment, train, say)
    labels = train.num_classes is not None and test.num_classes is not None and test is not train
    return {
        "step": int(state.step),
        "data": {"source": spec, "train": options.train_split, "test": test.split},
        **evaluate(
            _embed(experiment, state),
            _embed(experiment, experiment.init()),
            input_features,
            lambda: _batches(experiment, train, labels),
            lambda: _batches(experiment, test, labels),
            knn_k=options.knn_k,
            knn_temperature=options.knn_temperature,
            seed=experiment.config.seed,
            say=say,
            scores_folder=data_directory(experiment.config.data.folder or None) / "scores",
        ),
    }


def _test_of(experiment: Experiment, train: Source, say: Callable[[str], None]) -> Source:
    """Return the test split, or `train` itself where the set that was trained on has none."""
    options = experiment.config.evaluation
    try:
        return open_data(experiment.config, train.spec, options.test_split)
    except UserError as error:
        if options.source:  # asked for by name, so it has to be there
            raise
        say(f"{error}: only what needs no labels is measured, on {options.train_split!r}")
        return train


def quick_evaluation(experiment: Experiment, state: TrainState) -> dict[str, float]:
    """Return scores to follow a run by, from parts of its training split; test is not read."""
    options = experiment.config.evaluation
    spec = options.source or experiment.config.data.source
    source = open_data(experiment.config, spec, options.train_split)
    labels = source.num_classes is not None
    count = min(len(source), QUICK_BANK + QUICK_QUERIES)
    chosen = np.arange(count) * len(source) // count  # evenly: a set is often sorted by class
    is_query = np.arange(count) % 6 == 0
    return quick(
        _embed(experiment, state),
        lambda: _batches(experiment, _Part(source, chosen[~is_query]), labels),
        lambda: _batches(experiment, _Part(source, chosen[is_query]), labels),
        knn_k=min(options.knn_k, int((~is_query).sum())),
        knn_temperature=options.knn_temperature,
    )


class _Part:
    """Some of the examples of a source."""

    in_memory = False

    def __init__(self, source: Source, chosen: np.ndarray):
        self._source, self._chosen = source, chosen
        self.spec, self.split, self.image_shape = source.spec, source.split, source.image_shape
        self.channels = source.channels

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._source[int(self._chosen[index])]


def _batches(experiment: Experiment, source: Source, labels: bool) -> Iterator[HostBatch]:
    """Yield global batches: every host reads them all, and embeds its part."""
    size = experiment.config.evaluation.batch_size
    shards = experiment.mesh.shape["data"] * experiment.mesh.shape["fsdp"]
    size = -(-size // shards) * shards
    image_size = experiment.objective.run.inputs.shape[0]
    return epoch(source, size, image_size, labels=labels, workers=experiment.config.data.workers)


def _embed(experiment: Experiment, state: TrainState) -> Callable[[HostBatch], jax.Array]:
    embed = experiment.embed

    def embed_global(batch: HostBatch) -> jax.Array:
        own = local_rows(experiment.mesh, len(batch["id"]))
        placed = experiment.put({name: batch[name][own] for name in ("image", "id")})
        return embed(state.params, state.memory, placed)

    return embed_global
