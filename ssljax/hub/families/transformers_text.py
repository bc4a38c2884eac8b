"""Hugging Face's models of text: BERT, RoBERTa, ALBERT, ELECTRA, ESM and GPT-2.

transformers, modeling_bert.py, modeling_roberta.py, modeling_albert.py, modeling_electra.py,
modeling_esm.py, modeling_gpt2.py.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ssljax.hub.families.family import Family, Plan
from ssljax.hub.files import Tensors
from ssljax.hub.given import Given, ratio
from ssljax.hub.table import Row, linear, norm
from ssljax.spec import Field

ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh"}
_CALLED = {"gelu": "gelu", "gelu_tanh": "gelu_new"}
OFFSET = 2  # RoBERTa and ESM: positions before that of the first token
TOKEN_DROPOUT = 0.12  # of ESM, 15% of 80%: modeling_esm.py, EsmEmbeddings


# ── Tables ───────────────────────────────────────────────────────────────────────────────────────


_IDS = (
    Row("embeddings.word_embeddings.weight", "encoder/token_embed/embedding"),
    Row("embeddings.position_embeddings.weight", "encoder/pos_embed"),
)
_EMBEDDINGS = (
    *_IDS,
    Row("embeddings.token_type_embeddings.weight", "encoder/type_embed"),
    *norm("embeddings.LayerNorm", "encoder/embedding_norm"),
)


_THEIRS, _OURS = "encoder.layer.{i}", "encoder/trunk/block_{i}"
_MAPS = (
    *(
        row
        for name in ("query", "key", "value")
        for row in linear(f"{_THEIRS}.attention.self.{name}", f"{_OURS}/attention/{name}")
    ),
    *linear(f"{_THEIRS}.attention.output.dense", f"{_OURS}/attention/out"),
    *linear(f"{_THEIRS}.intermediate.dense", f"{_OURS}/mlp/fc1"),
    *linear(f"{_THEIRS}.output.dense", f"{_OURS}/mlp/fc2"),
)
POST_NORM = (
    *_EMBEDDINGS,
    *_MAPS,
    *norm(f"{_THEIRS}.attention.output.LayerNorm", f"{_OURS}/norm1"),
    *norm(f"{_THEIRS}.output.LayerNorm", f"{_OURS}/norm2"),
)
_POOLER = linear("pooler.dense", "pooler/linear")
BERT = (
    *POST_NORM,
    *linear("cls.predictions.transform.dense", "words/linear"),
    *norm("cls.predictions.transform.LayerNorm", "words/norm"),
    Row("cls.predictions.bias", "words/bias"),
    *_POOLER,
    *linear("cls.seq_relationship", "sentences/output"),
)
_LM_HEAD = (
    *linear("lm_head.dense", "words/linear"),
    *norm("lm_head.layer_norm", "words/norm"),
    Row("lm_head.bias", "words/bias"),
)
ROBERTA = (*POST_NORM, *_LM_HEAD)
ELECTRA = (
    *POST_NORM,
    *linear("embeddings_project", "encoder/embed_projection"),
    *linear("discriminator_predictions.dense", "replaced/linear"),
    *linear("discriminator_predictions.dense_prediction", "replaced/output"),
)
ESM = (
    *_IDS,
    *norm("embeddings.layer_norm", "encoder/embedding_norm"),
    *_MAPS,
    *norm(f"{_THEIRS}.attention.LayerNorm", f"{_OURS}/norm1"),
    *norm(f"{_THEIRS}.LayerNorm", f"{_OURS}/norm2"),
    *norm("encoder.emb_layer_norm_after", "encoder/trunk/norm"),
    *_LM_HEAD,
)
_LAYER, _BLOCK = "encoder.albert_layer_groups.0.albert_layers.0", "encoder/trunk/shared"
ALBERT = (
    *_EMBEDDINGS,
    *linear("encoder.embedding_hidden_mapping_in", "encoder/embed_projection"),
    *(
        row
        for name in ("query", "key", "value")
        for row in linear(f"{_LAYER}.attention.{name}", f"{_BLOCK}/attention/{name}")
    ),
    *linear(f"{_LAYER}.attention.dense", f"{_BLOCK}/attention/out"),
    *norm(f"{_LAYER}.attention.LayerNorm", f"{_BLOCK}/norm1"),
    *linear(f"{_LAYER}.ffn", f"{_BLOCK}/mlp/fc1"),
    *linear(f"{_LAYER}.ffn_output", f"{_BLOCK}/mlp/fc2"),
    *norm(f"{_LAYER}.full_layer_layer_norm", f"{_BLOCK}/norm2"),
    *linear("predictions.dense", "words/linear"),
    *norm("predictions.LayerNorm", "words/norm"),
    Row("predictions.bias", "words/bias"),
    *linear("pooler", "pooler/linear"),
    *linear("sop_classifier.classifier", "sentences/output"),
)


def _plain(theirs: str, *ours: str) -> tuple[Row, ...]:
    """Return the rows of GPT-2's linear maps, whose kernels are [in, out] as ours."""
    kernels, biases = (tuple(f"{one}/{part}" for one in ours) for part in ("kernel", "bias"))
    if len(ours) == 1:
        return Row(f"{theirs}.weight", *kernels), Row(f"{theirs}.bias", *biases)
    return (
        Row(f"{theirs}.weight", kernels, "split_columns"),
        Row(f"{theirs}.bias", biases, "split_bias"),
    )


