r"""GPT-2 124M: batch 480 of 1,024 tokens, 600,000 steps of OpenWebText.

    python -m ssljax pretrain --config experiments/text/paper/gpt_openwebtext_124m.py \
        --workdir SHARED/gpt --distributed

Model: Radford et al., 2019. Recipe: karpathy/nanoGPT, whose loss on held-out text is about 2.85
(config/train_gpt2.py, line 1); OpenAI's did not publish theirs. Hyper-parameters:
config/train_gpt2.py, lines 11 to 25, and train.py, lines 55 to 68.
Needs: 8 A100 GPUs for 5 days (config/train_gpt2.py, lines 1 to 3).
Not run here. Deviates: bfloat16 compute; linear maps and norms have biases, as in GPT-2, where
nanoGPT has none; rows hold whole texts or pieces, each of which sees itself alone, where the recipe
cuts one stream of tokens anywhere.
"""

from experiments.text.paper.common import BASE, packed, texts


def get_config():
    """Return the config."""
    encoder = {
        **BASE,
        "causal": True,
        "activation": "gelu_tanh",
        "norm_epsilon": 1e-5,
        "kernel_init": "normal_by_whole_depth",
        "pool": "last",
    }
    config = packed(
        texts(
            "text:openwebtext",
            "json:gpt2.json",
            steps=600_000,
            batch_size=480,
            length=1024,
            encoder=encoder,
        )
    )
    config.objective = {"name": "gpt", "logits_block": 64}
    config.optimizer.learning_rate = 6e-4
    config.optimizer.schedule = "cosine"
    config.optimizer.final_scale = 0.1
    config.optimizer.warmup_steps = 2000
    config.optimizer.b2 = 0.95
    config.optimizer.eps = 1e-8
    config.optimizer.weight_decay = 0.1
    return config
