TRANSFORMER = {"name": "text_transformer", "length": 16, "width": 16, "depth": 2, "heads": 2}
BERT = {
    **TRANSFORMER,
    "norm_first": False,
    "embedding_norm": True,
    "token_types": 2,
    "pool": "first",
}
CAUSAL = {**TRANSFORMER, "causal": True, "activation": "gelu_tanh", "pool": "last"}
ROBERTA = {**BERT, "token_types": 1, "position_offset": 2}
ALBERT = {**BERT, "shared_layers": True, "embed_width": 8}

CASES = {
    "albert": (ALBERT, {"name": "albert", "mask_ratio": 0.2}),
    "bert": (BERT, {"name": "bert", "mask_ratio": 0.2}),
    "electra": (
        {**BERT, "embed_width": 8},
        {"name": "electra", "generator_width": 12, "generator_heads": 2, "generator_depth": 1},
    ),
    "gpt": (CAUSAL, {"name": "gpt", "logits_block": 6}),
    "roberta": (
        {**BERT, "token_types": 1, "position_offset": 2},
        {"name": "roberta", "mask_ratio": 0.2},
    ),
    "simcse": ({**BERT, "dropout": 0.2, "pool": "mean"}, {"name": "simcse", "temperature": 0.1}),
    "word2vec": (
        {"name": "word_vectors", "width": 8},
        {"name": "word2vec", "window": 2, "pairs": 16, "subsample": 0.1},
    ),
}
