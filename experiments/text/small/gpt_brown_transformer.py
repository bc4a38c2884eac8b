r"""GPT on American prose of 1961: fifteen minutes on one CPU core.

    python -m ssljax pretrain --config experiments/text/small/gpt_brown_transformer.py \
        --workdir runs/gpt_brown

Next words of the Brown corpus in packed rows; then the loss on other samples, to stand beside those
of unigrams and bigrams, `python -m benchmarks.ngrams npm:brown --tokenizer json:brown.json`, and
the genre of a passage by frozen features. experiments/text/common.py says how to prepare the data.
"""

from experiments.text.common import GPT_TINY, texts


def get_config():
    """Return the config."""
    config = texts("npm:brown", GPT_TINY, steps=1500, packed=True)
    config.objective = {"name": "gpt"}
    config.evaluation.protocols = {"held_out_loss": {}}
    return config