GPT2 = (
    Row("wte.weight", "encoder/token_embed/embedding"),
    Row("wpe.weight", "encoder/pos_embed"),
    *norm("h.{i}.ln_1", f"{_OURS}/norm1"),
    *_plain("h.{i}.attn.c_attn", *(f"{_OURS}/attention/{m}" for m in ("query", "key", "value"))),
    *_plain("h.{i}.attn.c_proj", f"{_OURS}/attention/out"),
    *norm("h.{i}.ln_2", f"{_OURS}/norm2"),
    *_plain("h.{i}.mlp.c_fc", f"{_OURS}/mlp/fc1"),
    *_plain("h.{i}.mlp.c_proj", f"{_OURS}/mlp/fc2"),
    *norm("ln_f", "encoder/trunk/norm"),
)


# ── From config.json to what an encoder is, and back ─────────────────────────────────────────────

_ROLES = {"pad_token_id": "pad", "cls_token_id": "cls", "sep_token_id": "sep"}
# Ids that the tokenizers of the released models have: config.json does not say them.
_RELEASED: Mapping[str, dict[str, int]] = {
    "bert": {"pad": 0, "unk": 100, "cls": 101, "sep": 102, "mask": 103},
    "electra": {"pad": 0, "unk": 100, "cls": 101, "sep": 102, "mask": 103},
    "roberta": {"pad": 1, "unk": 3, "cls": 0, "sep": 2, "mask": 50264},
    "albert": {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4},
    "esm": {"pad": 1, "unk": 3, "cls": 0, "sep": 2, "mask": 32},
    "gpt2": {"sep": 50256},
}


def _field(kind: str, config: Given, length: int) -> Field:
    """Return the field of texts. Special ids beyond a small vocabulary take its last ids."""
    vocab = config.whole("vocab_size")
    special = dict(_RELEASED[kind])
    mask = config.values.get("mask_token_id")
    if type(mask) is int:
        special["mask"] = mask
    last = iter(range(vocab - 1, -1, -1))
    fitted = {role: one if one < vocab else next(last) for role, one in special.items()}
    return Field(
        "text", (length,), "int32", vocab=vocab, ragged=True, special=tuple(fitted.items())
    )


def _transformer(config: Given, activation: str) -> dict[str, Any]:
    width, heads = config.whole("hidden_size"), config.whole("num_attention_heads")
    if width % heads:
        raise config.error("num_attention_heads", f"a divisor of hidden_size={width}")
    return {
        "name": "text_transformer",
        "width": width,
        "depth": config.whole("num_hidden_layers"),
        "heads": heads,
        "mlp_ratio": ratio(config.whole("intermediate_size"), width),
        "activation": config.one_of("hidden_act", ACTIVATIONS, activation),
        "norm_epsilon": config.number("layer_norm_eps", 1e-12),
        "kernel_init": "normal",
        "dropout": config.number("hidden_dropout_prob", 0.0),
        "attention_dropout": config.number("attention_probs_dropout_prob", 0.0),
    }


def _require_plain(config: Given) -> None:
    if not config.flag("tie_word_embeddings", True):
        raise config.error("tie_word_embeddings", "true: words are predicted by their own vectors")
    for key in ("is_decoder", "add_cross_attention"):
        if config.flag(key, False):
            raise config.error(key, "false")
    config.one_of("position_embedding_type", {"absolute": 0}, "absolute")


