"""Record episodes of an environment of Gymnasium, with its state, for `episodes:` sources.

    pip install -e '.[control]'
    python -m experiments.control.record CartPole-v1 --out cartpole.npz

Actions are drawn uniformly at random. The file holds train_image uint8 [n, size, size, 3], all
observations in their order, train_group int [n], the episode of each, train_label float [n, K], the
state that the environment gives, train_action [n, ...], the action that is taken next (after the
last observation of an episode the one that would be), and the same of test, of other episodes.
"""

import argparse

import numpy as np
from PIL import Image


def record(name: str, episodes: range, size: int, most: int) -> dict[str, np.ndarray]:
    """Return the arrays of some episodes, each of which is begun by its number as the seed."""
    import gymnasium  # of the extra "control", which nothing else needs

    environment = gymnasium.make(name, render_mode="rgb_array")
    rows: dict[str, list] = {"image": [], "group": [], "label": [], "action": []}
    for episode in episodes:
        state, _ = environment.reset(seed=episode)
        environment.action_space.seed(episode)
        over = False
        for _ in range(most):
            action = environment.action_space.sample()
            shown = Image.fromarray(environment.render())
            rows["image"].append(np.asarray(shown.resize((size, size), Image.Resampling.BILINEAR)))
            rows["group"].append(episode)
            rows["label"].append(np.asarray(state, np.float32).ravel())
            rows["action"].append(action)
            if over:
                break
            state, _, ended, cut, _ = environment.step(action)
            over = ended or cut
    environment.close()
    return {key: np.stack(values) for key, values in rows.items()}


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("environment", help="name in Gymnasium, such as CartPole-v1")
    parser.add_argument("--out", required=True, help="npz file to write")
    parser.add_argument("--train", type=int, default=100, help="episodes to learn from")
    parser.add_argument("--test", type=int, default=25, help="episodes to be tested on")
    parser.add_argument("--size", type=int, default=100, help="pixels of a side")
    parser.add_argument("--steps", type=int, default=200, help="most observations of an episode")
    given = parser.parse_args()
    parts = {
        "train": range(given.train),
        "test": range(given.train, given.train + given.test),
    }
    arrays = {
        f"{part}_{key}": array
        for part, episodes in parts.items()
        for key, array in record(given.environment, episodes, given.size, given.steps).items()
    }
    np.savez_compressed(given.out, **arrays)
    counts = ", ".join(f"{len(arrays[f'{part}_image']):,} of {part}" for part in parts)
    print(f"{given.out}: {counts} observations")


if __name__ == "__main__":
    main()
