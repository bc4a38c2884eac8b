"""ImageBind: one space for several fields, each bound to the same one, such as the image."""

import dataclasses
from collections.abc import Mapping

import jax.numpy as jnp

from ssljax.errors import UserError, unknown
from ssljax.losses import clip
from ssljax.objectives.base import Loss
from ssljax.objectives.paired.pair import Paired
from ssljax.schema import NotNegative, Temperature
from ssljax.spec import present


@dataclasses.dataclass(frozen=True)
class Bind(Paired):
    """ImageBind: one embedding space to bind them all (Girdhar et al., 2023).

    An encoder and a linear map without bias for each field. The field of `config.encoder` is the
    anchor; with a_b and m_b the projections of unit length of the anchor and of a further field M,
    and s_bc = a_b.m_c / temperature_M over the examples that have both,

        L_M = mean_b ((log sum_c exp s_bc - s_bb) + (log sum_c exp s_cb - s_bb))

    and the loss is the sum over M of weight_M L_M: of equal similarities 2 log(B) for each, B being
    the number of its pairs. Fields other than the anchor are never compared, and no example needs
    to have all of them: each term is exactly that of the batch without the examples that lack one
    of its two fields, and 0 without any. The features of two further fields still come to lie
    together, as both lie with the anchor's.

    Attributes:
      temperature: divides the cosines; a number, or a number for each further field by its name.
      weights: of the terms, by name of the further field; 1 where none is given.

    Paper: https://arxiv.org/abs/2305.05665. Official code: facebookresearch/ImageBind,
    imagebind/models/imagebind_model.py, without training.
    """

    temperature: Temperature | Mapping[str, Temperature] = 0.05
    weights: Mapping[str, NotNegative] = dataclasses.field(default_factory=dict)

    paper = "arXiv:2305.05665"
    any_number_of_fields = True

    def check(self):
        super().check()
        named = self.temperature if isinstance(self.temperature, Mapping) else {}
        for key, names in (("temperature", named), ("weights", self.weights)):
            for name in names:
                if name not in self.run.encoders:
                    raise unknown(f"field of objective.{key}", name, self.run.encoders)
        if named and (missing := {*self.run.encoders} - {*named}):
            raise UserError(f"objective.temperature lacks {', '.join(sorted(missing))}")

    def loss(self, net, teacher, batch, *, key, step):
        projected = self.project(net, key, batch)
        anchor = projected.pop(self.run.name)
        total, metrics = jnp.zeros(()), {}
        for name, of_field in projected.items():
            both = present(batch, self.run.name, name)
            losses = 2 * clip(anchor, of_field, temperature=self._of(name), present=both)
            count = len(losses) if both is None else jnp.maximum(jnp.sum(both), 1)
            metrics[f"loss/{name}"] = jnp.sum(losses) / count
            if both is not None:
                metrics[f"pairs/{name}"] = jnp.mean(both)
            total = total + self.weights.get(name, 1.0) * metrics[f"loss/{name}"]
        return Loss(total, metrics)

    def _of(self, name: str) -> float:
        """Return the temperature of a further field."""
        named = isinstance(self.temperature, Mapping)
        return self.temperature[name] if named else self.temperature