def _reader(kind: str, objective: str, *, offset: int = 0, activation: str = "gelu") -> Callable:
    def read(config: Given, tensors: Tensors, named: Callable[[str], str]) -> Plan:
        _require_plain(config)
        encoder = _transformer(config, activation)
        length = config.whole("max_position_embeddings", 512) - offset
        encoder |= {
            "length": length,
            "norm_first": False,
            "embedding_norm": True,
            "token_types": config.whole("type_vocab_size", 2),
            "position_offset": offset,
            "pool": "first",
        }
        narrow = config.whole("embedding_size", 128) if kind in ("albert", "electra") else 0
        encoder["embed_width"] = narrow if narrow != encoder["width"] else 0
        if kind == "albert":
            encoder["shared_layers"] = True
            for key in ("num_hidden_groups", "inner_group_num"):
                if config.whole(key, 1) != 1:
                    raise config.error(key, "1: all layers share one block")
            if encoder["embed_width"] == 0:
                raise config.error("embedding_size", "another than hidden_size")
        return Plan(encoder, {"name": objective}, field=_field(kind, config, length))

    return read


def _read_esm(config: Given, tensors: Tensors, named: Callable[[str], str]) -> Plan:
    if not config.flag("tie_word_embeddings", True):
        raise config.error("tie_word_embeddings", "true: words are predicted by their own vectors")
    positions = config.one_of(
        "position_embedding_type", {"absolute": "learned", "rotary": "rotary"}, "absolute"
    )
    offset = OFFSET if positions == "learned" else 0
    length = config.whole("max_position_embeddings", 1026) - offset
    before = config.values.get("emb_layer_norm_before")  # null in some files
    encoder = _transformer(config, "gelu") | {
        "length": length,
        "positions": positions,
        "position_offset": offset,
        "embedding_norm": before is not None and config.flag("emb_layer_norm_before", False),
        "token_dropout": TOKEN_DROPOUT if config.flag("token_dropout", False) else 0.0,
        "pool": "mean",
    }
    return Plan(encoder, {"name": "roberta"}, field=_field("esm", config, length))


def _read_gpt2(config: Given, tensors: Tensors, named: Callable[[str], str]) -> Plan:
    if not config.flag("tie_word_embeddings", True):
        raise config.error("tie_word_embeddings", "true: words are predicted by their own vectors")
    for key in ("scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn"):
        if config.flag(key, False):
            raise config.error(key, "false")
    width, heads = config.whole("n_embd", 768), config.whole("n_head", 12)
    if width % heads:
        raise config.error("n_head", f"a divisor of n_embd={width}")
    length, inner = config.whole("n_positions", 1024), config.values.get("n_inner")
    encoder = {
        "name": "text_transformer",
        "width": width,
        "depth": config.whole("n_layer", 12),
        "heads": heads,
        "mlp_ratio": ratio(inner or 4 * width, width),
        "activation": config.one_of("activation_function", ACTIVATIONS, "gelu_new"),
        "norm_epsilon": config.number("layer_norm_epsilon", 1e-5),
        "kernel_init": "normal_by_whole_depth",
        "dropout": config.number("resid_pdrop", 0.1),
        "attention_dropout": config.number("attn_pdrop", 0.1),
        "length": length,
        "causal": True,
        "pool": "last",
    }
    return Plan(encoder, {"name": "gpt"}, field=_field("gpt2", config, length))


def _written(kind: str, architecture: str, offset: int = 0) -> Callable[..., dict[str, Any]]:
    def write(encoder: Any, objective: Any, channels: int) -> dict[str, Any]:
        special = dict(objective.run.field.special)
        made = {
            "architectures": [architecture],
            "model_type": kind,
            "vocab_size": encoder.vocab,
            "hidden_size": encoder.width,
            "num_hidden_layers": encoder.depth,
            "num_attention_heads": encoder.heads,
            "intermediate_size": int(encoder.width * encoder.mlp_ratio),
            "hidden_act": _CALLED[encoder.activation],
            "max_position_embeddings": encoder.length + offset,
            "layer_norm_eps": encoder.norm_epsilon,
            "hidden_dropout_prob": encoder.dropout,
            "attention_probs_dropout_prob": encoder.attention_dropout,
            "pad_token_id": special.get("pad", 1 if offset else 0),
            "dtype": "float32",
        }
        if kind == "esm":
            rotary = encoder.positions == "rotary"
            return made | {
                "mask_token_id": special.get("mask", encoder.vocab - 1),
                "position_embedding_type": "rotary" if rotary else "absolute",
                "emb_layer_norm_before": encoder.embedding_norm,
                "token_dropout": encoder.token_dropout > 0,
            }
        made["type_vocab_size"] = encoder.token_types
        if kind in ("albert", "electra"):
            made["embedding_size"] = encoder.embedded_width
        return made

    return write


