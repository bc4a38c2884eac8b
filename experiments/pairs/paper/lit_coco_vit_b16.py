r"""LiT with SigLIP's loss: a text encoder for a frozen ViT-B/16, on COCO captions.

    python -m ssljax import --from timm DIR --workdir runs/augreg
    python -m ssljax pretrain --config experiments/pairs/paper/lit_coco_vit_b16.py \
        --workdir SHARED/lit

DIR holds timm's vit_base_patch16_224.augreg_in21k. Paper: LiT, Zhai et al., 2021,
https://arxiv.org/abs/2111.07991; with the softmax loss the same data give 20.7 zero-shot top-1 on
ImageNet, and 47.2 and 32.1 R@1 on COCO (google-research/big_vision at 0127fb6,
configs/proj/image_text/README_lit.md, line 31). All values are those of siglip_lit_coco.py beside
it, lines 32 to 106: batch, length of a text, rate, weight decay, warm-up, clipping, scale, bias,
steps, and what is frozen.
Needs: 8 accelerators of 16 GB for hours, COCO's captions, and the weights of the image encoder.
Not run here. Deviates: the text encoder, BERT-base, starts at random, where the code has BERT's
weights; AdamW for Adafactor; views are mirrored, without RandAugment; bfloat16 compute.
"""

from ssljax.training.config import default_config


def get_config():
    """Return the config."""
    config = default_config()
    config.batch_size = 512
    config.steps = 5_000
    config.data.source = "pairs:/data/coco/captions_train.jsonl"
    config.data.image_size = 224
    config.data.length = 16
    config.data.tokenizer = "wordpiece:vocab.txt"  # BERT's, 30,522 ids
    config.encoder = {"name": "vit_b", "dtype": "bfloat16"}
    config.encoders = {
        "text": {
            "name": "text_transformer",
            "length": 16,
            "width": 768,
            "depth": 12,
            "heads": 12,
            "norm_first": False,  # BERT-base
            "embedding_norm": True,
            "token_types": 2,
            "pool": "first",
            "norm_epsilon": 1e-12,
            "kernel_init": "normal",
            "dtype": "bfloat16",
        }
    }
    config.objective = {
        "name": "siglip",
        "freeze": ("image",),
        "project_own": False,
        "projector_dim": 768,
        "temperature": 0.1,
        "bias": -2.71,
        "views": {"crop": {"flip": 0.5}},
    }
    config.init_from = ({"workdir": "runs/augreg"},)
    config.optimizer.learning_rate = 1e-3
    config.optimizer.warmup_steps = 150
    config.optimizer.weight_decay = 0.01
    config.optimizer.clip_norm = 1.0
    config.checkpoint.every = 1000
    config.evaluation.protocols = {"retrieval": {}}
    return config
