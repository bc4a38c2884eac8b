"""Time train steps on sounds and videos against those of Hugging Face's models in PyTorch.

python -m benchmarks.signals_vs_torch --threads 1             # every case, on this CPU
python -m benchmarks.signals_vs_torch wav2vec2 --blocks 15    # cases whose name has the word in it

The models are of the same size; the losses are those of the models' own classes, on a fixed batch,
in float32, without dropout; AdamW. What a step of ours draws, the hidden places and negatives,
PyTorch is given. Audio-MAE has no class in transformers: the peer is ViTMAE of one channel on a
spectrogram that it is given, while a step of ours makes it from the wave. The two take turns, see
`benchmarks.turns`. Needs `pip install torch transformers`.
"""

import importlib

import numpy as np

from benchmarks.fixed_batch import peer_step_on, step_on
from benchmarks.turns import compare

MINI = {"width": 256, "depth": 4, "heads": 4}
DECODER = {"decoder_width": 128, "decoder_depth": 2, "decoder_heads": 4}
BATCHES = {"wav2vec2": 8, "audio_mae": 32, "video_mae": 16}
SAMPLES, CHANNELS, KERNEL, GROUPS = 32_000, 128, 32, 8  # two seconds
CODES, CODE_DIM, NEGATIVES, BLOCK = 64, 128, 50, 10
BANDS, PATCH = 128, 16  # as many frames
FRAMES, SIDE, TUBELET = 16, 64, 2
CASES = {
    "wav2vec2": f"batch {BATCHES['wav2vec2']} of {SAMPLES / 16_000:.0f} s at 16 kHz",
    "audio_mae": f"batch {BATCHES['audio_mae']} of {BANDS} frames of {BANDS} bands, .8 hidden",
    "video_mae": f"batch {BATCHES['video_mae']} of {FRAMES} frames of {SIDE}x{SIDE}, .9 hidden",
}


def waves(case: str) -> np.ndarray:
    """Return the sounds that both frameworks get, int16[B, S]."""
    samples = SAMPLES if case == "wav2vec2" else 160 * BANDS
    drawn = np.random.default_rng(0).normal(0, 3000, (BATCHES[case], samples))
    return drawn.astype(np.int16)


def videos() -> np.ndarray:
    """Return the videos, uint8[B, T, H, W, 3]."""
    shape = (BATCHES["video_mae"], FRAMES, SIDE, SIDE, 3)
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


def jax_step(case: str):
    """Return (step, number of parameters)."""
    from ssljax.spec import Field, Spectrogram

    config = {"data": {"source": "none:none"}, **_SECTIONS[case]}
    if case == "video_mae":
        batch, shape = {"video": videos()}, (FRAMES, SIDE, SIDE, 3)
        mean, std = (0.5,) * 3, (0.25,) * 3
        field = Field("video", shape, "uint8", mean=mean, std=std, rate=8.0)
        return step_on(batch, {"video": field}, config)
    batch = {"audio": waves(case)}
    field = Field("audio", batch["audio"].shape[1:], "int16", rate=16_000.0)
    if case == "audio_mae":
        made = Spectrogram(bands=BANDS, window=400, hop=160)
        field = field.replace(spectrogram=made, mean=(-4.0,) * BANDS, std=(4.0,) * BANDS)
    return step_on(batch, {"audio": field}, config)


_SECTIONS = {
    "wav2vec2": {
        "encoder": {
            "name": "wave_transformer",
            **MINI,
            "channels": CHANNELS,
            "positions": "convolution",
            "position_kernel": KERNEL,
            "position_groups": GROUPS,
            "norm_first": False,
            "embedding_norm": True,
        },
        "objective": {
            "name": "wav2vec2",
            "negatives": NEGATIVES,
            "codes": CODES,
            "code_dim": CODE_DIM,
            "projector_dim": CODE_DIM,
            "mask_block": BLOCK,
        },
    },
    "audio_mae": {
        "encoder": {
            "name": "audio_transformer",
            **MINI,
            "patch_time": PATCH,
            "patch_bands": PATCH,
            "frames": BANDS,
            "bands": BANDS,
            "class_token": True,
        },
        "objective": {"name": "mae", "mask_ratio": 0.8, **DECODER},
    },
    "video_mae": {
        "encoder": {
            "name": "video_transformer",
            **MINI,
            "tubelet": TUBELET,
            "patch_size": PATCH,
            "image_size": SIDE,
            "frames": FRAMES,
            "positions": "sincos_numbered",
        },
        "objective": {
            "name": "mae",
            "tubes": True,
            "mask_ratio": 0.9,
            "decoder_summary": False,
            **DECODER,
            "views": {"whole": {"size": SIDE}},
        },
    },
}


