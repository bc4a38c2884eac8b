"""Supervised training on labels of any kind: fine-tuning, linear probing, or from scratch."""

import dataclasses
import functools
import math
from typing import Literal

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.errors import UserError
from ssljax.losses import (
    binary_cross_entropy,
    label_cross_entropy,
    mse,
    soft_cross_entropy,
)
from ssljax.models import LinearHead, PooledTanh
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.net import Net
from ssljax.objectives.views import Views, plain
from ssljax.ops.augment import Mixing, mixed
from ssljax.ops.ema import ema as moving_average
from ssljax.ops.labels import smoothed
from ssljax.schema import CountOrNone, Decay, NotNegative, Positive, Share
from ssljax.spec import Value, target_kind


@dataclasses.dataclass(frozen=True)
class Supervised(Objective):
    """A linear head on the encoder predicts the label; its kind decides the loss (MAE and others).

    | label (`ssljax.spec.target_kind`) | head on | loss |
    |---|---|---|
    | class | pooled features | cross entropy, labels smoothed |
    | multi_label | pooled features | binary cross entropy, a mean over labels |
    | regression | pooled features | squared error, targets standardised |
    | mask | tokens, upsampled to the pixels (bilinear) | cross entropy of marked pixels |
    | tokens | tokens of a text | cross entropy of those that have a class |

    With `freeze_encoder` it is the papers' linear probe with augmentation: no gradient of the
    encoder is computed, its batch statistics and parameters stay, drop-path is off. Further
    settings of fine-tuning are elsewhere: `encoder.pool`, `encoder.norm_pooled`,
    `encoder.drop_path`, `optimizer.layer_decay`, and parts that are frozen by a regex in
    `optimizer.param_groups`.

    MAE's fine-tuning pools tokens that no norm has seen, and has a fresh norm of their mean:
    encoder.pool="mean", encoder.norm_pooled=True.

    Attributes:
      views: one view of each example; masks are cropped and mirrored as their images are.
      smoothing: of classes, see `ssljax.ops.labels.smoothed`.
      mixup, cutmix, mix_prob, switch_prob: see `ssljax.ops.augment.Mixing`.
      head_norm: what stands before the linear map: nothing, or a BatchNorm without parameters
        (MAE's linear probe).
      last_blocks: so many last blocks of a transformer whose class tokens (means, where there is
        none) are the features, as in DINO's linear probe; 0: what the encoder pools.
      head_std: standard deviation of the map's kernel at the start.
      head_dropout: share of the features, or tokens, that is hidden from the map in training.
      pooler: whether tanh(linear(x)) of the features comes before the head, as in BERT. It starts
        as that of the run that `init_from` names, if that has one (bert), else afresh.
      freeze_encoder: whether the encoder stays as it is.
      ema: weight of the old parameters in a moving average, which evaluation then sees; 0: none.
      run: see `Objective`.

    Paper: https://arxiv.org/abs/2111.06377 (He et al. 2021, A.1 and A.2). Official code:
    facebookresearch/mae, main_finetune.py and main_linprobe.py; microsoft/unilm,
    beit/run_class_finetuning.py; facebookresearch/dino, eval_linear.py; google-research/bert,
    run_classifier.py (create_model). The moving average is timm's ModelEma: batch statistics are
    averaged too.
    """

    views: Views = Views.crops(crop_scale=(0.08, 1.0), flip=0.5)
    smoothing: Share = 0.0
    mixup: NotNegative = 0.0
    cutmix: NotNegative = 0.0
    mix_prob: Share = 1.0
    switch_prob: Share = 0.5
    head_norm: Literal["none", "batch"] = "none"
    last_blocks: CountOrNone = 0
    head_std: Positive = 0.01
    head_dropout: Decay = 0.0
    pooler: bool = False
    freeze_encoder: bool = False
    ema: Decay = 0.0

    paper = "arXiv:2111.06377"
    predicts = "logits"
    takes_ragged = True

    def check(self):
        if "label" not in self.run.spec.fields:
            raise UserError(
                "config.objective.name='supervised' learns labels, and the batches have none: it "
                "needs data with labels, and config.data.labels=True"
            )
        self.views.require(count=1)
        if not self._outputs:
            raise UserError(
                "config.objective.name='supervised': the data do not say how many classes there "
                "are; a source says it by num_classes or class_names"
            )
        if self.smoothing and self.kind != "class":
            raise UserError(
                f"config.objective.smoothing={self.smoothing} is for labels that are classes, and "
                f"those of the data are of the kind {self.kind}; set it to 0"
            )
        depth = getattr(self.run.encoder, "depth", 0)
        if self.last_blocks > depth or (self.last_blocks and self.of_each_token):
            raise UserError(
                f"config.objective.last_blocks={self.last_blocks} takes class tokens of a "
                f"transformer, of which config.encoder has {depth} blocks; masks and tags are of "
                "its last tokens. Set it to at most that, or 0"
            )
        if self.pooler and (self.of_each_token or self.last_blocks):
            raise UserError(
                "config.objective.pooler=True is for one vector of features of each example; with "
                f"labels of the kind {self.kind} and config.objective.last_blocks="
                f"{self.last_blocks} there is none. Set it to False"
            )
        if self.kind == "letters":
            raise UserError(
                "config.objective.name='supervised' predicts one label of each example, and those "
                "of the data are letters; set config.objective.name='ctc'"
            )
        if self.kind == "tokens" and self.run.field.modality != "text":
            raise UserError(
                "config.objective.name='supervised': a class for each token is for texts, and "
                f"config.encoder reads {self.run.field.modality} data"
            )
        self._check_mixing()

    def _check_mixing(self):
        if not self.mixing:
            return
        key = "mixup" if self.mixup else "cutmix"
        reason = ""
        if self.kind == "mask":
            reason = "masks are not mixed"
        elif self.run.field.ragged:
            reason = "examples of different lengths are not mixed"
        elif any(self.run.field.cardinalities):
            reason = "the data have categories, which have no mean"
        elif self.cutmix and len(self.run.field.shape) < 2:
            key, reason = "cutmix", "examples without a grid have no box to cut"
        elif self.cutmix and self.kind == "regression":
            key, reason = "cutmix", "numbers to regress are not of a part of an example"
        if reason:
            raise UserError(f"config.objective.{key}={getattr(self, key)}: {reason}; set it to 0")

    @functools.cached_property
    def kind(self) -> str:
        """The kind of the labels."""
        return target_kind(self.run.spec.fields["label"])

    @property
    def of_each_token(self) -> bool:
        """Whether the head reads tokens, and not features of the whole example."""
        return self.kind in ("mask", "tokens")

    @property
    def mixing(self) -> Mixing:
        """How examples are mixed; false if they are not."""
        return Mixing(self.mixup, self.cutmix, self.mix_prob, self.switch_prob)

    @property
    def batch_coupled(self) -> bool:
        """Whether an example's loss depends on the others, by mixing or batch normalisation."""
        return bool(self.mixing) or self.head_norm == "batch"

    @property
    def teacher(self) -> tuple[str, ...]:
        """The networks that have a moving average."""
        return tuple(self.networks) if self.ema else ()

    @property
    def features_of_teacher(self) -> bool:
        """Whether evaluation sees the moving average: if there is one."""
        return bool(self.ema)

    @property
    def frozen(self) -> tuple[str, ...]:
        """The networks that are not trained."""
        return ("encoder",) if self.freeze_encoder else ()

    def host_crops(self):
        if self.kind == "mask":
            raise UserError(
                "config.data.ship='crops' crops images without their masks; set "
                "config.data.ship='square'"
            )
        return super().host_crops()

    @property
    def _outputs(self) -> int:
        label = self.run.spec.fields["label"]
        counted = self.kind == "class" or self.of_each_token
        return label.classes if counted else math.prod(label.shape)

    @property
    def continues(self) -> tuple[str, ...]:
        """The networks besides the encoder that start as those of the other run."""
        return ("pooler",) if self.pooler else ()

    def modules(self):
        head = LinearHead(
            self._outputs, self.head_norm, self.head_std, self.head_dropout, dtype=self.run.dtype
        )
        pooler = {"pooler": PooledTanh(dtype=self.run.dtype)} if self.pooler else {}
        return {"encoder": self.run.encoder, **pooler, "head": head}

    def run_once(self, net):
        encoded = self._encode(net, self.blank())
        net.head(encoded.tokens if self.of_each_token else self._features(net, encoded))

    def decay(self, step):
        return self.ema

    def loss(self, net, teacher, batch, *, key, step):
        shown = self.views.stacked(key, batch)[:, 0]
        if self.kind == "mask":
            (masks,) = self.views.masks(key, batch).values()
            logits = rearrange(self._predict(net, shown), "b h w k -> b (h w) k")
            return _loss_of_marked(logits, rearrange(masks[:, 0], "b h w -> b (h w)"))
        if self.kind == "tokens":
            return _loss_of_marked(self._predict(net, shown), batch["label"], accuracy=True)
        targets = self._targets(batch["label"])
        if self.mixing:
            drawn = jax.random.fold_in(key, 1)  # stream 0 is that of the views
            weights, share = self.mixing.draw(drawn, shown.shape[1:-1])
            shown, targets = mixed(shown, weights), mixed(targets, share)
        logits = self._predict(net, shown)
        losses = self._losses(logits, targets)
        if self.kind != "class" or self.mixing:
            return Loss(jnp.mean(losses))
        correct = jnp.argmax(logits, axis=-1) == batch["label"]
        return Loss(jnp.mean(losses), {"accuracy": jnp.mean(correct, dtype=jnp.float32)})

    def _targets(self, labels):
        if self.kind == "class":
            return smoothed(labels, self._outputs, smoothing=self.smoothing)
        if self.kind == "multi_label":
            return labels.astype(jnp.float32)
        return (labels.reshape(len(labels), -1) - self._mean) / self._std

    def _losses(self, logits, targets):
        if self.kind == "class":
            ones = jnp.ones((len(logits), 1), jnp.float32)
            return soft_cross_entropy(logits[:, None], targets[:, None], weights=ones)
        return (
            binary_cross_entropy(logits, targets)
            if self.kind == "multi_label"
            else mse(logits, targets)
        )

    def _predict(self, net, shown):
        """Return the head's output: [B, K], of tokens [B, N, K], of masks [B, h, w, K] at the
        pixels of `shown`."""
        if self.freeze_encoder:
            still = Net(self.networks, jax.lax.stop_gradient(net.params), net.stats, train=False)
            return self._head(net, jax.lax.stop_gradient(self._encode(still, shown)), shown)
        return self._head(net, self._encode(net, shown), shown)

    def _encode(self, net, shown):
        return net.encoder(shown, **({"layers": True} if self.last_blocks else {}))

    def _features(self, net, encoded):
        if self.pooler:
            return net.pooler(encoded.pooled)
        if not self.last_blocks:
            return encoded.pooled
        return rearrange(encoded.layers[:, -self.last_blocks :, 0], "b l d -> b (l d)")

    def _head(self, net, encoded, shown):
        if self.kind == "tokens":
            return net.head(encoded.tokens)
        if self.kind != "mask":
            return net.head(self._features(net, encoded))
        rows, columns = self._token_grid(encoded.tokens.shape[1], shown.shape[1:])
        coarse = rearrange(net.head(encoded.tokens), "b (r c) k -> b r c k", r=rows, c=columns)
        size = (len(coarse), *shown.shape[1:3], coarse.shape[-1])
        return jax.image.resize(coarse, size, "linear")

    def _token_grid(self, count, shape):
        """Return rows and columns of the tokens of an image: of a ResNet, those of its last map."""
        if hasattr(self.run.encoder, "grid"):
            return self.run.encoder.grid(shape)
        rows = round(math.sqrt(count * shape[0] / shape[1]))
        if rows < 1 or count % rows:
            raise UserError(
                f"the {count} tokens of images of {shape[0]}x{shape[1]} do not lie on a grid of "
                "that aspect; choose another config.data.image_size"
            )
        return rows, count // rows

    @property
    def _mean(self):
        return jnp.asarray(self.run.spec.fields["label"].mean, jnp.float32)

    @property
    def _std(self):
        return jnp.asarray(self.run.spec.fields["label"].std, jnp.float32)

    def advance(self, params, state, carry, *, step):
        before = state.get("teacher_stats")
        params, state = super().advance(params, state, carry, step=step)
        if self.ema:
            now = {name: state["stats"][name] for name in self.teacher}
            state = {**state, "teacher_stats": moving_average(before, now, self.ema)}
        return params, state

    def outputs(self, params, state, batch):
        """Return the features and tokens of `Objective.outputs`, and what the head says of them.

        Returns:
          "logits" besides: float32 [B, K] before the softmax (class) or the sigmoid (multi_label);
          predictions in the units of the targets (regression); [B, h, w, K] (mask); [B, N, K]
          (tokens).
        """
        net = self.evaluated(params, state)
        shown = plain(batch[self.run.name], self.run.field)
        encoded = self._encode(net, shown)
        data = shown.data if isinstance(shown, Value) else shown
        logits = self._head(net, encoded, data).astype(jnp.float32)
        if self.kind == "regression":
            logits = logits * self._std + self._mean
        return {
            self.run.name: encoded.pooled,
            f"tokens/{self.run.name}": encoded.tokens,
            "logits": logits,
        }


def _loss_of_marked(logits, labels, *, accuracy=False):
    """Return the mean over the places of a batch that have a class, of which examples have any
    number.

    Args:
      logits: [B, N, K].
      labels: int32[B, N]; below 0: none.
      accuracy: whether the share that is right is logged.
    """
    marked = labels >= 0
    losses = label_cross_entropy(logits, labels)
    counts = jnp.sum(marked, axis=1).astype(jnp.float32)
    total = jnp.sum(counts)
    # Of a batch without any such place the loss is 0, and weighs nothing.
    value = jnp.sum(losses * counts) / jnp.maximum(total, 1)
    if not accuracy:
        return Loss(value, weight=total)
    right = jnp.sum(marked & (jnp.argmax(logits, axis=-1) == labels), dtype=jnp.float32)
    return Loss(value, {"accuracy": right / jnp.maximum(total, 1)}, weight=total)
