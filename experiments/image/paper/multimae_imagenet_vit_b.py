r"""MultiMAE's ViT-B/16 on ImageNet, with edges in the place of depth and segments.

    python -m ssljax pretrain --config experiments/image/paper/multimae_imagenet_vit_b.py \
        --workdir SHARED/multimae --distributed

Paper: 83.3 top-1 fine-tuned on images alone, with depth and segments that networks made of them
(Bachmann et al., 2022, table 1, https://arxiv.org/abs/2204.01678). All values are those of
EPFL-VILAB/MultiMAE, cfgs/pretrain/multimae-b_98_rgb+-depth-semseg_1600e.yaml and
run_pretraining_multimae.py, lines 82 to 177 and 372 (98 visible patches, decoders, 8 x 256
examples, rate, warm-up, weight decay, b2, flip), and utils/datasets.py, line 84 (crops).
Needs: 8 A100 GPUs (PRETRAINING.md) for days, and the images.
Not run here. Deviates: edges, 98 of 392 visible patches, for depth and segments, 98 of 588; images
have one decoder, of normalised patches, where the config has another of plain ones; weights start
as ours do (the maps to queries, keys and values among them); bfloat16 compute.
"""

from experiments.image.common import TIMM, imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("vit_b", batch_size=2048, epochs=1600)
    config.encoder.update({"positions": "sincos"})
    config.objective = {
        "name": "multimae",
        "visible": 0.25,
        "concentration": 1.0,
        "decoder_width": 256,
        "decoder_depth": 2,
        "decoder_heads": 8,
        "views": {
            "crop": {
                "size": 224,
                "crop_scale": (0.2, 1.0),
                "interpolation": "bilinear",
                "flip": 0.5,
            }
        },
    }
    config.optimizer.learning_rate = 1e-4
    config.optimizer.scale_by_batch = "linear"
    config.optimizer.b2 = 0.95
    config.optimizer.weight_decay = 0.05
    config.optimizer.warmup_steps = 40 * steps_per_epoch(config.batch_size)
    config.optimizer.param_groups = TIMM
    return config
