r"""SigLIP: ViT-B/16 from scratch, batch 32,768, 9 billion pairs seen.

    python -m ssljax pretrain --config experiments/pairs/paper/siglip_laion_vit_b16.py \
        --workdir SHARED/siglip --distributed

Paper: 73.4 zero-shot top-1 on ImageNet, trained on WebLI (Zhai et al., 2023, tables 1 and 5,
https://arxiv.org/abs/2303.15343); the released B/16, of 40 billion pairs and texts of 64 tokens,
has 76.2 (table 3). Models are those of google-research/big_vision at 0127fb6:
models/proj/image_text/two_towers.py, lines 39 to 90 (projections, scale, bias),
text_transformer.py beside it (padding that is seen, the last token) and models/vit.py (MAPHead).
The paper has batch, pairs seen and texts of 16 tokens of a vocabulary of 32,000 (section 4.2), b2
(4.7), temperature and bias (4.9), rate, weight decay and the cosine (appendix C). The length of the
warm-up is in neither the paper nor the code, whose only config is that of a smaller run,
configs/proj/image_text/siglip_lit_coco.py.
Needs: 32 TPU v4 chips for five days (table 1), and the pairs.
Not run here. Deviates: LAION-400M for WebLI, which is not public; AdamW for Adafactor with
momentum (70.3 beside 70.1 in the paper's table 7); positions start with a standard deviation of
0.02; bfloat16 compute; mean and deviation of the channels are measured on the data.
"""

from experiments.pairs.common import LAION
from ssljax.training.config import default_config


def get_config():
    """Return the config."""
    config = default_config()
    config.batch_size = 32_768
    config.steps = 9_000_000_000 // config.batch_size
    config.data.source = LAION
    config.data.image_size = 224
    config.data.host_crop = ()
    config.data.length = 16
    config.data.tokenizer = "json:siglip/tokenizer.json"  # 32,000 ids
    config.data.workers = 32
    common = {"activation": "gelu_tanh", "dtype": "bfloat16"}
    config.encoder = {"name": "vit_b", "class_token": False, "pool": "map", **common}
    config.encoders = {
        "text": {
            "name": "text_transformer",
            "length": 16,
            "width": 768,
            "depth": 12,
            "heads": 12,
            "padding": "seen",
            "pool": "last",
            **common,
        }
    }
    config.objective = {
        "name": "siglip",
        "projector_dim": 768,
        "project_own": False,
        "temperature": 0.1,
        "bias": -10.0,
        "logits_block": 512,
        "views": {"crop": {}},  # resized alone
    }
    config.optimizer.learning_rate = 1e-3
    config.optimizer.warmup_steps = 10_000
    config.optimizer.weight_decay = 1e-4
    config.optimizer.b1 = 0.9
    config.optimizer.b2 = 0.95
    config.optimizer.clip_norm = 1.0
    config.checkpoint.every = 5000
    config.evaluation.final = False  # on the sets of papers, by hand
    return config
