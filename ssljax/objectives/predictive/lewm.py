"""LeWM: a world model that predicts the embedding of the next frame, given an action."""

import dataclasses

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.errors import UserError
from ssljax.losses import sigreg
from ssljax.models import MLP, ActionPredictor
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.views import blank, plain
from ssljax.schema import Count, Decay, Depth, Positive, Width, Widths


@dataclasses.dataclass(frozen=True)
class LeWM(Objective):
    """LeWorldModel: stable end-to-end joint-embedding predictive architecture from pixels (Maes et
    al., 2026).

    The encoder sees each frame of an episode by itself, z_t = projector(encoder(frame t)). From
    `history` embeddings and the actions after them a causal predictor tells each next embedding:

        p_t+1 = q(predictor(z_<=t, a_<=t))
        loss = mean over t of |p_t+1 - z_t+1|^2 / D + weight * mean over t of SIGReg(z_t)

    The target gets a gradient, and nothing follows as a moving average: SIGReg, which tests the
    embeddings of a time against N(0, I), prevents collapse. Embeddings that are N(0, I) and
    predicted by 0 have the first term 1.

    Examples are windows of `history` + 1 frames or more: `episodes:PATH?frames=4`. Of more frames,
    every part of `history` + 1 counts. `config.encoders` has the encoder of the actions, {"action":
    {"name": "step_mlp"}}. Outputs: the embeddings of all frames of a window, one after another, as
    features; the same as tokens; and "rollout", see `rollout`.

    Attributes:
      history: frames that the predictor sees.
      weight: of SIGReg.
      directions: of SIGReg.
      projector_hidden, projector_dim: of the projector, and of q; the embeddings have
        `projector_dim` entries.
      predictor_depth, predictor_heads, predictor_head_dim, predictor_mlp, predictor_dropout: of
        the predictor.

    Paper: https://arxiv.org/abs/2603.19312. Official code: lucas-maes/le-wm, train.py, jepa.py,
    module.py, config/train/model/lewm.yaml, whose sizes are the defaults.
    """

    history: Count = 3
    weight: Positive = 0.09
    directions: Count = 1024
    projector_hidden: Widths = (2048,)
    projector_dim: Width = 192
    predictor_depth: Depth = 6
    predictor_heads: Count = 16
    predictor_head_dim: Width = 64
    predictor_mlp: Width = 2048
    predictor_dropout: Decay = 0.1

    reads = ("video",)
    several_fields = True
    batch_coupled = True
    smallest_batch = 2
    paper = "arXiv:2603.19312"

    def check(self):
        if len(self.run.encoders) != 1:
            raise UserError(
                "lewm needs one encoder of actions; set config.encoders = {'action': {'name': "
                "'step_mlp'}}"
            )
        frames = self.run.field.shape[-4]
        if frames <= self.history:
            raise UserError(
                f"objective.history={self.history} frames predict the one after them, and examples "
                f"have {frames}; set frames={self.history + 1} or more in config.data.source"
            )
        shape = self.run.spec.fields[self.action].shape
        if len(shape) != 2 or shape[0] != frames - 1:
            raise UserError(
                f"lewm needs an action between each two of {frames} frames, and an example of "
                f"{self.action!r} has the shape {list(shape)}; use episodes:PATH?frames={frames}"
            )

    @property
    def action(self) -> str:
        """The name of the field that holds the actions."""
        return next(iter(self.run.encoders))

    def modules(self):
        sizes = self.projector_hidden, self.projector_dim
        how = {"activation": "gelu", "linear_init": "torch", "dtype": self.run.dtype}
        predictor = ActionPredictor(
            frames=self.history,
            depth=self.predictor_depth,
            heads=self.predictor_heads,
            head_dim=self.predictor_head_dim,
            mlp_dim=self.predictor_mlp,
            dropout=self.predictor_dropout,
            dtype=self.run.dtype,
        )
        return {
            "encoder": self.run.encoder,
            f"{self.action}_encoder": self.run.encoders[self.action],
            "projector": MLP(*sizes, **how),
            "predictor": predictor,
            "prediction_projector": MLP(*sizes, **how),
        }

    def run_once(self, net):
        z = self.embeddings(net, self.blank())
        actions = self.actions(net, blank(self.run.spec.fields[self.action]))
        self.predicted(net, z[:, : self.history], actions[:, : self.history])

    def embeddings(self, net, clips):
        """Return those of the frames of normalised clips, float32[B, T, D]."""
        frames = rearrange(clips, "b t ... -> (b t) 1 ...")
        z = net.projector(net.encoder(frames).pooled)
        return rearrange(z, "(b t) d -> b t d", b=len(clips))

    def actions(self, net, actions):
        """Return the embeddings of normalised actions, [B, T, A]."""
        return getattr(net, f"{self.action}_encoder")(actions).tokens

    def predicted(self, net, z, actions):
        """Return the embedding after each of z[B, T, D], T up to `history`, float32[B, T, D]."""
        next_ = rearrange(net.predictor(z, actions), "b t d -> (b t) d")
        return rearrange(net.prediction_projector(next_), "(b t) d -> b t d", b=len(z))

    def seen(self, net, batch):
        """Return the embeddings of what a batch holds of frames and actions."""
        fields = self.run.spec.fields
        name = self.run.name
        z = self.embeddings(net, plain(batch[name], fields[name]))
        if self.action not in batch:
            return z, None
        return z, self.actions(net, plain(batch[self.action], fields[self.action]))

    def loss(self, net, teacher, batch, *, key, step):
        z, actions = self.seen(net, batch)
        first = jnp.arange(z.shape[1] - self.history)[:, None]
        at = first + jnp.arange(self.history)  # [parts, history]
        context, done, target = (
            rearrange(one, "b p h d -> (b p) h d")
            for one in (z[:, at], actions[:, at], z[:, at + 1])
        )
        prediction = jnp.mean(jnp.square(self.predicted(net, context, done) - target))
        directions = jax.random.normal(key, (self.directions, self.projector_dim))
        gaussian = jnp.mean(jax.vmap(sigreg, in_axes=(1, None))(z, directions))
        loss = prediction + self.weight * gaussian
        return Loss(loss, {"prediction": prediction, "sigreg": gaussian})

    def rollout(self, params, state, batch):
        """Return the embeddings of the frames that actions lead to; nothing is drawn.

        Of the frames and the predictions so far the last `history` count, each with the action
        after it. A pure function that can be jitted, and differentiated by the actions.

        Args:
          params, state: see `outputs`.
          batch: by field, clips uint8[B, T, H, W, C] of any number of frames, and actions
            float32[B, T - 1 + k, A] as the data hold them: those between the frames, then k more.

        Returns:
          float32[B, k, D], comparable with the embeddings of frames, the output "tokens/NAME".

        Raises:
          UserError: there are no more actions than lie between the frames.
        """
        net, _ = self.nets(params, state, train=False)
        z, actions = self.seen(net, batch)
        return self.rolled_out(net, z, actions)

    def rolled_out(self, net, z, actions):
        """Return the embeddings [B, k, D] after those of z[B, T, D], with T - 1 + k actions."""
        begun = z.shape[1]
        if actions.shape[1] < begun:
            raise UserError(
                f"{begun} frames have {begun - 1} actions between them; a rollout needs at least "
                f"{begun}, and there are {actions.shape[1]}"
            )
        for now in range(begun, actions.shape[1] + 1):
            of = slice(max(0, now - self.history), now)
            following = self.predicted(net, z[:, of], actions[:, of])[:, -1:]
            z = jnp.concatenate([z, following], axis=1)
        return z[:, begun:]

    def outputs(self, params, state, batch):
        """Return what there is to see of a batch.

        Returns:
          The embeddings of all frames, one after another, [B, T D], under the name of the field;
          the same as [B, T, D] under "tokens/NAME"; and, where there are actions, under "rollout"
          the embeddings [B, T - history, D] that the first `history` frames and the actions lead
          to, which are predictions of those of the frames after them.
        """
        net, _ = self.nets(params, state, train=False)
        z, actions = self.seen(net, batch)
        name = self.run.name
        outputs = {name: rearrange(z, "b t d -> b (t d)"), f"tokens/{name}": z}
        if actions is not None:
            outputs["rollout"] = self.rolled_out(net, z[:, : self.history], actions)
        return outputs

    def encoder_of(self, name):
        return "encoder" if name == self.run.name else f"{name}_encoder"
