"""What objectives on several fields share: an encoder and a projection for each of them."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ssljax.errors import UserError, unknown
from ssljax.models import MLP, Encoded
from ssljax.objectives.base import Array, Loss, Objective
from ssljax.objectives.net import Net
from ssljax.objectives.views import Views, blank, plain
from ssljax.ops.normalize import l2_normalize
from ssljax.schema import Width
from ssljax.spec import Batch, present


@dataclasses.dataclass(frozen=True)
class Paired(Objective):
    """Encoders of two fields, whose features are projected into one space; abstract.

    `config.encoder` reads the first field of its modality; it is the one of which views are made.
    `config.encoders` has that of the other field, by name of the field. Their components are called
    "encoder" and "NAME_encoder", the maps behind them "NAME_projector". The two fields may be of
    any modalities. Where the class says `any_number_of_fields`, there may be more than two.

    An example may lack a field (`ssljax.spec.presence_of`): it holds that of another, and counts in
    no loss and in no statistics of the projectors. A BatchNorm within an encoder sees it.

    Attributes:
      views: of the field that `config.encoder` reads, one of each example; the other field is as it
        is.
      projector_dim: size of the common space.
      project_own: whether the features of the field that `config.encoder` reads are projected too;
        without, their size must be `projector_dim`.
      freeze: names of fields whose encoders stay as they are: no gradient of them is computed,
        their batch statistics stay, drop-path is off. With ("image",) and `config.init_from` it is
        LiT.
    """

    views: Views = Views.crops(crop_scale=(0.9, 1.0))
    projector_dim: Width = 512
    project_own: bool = True
    freeze: tuple[str, ...] = ()

    several_fields = True
    takes_ragged = True
    batch_coupled = True
    smallest_batch = 2
    any_number_of_fields: ClassVar[bool] = False

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
        if len(self.run.encoders) > 1 and not self.any_number_of_fields:
            raise UserError(
                f"{type(self).__name__} compares two fields, and config.encoders has "
                f"{', '.join(self.run.encoders)} beside {self.run.name!r} of config.encoder; leave "
                "one, or set config.objective.name='bind'"
            )
        for name in self.freeze:
            if name not in self.components:
                raise unknown("field of config.objective.freeze", name, self.components)

    @property
    def components(self) -> dict[str, str]:
        """The component that encodes a field, by the name of the field."""
        further = {name: f"{name}_encoder" for name in self.run.encoders}
        return {self.run.name: "encoder", **further}

    @property
    def frozen(self) -> tuple[str, ...]:
        """The networks that are not trained."""
        return tuple(self.components[name] for name in self.freeze)

    def modules(self):
        encoders = {"encoder": self.run.encoder}
        encoders |= {self.components[name]: one for name, one in self.run.encoders.items()}
        heads = {
            f"{name}_projector": self.head(getattr(encoders[component], "dtype", "float32"))
            for name, component in self.components.items()
            if self._is_projected(name)
        }
        return {**encoders, **heads}

    def head(self, dtype: str) -> MLP:
        """Return the map from the features of a field into the common space."""
        return MLP((), self.projector_dim, output_bias=False, dtype=dtype)

    def run_once(self, net):
        for name in self.components:
            own = name == self.run.name
            x = self.blank() if own else blank(self.run.spec.fields[name])
            features = self.features(net, name, self.encode(net, name, x))
            if not self._is_projected(name) and features.shape[1] != self.projector_dim:
                raise UserError(
                    f"config.objective.projector_dim={self.projector_dim} must be "
                    f"{features.shape[1]}, the size of the features of {name!r}, with "
                    "config.objective.project_own=False"
                )
            self._projected(net, name, features)

    def encode(self, net: Net, name: str, x: Any) -> Encoded:
        """Return what the encoder of a field gives; a frozen one gets no gradient."""
        component = self.components[name]
        if name in self.freeze and net.params.get(component) is not None:
            params = {component: jax.lax.stop_gradient(net.params[component])}
            net = Net(self.networks, params, net.stats, train=False)
        return getattr(net, component)(x)

    def features(self, net: Net, name: str, encoded: Encoded) -> Array:
        """Return the features [B, D] of a field that are evaluated, and projected."""
        return encoded.pooled

    def inputs(self, key: Array, batch: Batch) -> dict[str, Any]:
        """Return what the encoders are shown in a step, by field: a view, and the other as is."""
        return {
            name: self.views.stacked(key, batch)[:, 0]
            if name == self.run.name
            else self._plain(batch, name)
            for name in self.components
        }

    def project(self, net: Net, key: Array, batch: Batch) -> dict[str, Array]:
        """Return the projections [B, projector_dim] of each field."""
        shown = self.inputs(key, batch)
        whole = self.whole(batch)
        return {
            name: self._projected(
                net, name, self.features(net, name, self.encode(net, name, x)), whole
            )
            for name, x in shown.items()
        }

    def whole(self, batch: Batch) -> Array | None:
        """Return which examples are pairs, bool[B]: they have both fields. None: all are."""
        return present(batch, *self.components)

    def over_pairs(self, value: Array, batch: Batch, metrics: Mapping[str, Array] = {}) -> Loss:
        """Return the loss of a batch.

        Args:
          value: [B], 0 where the example is no pair, of which the mean over the pairs is meant; or
            the loss of all pairs together.
          batch: if examples may lack a field, the metric "pairs" is the share of those that do not.
          metrics: see `Loss`.

        Returns:
          The mean, weighted among micro-batches by the number of pairs; 0 without any pair.
        """
        whole = self.whole(batch)
        if whole is None:
            return Loss(jnp.mean(value), metrics)
        count = jnp.sum(whole).astype(jnp.float32)
        if jnp.ndim(value):
            value = jnp.sum(value) / jnp.maximum(count, 1)
        return Loss(value, {**metrics, "pairs": jnp.mean(whole)}, weight=count)

    def _is_projected(self, name: str) -> bool:
        return self.project_own or name != self.run.name

    def _projected(self, net: Net, name: str, features: Array, whole: Array | None = None) -> Array:
        if not self._is_projected(name):
            return features
        options = {} if whole is None else {"present": whole}
        return getattr(net, f"{name}_projector")(features, **options)

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
        encoded = {name: self.encode(net, name, self._plain(batch, name)) for name in found}
        outputs = {name: self.features(net, name, encoded[name]) for name in found}
        for name in found:
            projected = self._projected(net, name, outputs[name])
            outputs[f"projected/{name}"] = l2_normalize(projected)
            outputs[f"tokens/{name}"] = encoded[name].tokens
        return outputs

    def encoder_of(self, name):
        return self.components[name]

    def _plain(self, batch: Batch, name: str):
        return plain(batch[name], self.run.spec.fields[name])