def torch_step(case: str):
    """As `jax_step`, of transformers, with its fused attention."""
    import torch

    importlib.import_module("tests.peers.conftest")  # lets torchvision be imported
    import transformers

    torch.manual_seed(0)
    made = {"wav2vec2": _wav2vec2, "audio_mae": _audio_mae, "video_mae": _video_mae}
    model, inputs = made[case](transformers, torch)
    step, count = peer_step_on(model, inputs)
    # VideoMAE of transformers leaves out the biases of keys, which change no output.
    keys = MINI["width"] * MINI["depth"] + DECODER["decoder_width"] * DECODER["decoder_depth"]
    return step, count + (keys if case == "video_mae" else 0)


def _sizes(**more) -> dict:
    return {
        "hidden_size": MINI["width"],
        "num_hidden_layers": MINI["depth"],
        "num_attention_heads": MINI["heads"],
        "intermediate_size": 4 * MINI["width"],
        "attn_implementation": "sdpa",
        **more,
    }


def _decoder() -> dict:
    width = DECODER["decoder_width"]
    return {
        "decoder_hidden_size": width,
        "decoder_num_hidden_layers": DECODER["decoder_depth"],
        "decoder_num_attention_heads": DECODER["decoder_heads"],
        "decoder_intermediate_size": 4 * width,
        "norm_pix_loss": True,
    }


def _wav2vec2(transformers, torch):
    from transformers.models.wav2vec2 import modeling_wav2vec2 as code

    kinds = ("hidden", "activation", "attention", "feat_proj", "feat_quantizer", "final")
    config = transformers.Wav2Vec2Config(
        **_sizes(),
        **{f"{kind}_dropout": 0.0 for kind in kinds},
        layerdrop=0.0,
        conv_dim=(CHANNELS,) * 7,
        num_conv_pos_embeddings=KERNEL,
        num_conv_pos_embedding_groups=GROUPS,
        num_codevectors_per_group=CODES,
        codevector_dim=CODE_DIM,
        proj_codevector_dim=CODE_DIM,
        num_negatives=NEGATIVES,
    )
    model = transformers.Wav2Vec2ForPreTraining(config)
    sounds = torch.from_numpy(waves("wav2vec2")).float()
    sounds = (sounds - sounds.mean()) / sounds.std()
    shape = (len(sounds), int(model._get_feat_extract_output_lengths(SAMPLES)))
    np.random.seed(0)
    hidden = code._compute_mask_indices(shape, 0.65, BLOCK)
    drawn = code._sample_negative_indices(shape, NEGATIVES, hidden)
    return model, {
        "input_values": sounds,
        "mask_time_indices": torch.from_numpy(hidden),
        "sampled_negative_indices": torch.from_numpy(drawn),
    }


def _audio_mae(transformers, torch):
    config = transformers.ViTMAEConfig(
        **_sizes(), **_decoder(), image_size=BANDS, patch_size=PATCH, num_channels=1, mask_ratio=0.8
    )
    shape = (BATCHES["audio_mae"], 1, BANDS, BANDS)
    return transformers.ViTMAEForPreTraining(config), {"pixel_values": torch.randn(shape)}


def _video_mae(transformers, torch):
    config = transformers.VideoMAEConfig(
        **_sizes(),
        **_decoder(),
        image_size=SIDE,
        patch_size=PATCH,
        num_frames=FRAMES,
        tubelet_size=TUBELET,
        use_mean_pooling=False,  # with the last LayerNorm
    )
    size, places = BATCHES["video_mae"], (SIDE // PATCH) ** 2
    hidden = torch.rand(size, places).argsort(1) < round(0.9 * places)
    pixels = torch.from_numpy(videos()).permute(0, 1, 4, 2, 3).float() / 255
    return transformers.VideoMAEForPreTraining(config), {
        "pixel_values": (pixels - 0.5) / 0.25,
        "bool_masked_pos": hidden.repeat(1, FRAMES // TUBELET),
    }


def main():
    """Compare the two."""
    made = {"jax": jax_step, "torch": torch_step}
    compare("benchmarks.signals_vs_torch", __doc__, CASES, made, peer="transformers")


if __name__ == "__main__":
    main()
