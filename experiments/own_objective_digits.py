"""The objective of `own_objective.py` on scikit-learn's digits: two minutes on two CPU cores.

python -m ssljax pretrain --config experiments/own_objective_digits.py --workdir runs/own
"""

from experiments import quickstart


def get_config():
    """Return the config."""
    config = quickstart.get_config(quickstart.DIGITS)
    config.objective = {
        "name": "experiments.own_objective:AlignUniform",
        "uniformity_weight": 0.5,
        "views": {"crop": {"count": 2, "crop_scale": (0.3, 1.0), "brightness": 0.4}},
    }
    return config
