r"""SimCSE as published, unsupervised: BERT-base, batch 64, one pass over a million sentences.

    python -m ssljax pretrain --config experiments/text/paper/simcse_wikipedia_bert_base.py \
        --workdir SHARED/simcse --distributed

Paper: 76.25 on average over seven STS tasks (princeton-nlp/SimCSE, README.md, line 93; Gao et
al., 2021, https://arxiv.org/abs/2104.08821). Hyper-parameters: the same repository,
run_unsup_example.sh, lines 11 to 22, and README.md, lines 242 and 243.
Needs: a GPU for an hour, and BERT-base: `ssljax import --from hf bert-base-uncased --workdir
SHARED/bert`.
Not run here. Deviates: bfloat16 compute; the last checkpoint is taken, where the code keeps the
best on STS-B.
"""

from experiments.text.paper.common import BASE, DROPOUT, POST_NORM, texts


def get_config():
    """Return the config."""
    config = texts(
        "text:wiki1m_for_simcse.txt",
        "wordpiece:vocab.txt",
        steps=15_625,
        batch_size=64,
        length=32,
        encoder={**BASE, **POST_NORM, **DROPOUT},
    )
    config.encoder.length = 512
    config.objective = {"name": "simcse"}
    config.init_from = ({"workdir": "SHARED/bert"},)
    config.optimizer.learning_rate = 3e-5
    config.optimizer.eps = 1e-8
    config.optimizer.weight_decay = 0.0
    return config