def _write_gpt2(encoder: Any, objective: Any, channels: int) -> dict[str, Any]:
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": encoder.vocab,
        "n_embd": encoder.width,
        "n_layer": encoder.depth,
        "n_head": encoder.heads,
        "n_inner": int(encoder.width * encoder.mlp_ratio),
        "n_positions": encoder.length,
        "activation_function": _CALLED[encoder.activation],
        "layer_norm_epsilon": encoder.norm_epsilon,
        "resid_pdrop": encoder.dropout,
        "embd_pdrop": encoder.dropout,
        "attn_pdrop": encoder.attention_dropout,
        "dtype": "float32",
    }


# ── Families ─────────────────────────────────────────────────────────────────────────────────────

_NEEDS: Mapping[str, tuple[Any, ...]] = {
    "registers": (0,),
    "layer_scale": (0.0,),
    "qkv_bias": (True,),
    "qk_norm": (False,),
    "norm_pooled": (False,),
    "class_token": (False,),
    "padding": ("hidden",),
    "token_dropout": (0.0,),
    "activation": tuple(_CALLED),
}
_POST = {
    **_NEEDS,
    "positions": ("learned",),
    "norm_first": (False,),
    "embedding_norm": (True,),
    "causal": (False,),
    "shared_layers": (False,),
    "position_offset": (0,),
}
_ANCHOR = "embeddings.word_embeddings.weight"
_TIED = r"cls\.predictions\.decoder\..*|lm_head\.decoder\..*|predictions\.decoder\..*"
_LEFT_OUT = rf"{_TIED}|(.*\.)?(classifier|qa_outputs|position_ids|contact_head|token_type_ids)\b.*"


# Of the norms of early BERT files, and of some of ESM's as transformers 5 saves them.
_TENSORFLOW = ((r"\.gamma$", ".weight"), (r"\.beta$", ".bias"))


def _family(name: str, title: str, rows: tuple[Row, ...], **fields: Any) -> Family:
    options = {"anchor": _ANCHOR, "prefixes": (f"{name}.", ""), "left_out": _LEFT_OUT, **fields}
    return Family(name=name, title=f"Hugging Face's {title}", rows=rows, **options)


FAMILIES = (
    _family(
        "bert",
        "BERT",
        BERT,
        read=_reader("bert", "bert"),
        needs={**_POST, "embed_width": (0,)},
        write=_written("bert", "BertForPreTraining"),
        own="cls.",
        spellings=_TENSORFLOW,
    ),
    _family(
        "roberta",
        "RoBERTa",
        ROBERTA,
        read=_reader("roberta", "roberta", offset=OFFSET),
        needs={**_POST, "embed_width": (0,), "position_offset": (OFFSET,)},
        write=_written("roberta", "RobertaForMaskedLM", OFFSET),
        own="lm_head.",
        left_out=rf"{_LEFT_OUT}|pooler\..*",
    ),
    _family(
        "albert",
        "ALBERT",
        ALBERT,
        read=_reader("albert", "albert", activation="gelu_tanh"),
        needs={**_POST, "shared_layers": (True,)},
        write=_written("albert", "AlbertForPreTraining"),
        own=("predictions.", "sop_classifier."),
    ),
    _family(
        "electra",
        "ELECTRA",
        ELECTRA,
        read=_reader("electra", "electra"),
        needs=_POST,
        write=_written("electra", "ElectraForPreTraining"),
        own="discriminator_predictions.",
    ),
    _family(
        "esm",
        "ESM",
        ESM,
        read=_read_esm,
        needs={
            **_NEEDS,
            "positions": ("learned", "rotary"),
            "norm_first": (True,),
            "causal": (False,),
            "shared_layers": (False,),
            "embed_width": (0,),
            "token_types": (0,),
            "token_dropout": (0.0, TOKEN_DROPOUT),
        },
        write=_written("esm", "EsmForMaskedLM", OFFSET),
        own="lm_head.",
        spellings=_TENSORFLOW,
        left_out=rf"{_LEFT_OUT}|pooler\..*|.*rotary_embeddings\.inv_freq|.*contact_head.*",
    ),
    _family(
        "gpt2",
        "GPT-2",
        GPT2,
        anchor="wte.weight",
        prefixes=("transformer.", ""),
        left_out=r"lm_head\.weight|h\.\d+\.attn\.(masked_)?bias",
        read=_read_gpt2,
        needs={
            **_NEEDS,
            "positions": ("learned",),
            "norm_first": (True,),
            "embedding_norm": (False,),
            "causal": (True,),
            "shared_layers": (False,),
            "embed_width": (0,),
            "token_types": (0,),
            "position_offset": (0,),
        },
        write=_write_gpt2,
    ),
)
