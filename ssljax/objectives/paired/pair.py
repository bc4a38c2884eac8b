"""What objectives on several fields share: an encoder and a projection for each of them."""

import dataclasses

from ssljax.errors import UserError
from ssljax.models import MLP
from ssljax.objectives.base import Array, Objective
from ssljax.objectives.net import Net
from ssljax.objectives.views import Views, blank, plain
from ssljax.ops.normalize import l2_normalize
from ssljax.schema import Width
from ssljax.spec import Batch


@dataclasses.dataclass(frozen=True)
class Paired(Objective):
    """Encoders of several fields, whose features are projected into one space; abstract.

    `config.encoder` reads the first field of its modality; it is the one of which views are made.
    `config.encoders` has those of the other fields, by name of the field. Their components are
    called "encoder" and "NAME_encoder", the linear maps behind them "NAME_projector".

    Attributes:
      views: of the field that `config.encoder` reads, one of each example; other fields are as they
        are.
      projector_dim: size of the common space.
    """

    views: Views = Views.crops(crop_scale=(0.9, 1.0))
    projector_dim: Width = 512

    several_fields = True
    takes_ragged = True
    batch_coupled = True
    smallest_batch = 2

    def check(self):
        self.views.require(count=1)
        if not self.run.encoders:
            own, name = type(self).__name__, self.run.name
            raise UserError(
                f"{own} needs an encoder of each of two fields, and config.encoder reads {name!r}; "
                "set config.encoders = {FIELD: {'name': ...}}, such as {'text': {'name': "
                "'text_transformer'}}"
            )
        if self.run.name in self.run.encoders:
            raise UserError(
                f"config.encoders.{self.run.name} reads the field that config.encoder reads; it "
                "must be of another field"
            )

    @property
    def components(self) -> dict[str, str]:
        """The component that encodes a field, by the name of the field."""
        further = {name: f"{name}_encoder" for name in self.run.encoders}
        return {self.run.name: "encoder", **further}

    def modules(self):
        encoders = {"encoder": self.run.encoder}
        encoders |= {self.components[name]: one for name, one in self.run.encoders.items()}
        projectors = {}
        for name, component in self.components.items():
            dtype = getattr(encoders[component], "dtype", "float32")
            head = MLP((), self.projector_dim, output_bias=False, dtype=dtype)
            projectors[f"{name}_projector"] = head
        return {**encoders, **projectors}

    def run_once(self, net):
        for name, component in self.components.items():
            own = name == self.run.name
            x = self.blank() if own else blank(self.run.spec.fields[name])
            features = getattr(net, component)(x).pooled
            getattr(net, f"{name}_projector")(features)

    def project(self, net: Net, key: Array, batch: Batch) -> dict[str, Array]:
        """Return the projections [B, projector_dim] of each field."""
        projected = {}
        for name, component in self.components.items():
            own = name == self.run.name
            x = self.views.stacked(key, batch)[:, 0] if own else self._plain(batch, name)
            features = getattr(net, component)(x).pooled
            projected[name] = getattr(net, f"{name}_projector")(features)
        return projected

    def outputs(self, params, state, batch):
        """Return what there is to see of the fields that a batch has.

        Returns:
          For each field that the batch has, the features of its encoder [B, D] under NAME; its
          projection of unit length, [B, projector_dim], under "projected/NAME", so that the product
          of those of two fields is their cosine similarity; its tokens [B, N, d] under
          "tokens/NAME".
        """
        net, _ = self.nets(params, state, train=False)
        found = [name for name in self.components if name in batch]
        encoded = {
            name: getattr(net, self.components[name])(self._plain(batch, name)) for name in found
        }
        outputs = {name: encoded[name].pooled for name in found}
        for name in found:
            projected = getattr(net, f"{name}_projector")(encoded[name].pooled)
            outputs[f"projected/{name}"] = l2_normalize(projected)
            outputs[f"tokens/{name}"] = encoded[name].tokens
        return outputs

    def encoder_of(self, name):
        return self.components[name]

    def _plain(self, batch: Batch, name: str):
        return plain(batch[name], self.run.spec.fields[name])
