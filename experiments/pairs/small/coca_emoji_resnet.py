r"""CoCa of emoji and their names: minutes on two CPU cores.

    python -m ssljax data prepare emoji
    python -m ssljax pretrain --config experiments/pairs/small/coca_emoji_resnet.py \
        --workdir runs/coca
    python -m ssljax evaluate --workdir runs/coca --protocol retrieval,zero_shot

As clip_emoji_resnet.py, with a decoder that names the emoji byte by byte. A name ends in a token of
its own, which stands for all of it.
"""

from experiments.pairs.common import emoji


def get_config():
    """Return the config."""
    config = emoji(name="coca")
    config.data.tokenizer = "bytes"
    config.data.length = 82  # bytes, and the tokens that begin and end a name
    config.encoders.text.update({"length": 82, "causal": True, "pool": "last"})
    config.objective.update(
        {"caption_queries": 16, "pooler_heads": 4, "decoder_depth": 1, "decoder_heads": 4}
    )
    return config
