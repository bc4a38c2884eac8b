r"""CURL's representation of the pixels of cheetah-run, without the agent.

    python -m ssljax pretrain --config experiments/control/paper/curl_cheetah_convolutions.py \
        --workdir SHARED/curl

Paper: Laskin et al., 2020, https://arxiv.org/abs/2004.04136; its scores are an agent's. Values are
those of MishaLaskin/curl at 8416d6e, see experiments/control/common.py, with a batch of 512 from a
buffer of 100,000 observations (train.py, line 30).
Needs: one accelerator, and episodes of DeepMind Control as `episodes:` reads them.
Not run here. Deviates: the episodes are recorded beforehand, where CURL draws them from the buffer
of an agent (SAC) that trains the same encoder by its critic; the teacher follows after every step,
not after every second one; the batch and the number of steps are the paper's, the code's default
is 32; kernels start as PyTorch's, not orthogonal; crops may be off by part of a pixel.
"""

from experiments.control.common import curl


def get_config():
    """Return the config."""
    config = curl("episodes:/data/cheetah_run.npz?stack=3")
    config.steps = 100_000
    config.batch_size = 512
    config.checkpoint.every = 10_000
    return config
