"""Retrieval between the two fields of a run of CLIP, beside its random-init encoders and chance.

    python -m experiments.pairs.retrieval runs/clip

For each example of the test split, the others of the split compete with its own partner. R@k is the
share of examples whose partner is among the k most similar.
"""

import pathlib
import sys
from collections.abc import Iterator

import jax
import numpy as np

from ssljax.training.data_record import spec_of_run
from ssljax.training.data_sets import open_data
from ssljax.training.evaluate import build_for_evaluation, restore_for_evaluation
from ssljax.training.experiment import Experiment
from ssljax.training.state import TrainState
from ssljax.training.workdir import load_config

RANKS = (1, 5, 10)


def main(workdir: str) -> None:
    """Print R@k in both directions."""
    config = load_config(pathlib.Path(workdir))
    experiment = build_for_evaluation(config, spec_of_run(pathlib.Path(workdir), config))
    trained = restore_for_evaluation(experiment, pathlib.Path(workdir), None)
    for name, state in {"trained": trained, "random init": experiment.init()}.items():
        for direction, ranks in _ranks(experiment, state):
            found = ", ".join(f"R@{k} {np.mean(ranks < k):.1%}" for k in RANKS)
            print(f"{name}, {direction}: {found}")
    count = len(ranks)
    print(f"chance: {', '.join(f'R@{k} {k / count:.1%}' for k in RANKS)} of {count} examples")


def _ranks(experiment: Experiment, state: TrainState) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (direction, how many of the others are at least as similar as the partner)."""
    config = experiment.config
    source = open_data(config, config.data.source, config.evaluation.test_split)
    embed, found = jax.jit(experiment.objective.outputs), []
    for batch in experiment.sequential(source, config.evaluation.batch_size):
        outputs = embed(state.params, state.objective_state, batch)
        projected = {name: one for name, one in outputs.items() if name.startswith("projected/")}
        found.append({name: np.asarray(one)[batch["valid"]] for name, one in projected.items()})
    (one, first), (two, second) = (
        (name.partition("/")[2], np.concatenate([batch[name] for batch in found]))
        for name in found[0]
    )
    similar = first @ second.T
    for direction, scores in {f"{one} to {two}": similar, f"{two} to {one}": similar.T}.items():
        yield direction, np.sum(scores >= np.diag(scores)[:, None], axis=1) - 1


if __name__ == "__main__":
    main(*sys.argv[1:])
