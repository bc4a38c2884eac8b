r"""CURL on recorded episodes of CartPole: minutes on two CPU cores.

    pip install -e '.[control]'
    python -m experiments.control.record CartPole-v1 --out cartpole.npz
    python -m ssljax pretrain --config experiments/control/small/curl_cartpole_convolutions.py \
        --workdir runs/curl

A hundred episodes of random actions. After training, place, angle and their speeds are read from
the features by ridge regression, on episodes that were not seen.
"""

from experiments.control.common import curl


def get_config():
    """Return the config."""
    config = curl("episodes:cartpole.npz?stack=3")
    config.steps = 600
    config.batch_size = 128
    config.checkpoint.every = 500
    return config
