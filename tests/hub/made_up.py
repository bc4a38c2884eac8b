"""Tiny checkpoints of other libraries, made of random numbers: (config.json, tensors)."""

import json

import numpy as np
from safetensors.numpy import save_file

WIDTH, HIDDEN, DEPTH, PATCH, SIDE = 8, 20, 2, 4, 4

VIT = {
    "model_type": "vit",
    "hidden_size": WIDTH,
    "num_hidden_layers": DEPTH,
    "num_attention_heads": 2,
    "intermediate_size": HIDDEN,
    "image_size": SIDE * PATCH,
    "patch_size": PATCH,
    "layer_norm_eps": 1e-12,
}
RESNET = {"architecture": "resnet18"}


def _numbers(shapes, seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def _linear(name, inputs, outputs):
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name, width):
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _block(name, width, hidden):
    maps = [f"attention.attention.{one}" for one in ("query", "key", "value")]
    shapes = {}
    for one in (*maps, "attention.output.dense"):
        shapes |= _linear(f"{name}.{one}", width, width)
    shapes |= _norm(f"{name}.layernorm_before", width) | _norm(f"{name}.layernorm_after", width)
    shapes |= _linear(f"{name}.intermediate.dense", width, hidden)
    return shapes | _linear(f"{name}.output.dense", hidden, width)


def vit(prefix=""):
    """Return a ViT of Hugging Face."""
    shapes = {
        "embeddings.cls_token": (1, 1, WIDTH),
        "embeddings.position_embeddings": (1, 1 + SIDE**2, WIDTH),
        "embeddings.patch_embeddings.projection.weight": (WIDTH, 3, PATCH, PATCH),
        "embeddings.patch_embeddings.projection.bias": (WIDTH,),
        **_norm("layernorm", WIDTH),
    }
    for i in range(DEPTH):
        shapes |= _block(f"encoder.layer.{i}", WIDTH, HIDDEN)
    return dict(VIT), _numbers({prefix + name: shape for name, shape in shapes.items()})


def mae(positions, decoder_positions):
    """Return a ViT-MAE of Hugging Face with these tables of positions."""
    config, tensors = vit("vit.")
    shapes = {
        "decoder.mask_token": (1, 1, WIDTH),
        **_linear("decoder.decoder_embed", WIDTH, WIDTH),
        **_block("decoder.decoder_layers.0", WIDTH, 4 * WIDTH),
        **_norm("decoder.decoder_norm", WIDTH),
        **_linear("decoder.decoder_pred", WIDTH, 3 * PATCH**2),
    }
    config |= {
        "model_type": "vit_mae",
        "decoder_hidden_size": WIDTH,
        "decoder_intermediate_size": 4 * WIDTH,
        "decoder_num_hidden_layers": 1,
        "decoder_num_attention_heads": 2,
        "norm_pix_loss": True,
    }
    tensors |= _numbers(shapes, seed=1)
    tensors["vit.embeddings.position_embeddings"] = positions
    tensors["decoder.decoder_pos_embed"] = decoder_positions
    return config, tensors


def resnet(width=4):
    """Return a ResNet-18 of torchvision, with a head for 5 classes."""
    shapes, counters = {"conv1.weight": (width, 3, 7, 7)}, {}

    def batch_norm(name, channels):
        for one in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{one}"] = (channels,)
        counters[f"{name}.num_batches_tracked"] = np.array(7, np.int64)

    batch_norm("bn1", width)
    inputs = width
    for stage in range(4):
        channels = width * 2**stage
        for block in range(2):
            name = f"layer{stage + 1}.{block}"
            shapes[f"{name}.conv1.weight"] = (channels, inputs, 3, 3)
            shapes[f"{name}.conv2.weight"] = (channels, channels, 3, 3)
            batch_norm(f"{name}.bn1", channels)
            batch_norm(f"{name}.bn2", channels)
            if inputs != channels:
                shapes[f"{name}.downsample.0.weight"] = (channels, inputs, 1, 1)
                batch_norm(f"{name}.downsample.1", channels)
            inputs = channels
    tensors = _numbers({**shapes, **_linear("fc", inputs, 5)})
    tensors = {n: np.abs(t) if n.endswith("running_var") else t for n, t in tensors.items()}
    return dict(RESNET), {**tensors, **counters}


def save(folder, made):
    """Write a checkpoint into a new folder; return it."""
    config, tensors = made
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file(tensors, folder / "model.safetensors")
    return folder


def _tower(name, hidden):
    maps = [f"self_attn.{one}" for one in ("q_proj", "k_proj", "v_proj", "out_proj")]
    shapes = {}
    for i in range(DEPTH):
        block = f"{name}.encoder.layers.{i}"
        for one in maps:
            shapes |= _linear(f"{block}.{one}", WIDTH, WIDTH)
        shapes |= _norm(f"{block}.layer_norm1", WIDTH) | _norm(f"{block}.layer_norm2", WIDTH)
        shapes |= _linear(f"{block}.mlp.fc1", WIDTH, hidden)
        shapes |= _linear(f"{block}.mlp.fc2", hidden, WIDTH)
    return shapes


def clip(vocab, length=6, size=5):
    """Return a CLIP of Hugging Face with so many ids, in texts of that length."""
    common = {"hidden_size": WIDTH, "num_attention_heads": 2, "intermediate_size": HIDDEN}
    common["num_hidden_layers"] = DEPTH
    config = {
        "model_type": "clip",
        "projection_dim": size,
        "vision_config": {**common, "image_size": SIDE * PATCH, "patch_size": PATCH},
        "text_config": {**common, "vocab_size": vocab, "max_position_embeddings": length},
    }
    image, text = "vision_model", "text_model"
    shapes = {
        f"{image}.embeddings.class_embedding": (WIDTH,),
        f"{image}.embeddings.patch_embedding.weight": (WIDTH, 3, PATCH, PATCH),
        f"{image}.embeddings.position_embedding.weight": (1 + SIDE**2, WIDTH),
        f"{text}.embeddings.token_embedding.weight": (vocab, WIDTH),
        f"{text}.embeddings.position_embedding.weight": (length, WIDTH),
        **_norm(f"{image}.pre_layrnorm", WIDTH),
        **_norm(f"{image}.post_layernorm", WIDTH),
        **_norm(f"{text}.final_layer_norm", WIDTH),
        **_tower(image, HIDDEN),
        **_tower(text, HIDDEN),
        "visual_projection.weight": (size, WIDTH),
        "text_projection.weight": (size, WIDTH),
        "logit_scale": (),
    }
    tensors = _numbers(shapes)
    tensors["logit_scale"] = np.array(2.5, np.float32)
    return config, tensors
