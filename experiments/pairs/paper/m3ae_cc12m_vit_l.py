r"""M3AE as published: ViT-L/16 on Conceptual 12M, batch 4096, 100 epochs.

    python -m ssljax pretrain --config experiments/pairs/paper/m3ae_cc12m_vit_l.py \
        --workdir SHARED/m3ae --distributed

Paper: Geng et al., 2022, https://arxiv.org/abs/2205.14204. All values are those of the official
code, young-geng/m3ae_public at a5eb14f: README.md, lines 63 to 85 (ratios of masks, weights of the
losses, epochs, warm-up, batch, rate, decay); m3ae/m3ae_main.py, line 325 (AdamW); m3ae/data.py,
line 34 (64 words of bert-base-uncased, images of 256 pixels); m3ae/model.py (sizes, and what does
not decay).
Needs: CC12M as tar shards, 12,423,374 pairs by its list of addresses, of which fewer are left.
Not run here. Deviates: each example has masks of its own and of a text only words are seen, see
`ssljax.objectives.paired.m3ae`; images are normalised by the statistics of the data; bfloat16
compute.
"""

from ssljax.training.config import default_config

EXAMPLES = 12_423_374
NO_DECAY = r"(^|/)(bias|cls_token|mask_token|input_embed|embedding)$"


def get_config():
    """Return the config."""
    config = default_config()
    config.batch_size = 4096
    epoch = EXAMPLES // config.batch_size
    config.steps = 100 * epoch
    config.data.source = "tar:/data/cc12m"
    config.data.image_size = 256
    config.data.host_crop = ()
    config.data.length = 64
    config.data.tokenizer = "wordpiece:vocab.txt"  # BERT's, 30,522 ids
    config.data.workers = 32
    config.encoder = {
        "name": "vit_l",
        "image_size": 256,
        "positions": "sincos",
        "activation": "gelu_tanh",
        "dtype": "bfloat16",
    }
    config.encoders = {
        "text": {"name": "word_vectors", "width": 1024, "deviation": 1.0, "dtype": "bfloat16"}
    }
    config.objective = {
        "name": "m3ae",
        "image_mask_ratio": 0.75,
        "text_mask_ratio": 0.75,
        "text_weight": 0.5,
        "decoder_width": 512,
        "decoder_depth": 8,
        "decoder_heads": 16,
        "views": {
            "crop": {
                "size": 256,
                "crop_scale": (0.2, 1.0),
                "interpolation": "bicubic",
                "flip": 0.5,
            }
        },
    }
    config.optimizer.learning_rate = 1.5e-4
    config.optimizer.scale_by_batch = "linear"
    config.optimizer.b2 = 0.95
    config.optimizer.weight_decay = 0.05
    config.optimizer.warmup_steps = 5 * epoch
    config.optimizer.param_groups = (
        {"name": "no_decay", "match": NO_DECAY, "weight_decay": 0.0},
        {"name": "rest", "match": ".*"},
    )
    config.checkpoint.every = 5000
    config.evaluation.final = False  # on the sets of papers, by hand
    return config
