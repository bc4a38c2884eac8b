"""SimCSE: two passes of a text through dropout agree, against all other texts of the batch."""

import dataclasses

import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import batch_info_nce
from ssljax.models import PooledTanh
from ssljax.objectives.base import Loss, Objective
from ssljax.schema import Size, Temperature


@dataclasses.dataclass(frozen=True)
class SimCSE(Objective):
    """Simple contrastive learning of sentence embeddings (Gao et al., 2021), unsupervised.

    z = tanh(linear(encoder(x))), twice, with other random numbers of dropout; the loss is InfoNCE
    of the first with the second, one direction. Evaluation sees the encoder's features, without the
    map, as in the paper.

    A run usually starts from BERT or RoBERTa (`config.init_from`).

    Args (fields):
      temperature: that divides cosines.
      logits_block: see `ssljax.losses.batch_info_nce`.

    Paper: https://arxiv.org/abs/2104.08821. Official code: princeton-nlp/SimCSE, simcse/models.py.
    """

    temperature: Temperature = 0.05
    logits_block: Size = 0

    reads = ("text",)
    takes_ragged = True
    batch_coupled = True
    smallest_batch = 2
    paper = "arXiv:2104.08821"

    def check(self):
        encoder = self.run.encoder
        if not (getattr(encoder, "dropout", 0) or getattr(encoder, "attention_dropout", 0)):
            raise UserError(
                "simcse tells two passes of a text apart by dropout, and encoder.dropout is 0; set "
                "it to 0.1, say"
            )

    def modules(self):
        return {"encoder": self.run.encoder, "projector": PooledTanh(dtype=self.run.dtype)}

    def loss(self, net, teacher, batch, *, key, step):
        text = batch[self.run.name]
        z1, z2 = (net.projector(net.encoder(text).pooled) for _ in range(2))
        options = {"temperature": self.temperature, "block": self.logits_block}
        return Loss(jnp.mean(batch_info_nce(z1, z2, **options)))
