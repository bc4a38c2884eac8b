r"""ESM-1b: masked LM on proteins, 33 blocks of width 1,280, batch 128 of 1,024 residues.

    python -m ssljax pretrain --config experiments/protein/paper/roberta_uniref50_esm1b.py \
        --workdir SHARED/esm1b --distributed

Model: Rives et al., 2021, https://doi.org/10.1073/pnas.2016239118; facebookresearch/esm at 2b36991,
esm/model/esm1.py, lines 91 to 105, README.md, line 490 (650M parameters, UniRef50 2018_03).
Hyper-parameters: the card of the released weights, facebook/esm1b_t33_650M_UR50S, "Pretraining":
Adam with b1 .9, b2 .999, rate 1e-4, no decay, 16,000 steps of warm-up, then the inverse square
root, 500,000 steps of 131,072 tokens; "Preprocessing": 15% of residues, 80/10/10.
Needs: 128 V100 GPUs (same card), and UniRef50 as FASTA.
Not run here. Deviates: bfloat16 compute; the first 1,024 tokens of a long protein are taken, there
a random window.
"""

from experiments.text.paper.common import BASE, texts


def get_config():
    """Return the config."""
    encoder = {
        **BASE,
        "width": 1280,
        "depth": 33,
        "heads": 20,
        "embedding_norm": True,
        "norm_epsilon": 1e-5,
        "position_offset": 2,
        "token_dropout": 0.12,  # esm1.py, lines 125 to 131: 15% of 80%
        "pool": "mean",
        "remat": "dots_no_batch",
    }
    config = texts(
        "fasta:uniref50.fasta.gz",
        "amino_acids",
        steps=500_000,
        batch_size=128,
        length=1024,
        encoder=encoder,
    )
    config.objective = {"name": "roberta"}
    config.optimizer.learning_rate = 1e-4
    config.optimizer.schedule = "rsqrt"
    config.optimizer.warmup_steps = 16_000
    config.optimizer.eps = 1e-8
    config.optimizer.weight_decay = 0.0
    config.optimizer.clip_norm = 0.0
    return config
