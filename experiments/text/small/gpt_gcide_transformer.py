r"""GPT on a dictionary of English: fifteen minutes on one CPU core.

    python -m ssljax data prepare gcide
    python -m ssljax data tokenizer --train debian:gcide --size 4096 --out gcide.json
    python -m ssljax pretrain --config experiments/text/small/gpt_gcide_transformer.py \
        --workdir runs/gpt_gcide

Next words of 113,489 entries in packed rows; then the loss on entries of other headwords, to stand
beside those of unigrams and bigrams, `python -m benchmarks.ngrams debian:gcide --tokenizer
json:gcide.json`. The set has no labels to probe.
"""

from experiments.text.common import GPT_TINY, texts


def get_config():
    """Return the config."""
    config = texts("debian:gcide", GPT_TINY, steps=1500, packed=True)
    config.objective = {"name": "gpt"}
    config.evaluation.protocols = {"held_out_loss": {}}
    config.evaluation.probes = ()
    config.evaluation.few_labels = ()
    return config
