"""What the published recipes on texts have in common: sizes, optimizer, what decays."""

from ml_collections import ConfigDict

from ssljax.training.config import default_config

BASE = {
    "name": "text_transformer",
    "width": 768,
    "depth": 12,
    "heads": 12,
    "norm_epsilon": 1e-12,
    "kernel_init": "normal",
    "dtype": "bfloat16",
}
POST_NORM = {"norm_first": False, "embedding_norm": True, "token_types": 2, "pool": "first"}
# Of RoBERTa: one type, two positions that no token has.
ROBERTA = {"token_types": 1, "position_offset": 2, "norm_epsilon": 1e-5}
DROPOUT = {"dropout": 0.1, "attention_dropout": 0.1}
# google-research/bert, optimization.py, line 65: no decay of norms and biases.
DECAY = (
    {"name": "no_decay", "match": r"(^|/)(bias|scale)$", "weight_decay": 0.0},
    {"name": "rest", "match": ".*"},
)

# facebookresearch/fairseq, fairseq/optim/adam.py: all parameters decay.
ALL_DECAY = ({"name": "all", "match": ".*"},)
# Sentences of film reviews, good or bad (GLUE).
SST2 = "jsonl:sst2?text=sentence&label=label"
SST2_EXAMPLES = 67_349
# Pairs of sentences that say the same, or do not (GLUE).
MRPC = "jsonl:mrpc?text=first&second=second&label=label"
MRPC_EXAMPLES = 3_668


def texts(
    source: str, tokenizer: str, *, steps: int, batch_size: int, length: int, encoder: dict
) -> ConfigDict:
    """Return a config with the optimizer of BERT, all but the objective.

    Adam with b1 = .9, eps = 1e-6, weight decay .01, gradients clipped at a norm of 1, a linear
    warm-up and decay to 0: google-research/bert, optimization.py, lines 32 to 74.

    Args:
      source, tokenizer: of `config.data`.
      steps, batch_size: of the run.
      length: of a row, in tokens.
      encoder: its section.
    """
    config = default_config()
    config.steps = steps
    config.batch_size = batch_size
    config.data.source = source
    config.data.tokenizer = tokenizer
    config.data.length = length
    config.encoder = {**encoder, "length": length}
    config.optimizer.schedule = "linear"
    config.optimizer.weight_decay = 0.01
    config.optimizer.eps = 1e-6
    config.optimizer.clip_norm = 1.0
    config.optimizer.param_groups = DECAY
    config.checkpoint.every = 5000
    config.evaluation.final = False
    return config


def packed(config: ConfigDict) -> ConfigDict:
    """Return a config whose rows are filled with several texts."""
    config.data.pack, config.data.length = config.data.length, 0
    return config


def glue(source: str, tokenizer: str, *, steps: int, encoder: dict) -> ConfigDict:
    """Return a config of fine-tuning on GLUE by a head like BERT's, all but the optimizer."""
    config = texts(source, tokenizer, steps=steps, batch_size=32, length=128, encoder=encoder)
    config.encoder.length = 512
    config.data.labels = True
    config.objective = {
        "name": "supervised",
        "pooler": True,
        "head_dropout": 0.1,
        "head_std": 0.02,
    }
    config.checkpoint.every = 1000
    return config
