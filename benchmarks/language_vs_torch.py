"""Time train steps of language against those of Hugging Face's models in PyTorch, on this CPU.

python -m benchmarks.language_vs_torch --threads 1          # every case
python -m benchmarks.language_vs_torch gpt --blocks 15      # the cases whose name contains the word

The models are of the same size and have as many parameters; the losses are those of the models'
own classes, on a fixed batch, in float32, without dropout; AdamW. A step of ours draws the hidden
words and the pairs of sentences, which PyTorch is given; it scores hidden words alone, where
transformers scores all tokens. The two take turns, see `benchmarks.turns`. Needs
`pip install torch transformers`.
"""

import numpy as np

from benchmarks.fixed_batch import peer_step_on, step_on
from benchmarks.turns import compare

MINI = {"width": 256, "depth": 4, "heads": 4}  # BERT-mini of Turc et al. 2019, arXiv:1908.08962
WORDS, LENGTH, HIDDEN, SIDE, PATCH = 8192, 128, 0.15, 96, 16
BATCHES = {"bert": 32, "gpt": 32, "clip": 32}
CAPTION = 32  # tokens of a caption
CASES = {
    "bert": f"batch {BATCHES['bert']} of {LENGTH} tokens",
    "gpt": f"batch {BATCHES['gpt']} of {LENGTH} tokens",
    "clip": f"batch {BATCHES['clip']} of {SIDE}x{SIDE} pixels and {CAPTION} tokens",
}
CLS, SEP, MASK = 2, 3, 4


def ids(case: str) -> np.ndarray:
    """Return the texts [B, N] that both frameworks get, between a begin and an end token."""
    length = CAPTION if case == "clip" else LENGTH
    found = np.random.default_rng(0).integers(5, WORDS, (BATCHES[case], length), np.int32)
    found[:, 0], found[:, -1] = CLS, SEP
    return found


def images() -> np.ndarray:
    """Return the images of the pairs, uint8[B, H, W, 3]."""
    shape = (BATCHES["clip"], SIDE, SIDE, 3)
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


def jax_step(case: str):
    """Return (step, number of parameters)."""
    from ssljax.spec import SPECIAL, Field, Value

    words = ids(case)
    special = tuple((role, number) for number, role in enumerate(SPECIAL))
    text = Field("text", words.shape[1:], "int32", vocab=WORDS, ragged=True, special=special)
    fields, batch = {"text": text}, {"text": Value(words, np.ones_like(words))}
    if case == "clip":
        fields["image"] = Field("image", (SIDE, SIDE, 3), "uint8", mean=(0.5,) * 3, std=(0.25,) * 3)
        batch["image"] = images()
    config = {"data": {"source": "text:none", "length": words.shape[1]}, **_SECTIONS[case]}
    return step_on(batch, fields, config)


_TEXT = {"name": "text_transformer", "length": LENGTH, **MINI, "kernel_init": "normal"}
_CAPTION = {**_TEXT, "length": CAPTION, "causal": True, "pool": "last", "norm_epsilon": 1e-5}
_SECTIONS = {
    "bert": {
        "encoder": {
            **_TEXT,
            "norm_first": False,
            "embedding_norm": True,
            "token_types": 2,
            "pool": "first",
            "norm_epsilon": 1e-12,
        },
        "objective": {"name": "bert", "mask_ratio": HIDDEN},
    },
    "gpt": {
        "encoder": {**_TEXT, "causal": True, "activation": "gelu_tanh", "norm_epsilon": 1e-5},
        "objective": {"name": "gpt"},
    },
    "clip": {
        "encoder": {
            "name": "vit",
            **MINI,
            "patch_size": PATCH,
            "image_size": SIDE,
            "embedding_norm": True,
            "patch_bias": False,
            "activation": "gelu_quick",
            "norm_epsilon": 1e-5,
        },
        "encoders": {"text": {**_CAPTION, "activation": "gelu_quick"}},
        "objective": {"name": "clip", "projector_dim": 256, "views": {"whole": {"size": SIDE}}},
    },
}


def torch_step(case: str):
    """As `jax_step`, of transformers, with its fused attention."""
    import torch
    import transformers

    torch.manual_seed(0)
    words = torch.from_numpy(ids(case)).long()
    model, inputs = {"bert": _bert, "gpt": _gpt, "clip": _clip}[case](transformers, torch, words)
    return peer_step_on(model, inputs)


def _sizes() -> dict:
    return {
        "vocab_size": WORDS,
        "hidden_size": MINI["width"],
        "num_hidden_layers": MINI["depth"],
        "num_attention_heads": MINI["heads"],
        "intermediate_size": 4 * MINI["width"],
        "attn_implementation": "sdpa",
    }


def _bert(transformers, torch, words):
    config = transformers.BertConfig(
        **_sizes(),
        max_position_embeddings=LENGTH,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    hidden = torch.rand(words.shape) < HIDDEN
    inputs = {
        "input_ids": torch.where(hidden, MASK, words),
        "token_type_ids": (torch.arange(LENGTH) >= LENGTH // 2).long().expand_as(words),
        "attention_mask": torch.ones_like(words),
        "labels": torch.where(hidden, words, -100),
        "next_sentence_label": torch.arange(len(words)) % 2,
    }
    return transformers.BertForPreTraining(config), inputs


def _gpt(transformers, torch, words):
    dropout = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
    config = transformers.GPT2Config(
        vocab_size=WORDS,
        n_positions=LENGTH,
        n_embd=MINI["width"],
        n_layer=MINI["depth"],
        n_head=MINI["heads"],
        attn_implementation="sdpa",
        use_cache=False,
        bos_token_id=CLS,
        eos_token_id=SEP,
        **dropout,
    )
    return transformers.GPT2LMHeadModel(config), {"input_ids": words, "labels": words}


def _clip(transformers, torch, words):
    text = {**_sizes(), "max_position_embeddings": CAPTION}
    text |= {"bos_token_id": CLS, "eos_token_id": SEP}
    vision = {**_sizes(), "image_size": SIDE, "patch_size": PATCH}
    vision.pop("vocab_size")
    config = transformers.CLIPConfig(
        text_config=text, vision_config=vision, projection_dim=256, attn_implementation="sdpa"
    )
    pixels = torch.from_numpy(images()).permute(0, 3, 1, 2).float() / 255
    inputs = {
        "input_ids": words,
        "attention_mask": torch.ones_like(words),
        "pixel_values": (pixels - 0.5) / 0.25,
        "return_loss": True,
    }
    return transformers.CLIPModel(config), inputs


def main():
    """Compare the two."""
    made = {"jax": jax_step, "torch": torch_step}
    compare("benchmarks.language_vs_torch", __doc__, CASES, made, peer="transformers")


if __name__ == "__main__":
    main()
