"""The encoder of every kind of data: tokens from a stem, positions, a transformer."""

import math
from typing import Annotated, ClassVar, Literal

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import linen as nn

from ssljax.errors import UserError, unknown
from ssljax.models.attention import KERNELS as ATTENTION
from ssljax.models.base import Encoded, compute_dtype
from ssljax.models.grad_cache import in_parts
from ssljax.models.initializers import (
    BLOCKS,
    KERNELS,
    TOKENS,
    block_initializer,
    token_initializer,
)
from ssljax.models.pooling import AttentionPool
from ssljax.models.positions import (
    FIXED,
    INTERPOLATIONS,
    ROTARY,
    cells,
    resample,
)
from ssljax.models.transformer import REMAT_POLICIES, LayerNorm, Transformer, linear
from ssljax.schema import (
    Above,
    AtMost,
    Count,
    CountOrNone,
    Decay,
    Depth,
    Dtype,
    OneOf,
    Part,
    Share,
    Width,
)
from ssljax.spec import Value

Grid = tuple[int, ...]
POSITIONS = ("learned", *FIXED, *ROTARY, "none")


class Encoder(nn.Module):
    """Tokens, positions, a class token, and a transformer; abstract.

    A subclass says of which `modality` its examples are, how they become tokens (`stem`), on which
    `grid` these lie, and for which its positions are made (`trained_grid`). Axes that are
    `stretched` hold the same extent at any number of cells, as those of an image, so that positions
    are fitted to another grid; the cells of any other axis, such as time, are counted.

    Args (fields):
      width, depth, heads: of the transformer.
      positions: "learned" (normal, std 0.02), "sincos" (fixed, MAE's), "sincos_numbered" (fixed,
        of the number of a token alone, as in VideoMAE), "rotary" (queries and keys are turned, see
        `ssljax.models.positions.rotary_angles`), "rotary_v_jepa2" (likewise, as V-JEPA 2's code
        does it, on any grid by its cells) or "none".
      positions_interpolation: how learned positions are fitted to another grid, see
        `ssljax.models.positions.resample`.
      class_token: whether there is one.
      class_position: whether it has a position of its own where positions are learned.
      registers: number of further learned tokens, without position, that are dropped at the end
        (Darcet et al. 2023, arXiv:2309.16588).
      pool: features are the class token ("cls") or the mean of the other tokens ("mean"), after the
        last norm. The mean leaves out padding.
      norm_pooled: whether the last norm is of the mean, and not of each token before it, as in
        MAE's fine-tuning (`global_pool`) and timm's `fc_norm`. `tokens` then have no last norm.
      embedding_norm: whether tokens pass a norm before the first block, class token and positions
        included (CLIP's images, BERT).
      dropout: probability of setting an entry of a token to 0 before the first block, and see
        `Transformer`.
      mlp_ratio, activation, norm_first, shared_layers, attention_dropout, drop_path,
        drop_path_uniform, layer_scale, qkv_bias, qk_norm, norm_epsilon, kernel_init, attention,
        scan, remat: see `Transformer`.
      patch_init: how the map of the patches starts, a name of `ssljax.models.initializers.KERNELS`;
        "" for as the transformer.
      token_init: how class token and registers start, a name of `TOKENS` there.
      grad_cache: into how many parts a batch is cut in training, see `in_parts`; 1 for none.
      dtype: "float32" or "bfloat16", for products and activations; parameters and pooled features
        are float32.

    Dosovitskiy et al. 2020, arXiv:2010.11929.
    """

    width: Width = 384
    depth: Depth = 12
    heads: Count = 6
    positions: Literal[POSITIONS] = "learned"
    positions_interpolation: Annotated[str, OneOf(INTERPOLATIONS)] = "lowpass"
    class_token: bool = True
    class_position: bool = True
    registers: CountOrNone = 0
    pool: Literal["cls", "mean"] = "cls"
    norm_pooled: bool = False
    embedding_norm: bool = False
    mlp_ratio: Annotated[float, Above(0), AtMost(64)] = 4.0
    activation: Literal["gelu", "gelu_tanh", "gelu_quick", "swiglu"] = "gelu"
    norm_first: bool = True
    shared_layers: bool = False
    dropout: Decay = 0.0
    attention_dropout: Decay = 0.0
    drop_path: Decay = 0.0
    drop_path_uniform: bool = False
    layer_scale: Share = 0.0
    qkv_bias: bool = True
    qk_norm: bool = False
    norm_epsilon: Part = 1e-6
    kernel_init: Annotated[str, OneOf(BLOCKS)] = "xavier"
    patch_init: Annotated[str, OneOf(("", *KERNELS))] = ""
    token_init: Annotated[str, OneOf(TOKENS)] = "normal"
    attention: Literal[ATTENTION] = "auto"
    scan: bool = True
    remat: Annotated[str, OneOf(REMAT_POLICIES)] = "none"
    grad_cache: Count = 1
    dtype: Dtype = "float32"

    modality: ClassVar[str]
    stretched: ClassVar[tuple[bool, ...]]  # one for each axis of the grid
    patch: ClassVar[Grid] = ()  # sides of a patch, where the stem cuts patches
    causal: ClassVar[bool] = False  # whether a token sees only itself and those before it
    position_offset: ClassVar[int] = 0  # learned positions before the first that is used

    def grid(self, shape: tuple[int, ...]) -> Grid:
        """Return the grid of the tokens of an example of that shape, without the batch's axis.

        Raises:
          UserError: the stem does not take such examples; the message names the encoder's field.
        """
        raise NotImplementedError

    def trained_grid(self, grid: Grid) -> Grid:
        """Return the grid that positions are made for; `grid` is that of the input."""
        raise NotImplementedError

    def stem(self, x: jax.Array, dtype: jnp.dtype, init: str) -> jax.Array:
        """Return the tokens[B, N, width] of a batch, row-major."""
        raise NotImplementedError

    def rescaled(self, tokens: jax.Array, x: jax.Array, segments: jax.Array | None) -> jax.Array:
        """Return the tokens of the stem as they go on; here as they are."""
        return tokens

    def types(self, x: jax.Array, segments: jax.Array | None, given: jax.Array | None):
        """Return what is added to tokens by their type, [B, N, width]; None for nothing.

        Args:
          x, segments: the batch.
          given: int32[B, N], the types, as far as the caller knows them.
        """
        return None

    @property
    def embedded_width(self) -> int:
        """The size of a token before the trunk."""
        return self.width

    @property
    def hop(self) -> int:
        """Entries of an example's first axis from one token to the next."""
        return self.patch[0] if self.patch else 1

    @nn.nowrap
    def check_fields(self) -> None:
        """Raise a UserError for fields that do not fit each other."""
        rank = len(self.stretched)
        if self.width % self.heads:
            raise UserError(f"encoder.heads={self.heads} must divide encoder.width={self.width}")
        if self.positions == "sincos" and rank < 3 and self.width % (2 * rank):
            raise UserError(
                f"encoder.width={self.width} must be divisible by {2 * rank} with "
                "encoder.positions='sincos'"
            )
        if self.mlp_ratio * self.width < 1:
            raise UserError(
                f"encoder.mlp_ratio={self.mlp_ratio} leaves no hidden unit of encoder.width="
                f"{self.width}; it must be at least 1 / width"
            )
        head = self.width // self.heads
        if self.positions in ROTARY and (head % 2 or head < 2 * rank):
            raise UserError(
                f"encoder.width / encoder.heads = {head} must be even and at least {2 * rank} with "
                f"encoder.positions={self.positions!r}"
            )
        if self.pool == "cls" and not self.class_token:
            raise UserError(
                "encoder.pool='cls' needs encoder.class_token=True; without a class token set "
                "encoder.pool='mean'"
            )
        if self.norm_pooled and self.pool != "mean":
            raise UserError(
                f"encoder.norm_pooled=True needs encoder.pool='mean', not {self.pool!r}: a class "
                "token has the last norm already"
            )
        if self.norm_pooled and not self.norm_first:
            raise UserError(
                "encoder.norm_pooled=True needs encoder.norm_first=True: with a norm after each "
                "branch there is no last norm to move behind the mean"
            )
        if self.shared_layers and self.kernel_init.endswith("_by_depth"):
            raise UserError(
                f"encoder.kernel_init={self.kernel_init!r} differs between layers; with "
                "encoder.shared_layers=True choose another"
            )
        if self.attention_dropout and self.attention not in ("auto", "xla"):
            raise UserError(
                f"encoder.attention_dropout={self.attention_dropout} needs encoder.attention="
                f"'auto' or 'xla', not {self.attention!r}, which never holds the weights"
            )
        if self.pool == "cls" and self.causal:
            raise UserError(
                "encoder.pool='cls' needs encoder.causal=False: the class token comes first, and "
                "would see nothing else; set encoder.pool='mean'"
            )

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        *,
        train: bool,
        keep: jax.Array | None = None,
        masked: jax.Array | None = None,
        mask_token: jax.Array | None = None,
        masked_channels: jax.Array | None = None,
        segments: jax.Array | None = None,
        types: jax.Array | None = None,
        mlp_outputs: bool = False,
        layers: bool = False,
        beside: jax.Array | Value | None = None,
    ) -> Encoded:
        """Encode x[B, *shape], already normalised.

        Args:
          x: a batch whose examples `grid` takes.
          train: whether drop-path and dropout act.
          keep: int32[B, K], row-major indices of the tokens to encode (MAE's visible ones), None
            for all. They are taken after positions are added, so a token keeps the position it has
            in the full example. Or int32[B, M, K], M choices of each example: the results are those
            of a batch (b m).
          masked: bool[B, N], tokens to hide behind `mask_token` (SimMIM, BEiT, iBOT). They are
            replaced before positions are added.
          mask_token: float[width], needed with `masked`. It is the objective's parameter and not
            the encoder's, which so is the same whatever it is trained by.
          masked_channels: bool[B, width], entries of all tokens of an example that are set to 0
            after any are hidden, before positions are added (wav2vec 2.0's fine-tuning).
          segments: int32[B, S] along the first axis of an example: 0 for padding, 1, 2, ... for the
            examples packed into a row. A token is of the segment in which it begins, and sees only
            its own. On a grid of one axis, positions are counted from the start of each segment.
            Class token and registers are of segment 1, so packed rows are for encoders without
            them, and what is pooled is the mean of all that is not padding.
          types: int32[B, N], the types of the tokens, for encoders that have some.
          mlp_outputs: whether to return what the MLP of every block adds.
          layers: whether to return what every block gives, see `Encoded`; not both.
          beside: [B, M, width], tokens of another input, placed already, which follow the N of x:
            `keep` may choose among all. A `Value` has the segments of those tokens too, 0 for
            padding; the tokens of x are of segment 1, where `segments` does not say otherwise. Not
            with `grad_cache` or rotary positions.

        Returns:
          `tokens` are those of the (kept) patches, in the order of `keep`.
        """

        def encode(encoder, x, keep, masked, segments, types, masked_channels):
            asked = {"mlp_outputs": mlp_outputs, "layers": layers, "train": train}
            if masked_channels is not None:
                asked["masked_channels"] = masked_channels
            if beside is not None:
                asked["beside"] = beside
            return encoder._encode(x, keep, masked, mask_token, segments, types, **asked)

        if self.grad_cache == 1 or not train:
            return encode(self, x, keep, masked, segments, types, masked_channels)
        inputs = x, keep, masked, segments, types, masked_channels
        return in_parts(encode, self, self.grad_cache, *inputs)

    def _encode(
        self,
        x,
        keep,
        masked,
        mask_token,
        segments,
        types,
        *,
        train,
        mlp_outputs,
        layers,
        beside=None,
        masked_channels=None,
    ):
        dtype = compute_dtype(self.dtype)
        block_initializer(self.kernel_init)  # its error names the key
        init = self.patch_init or self.kernel_init.partition("_by_")[0]
        grid = self.grid(x.shape[1:])
        tokens, frames = self._tokens(x, dtype, init, train)
        tokens = self.rescaled(tokens, x, segments)
        if masked is not None:
            tokens = jnp.where(masked[:, :, None], mask_token.astype(dtype), tokens)
        if masked_channels is not None:
            tokens = jnp.where(masked_channels[:, None, :], 0, tokens)
        if (by_type := self.types(x, segments, types)) is not None:
            tokens = tokens + by_type.astype(dtype)
        if segments is not None:
            segments = self._segments(segments, grid)
        tokens, on_class, segments, angles = self._placed(tokens, grid, segments, keep, beside)
        first = self._first_tokens(on_class).astype(dtype)
        tokens = jnp.concatenate(
            [jnp.broadcast_to(first, (tokens.shape[0], *first.shape)), tokens], axis=1
        )
        tokens = self._embedded(tokens, dtype, train)
        before = (0, 0), (len(first), 0)
        tokens = self._trunk(dtype)(
            tokens,
            train=train,
            mlp_outputs=mlp_outputs,
            layers=layers,
            segments=None if segments is None else jnp.pad(segments, before, constant_values=1),
            angles=None if angles is None else jnp.pad(angles, (*before, (0, 0))),
        )
        tokens, added = tokens if mlp_outputs or layers else (tokens, None)
        patch_tokens = tokens[:, len(first) :]
        pooled = self._features(tokens, patch_tokens, segments)
        if self.norm_pooled:
            pooled = LayerNorm(self.norm_epsilon, name="pooled_norm")(pooled)
        pooled = pooled.astype(jnp.float32)
        if layers:
            layers = self._layers(added, len(first), segments)
            return Encoded(pooled, patch_tokens, layers=layers, frames=frames)
        added = added[:, :, len(first) :] if mlp_outputs else None
        return Encoded(pooled, patch_tokens, added, frames=frames)

    def _tokens(self, x: jax.Array, dtype: jnp.dtype, init: str, train: bool):
        """Return the tokens of a batch, and the frames that they were made of, if there are any."""
        return self.stem(x, dtype, init), None

    def _placed(self, tokens: jax.Array, grid: Grid, segments: jax.Array | None, keep, beside=None):
        """Return the (kept) tokens with their positions, followed by those `beside`; those of the
        class token, the segments of the tokens, and the angles, see `_positions`."""
        on_tokens, on_class, angles = self._positions(grid, segments)
        if on_tokens is not None:
            tokens = tokens + on_tokens.astype(tokens.dtype)
        if beside is not None:
            tokens, segments = _joined(tokens, segments, beside)
        if keep is not None:
            tokens = kept(tokens, keep)
            segments = None if segments is None else kept(segments, keep)
            angles = None if angles is None else kept(angles, keep)
        return tokens, on_class, segments, angles

    def _embedded(self, tokens: jax.Array, dtype: jnp.dtype, train: bool) -> jax.Array:
        """Return tokens [B, N, embedded_width], all that there are, as the trunk takes them."""
        if self.embedding_norm:
            tokens = LayerNorm(self.norm_epsilon, dtype=dtype, name="embedding_norm")(tokens)
        if self.dropout and train:
            tokens = nn.Dropout(self.dropout, deterministic=False)(tokens)
        if self.embedded_width == self.width:
            return tokens
        init = block_initializer(self.kernel_init)
        return linear(self.width, dtype, "embed_projection", init)(tokens)

    def _features(
        self, tokens: jax.Array, patch_tokens: jax.Array, segments: jax.Array | None
    ) -> jax.Array:
        """Return the features [B, width] of all tokens and of those of patches."""
        return self._pooled(tokens[:, 0], patch_tokens, segments)

    def _pooled(self, first: jax.Array, tokens: jax.Array, segments: jax.Array | None) -> jax.Array:
        """Return the features [B, width]; `first` is the first token of all."""
        if self.pool in ("cls", "first"):
            return first
        if self.pool == "map":
            return AttentionPool(
                heads=self.heads,
                mlp_ratio=self.mlp_ratio,
                activation=self.activation,
                norm_epsilon=self.norm_epsilon,
                kernel_init=block_initializer(self.kernel_init),
                dtype=compute_dtype(self.dtype),
                name="pool_map",
            )(tokens)
        return (_last if self.pool == "last" else _mean)(tokens, segments)

    def _layers(self, tokens: jax.Array, first: int, segments: jax.Array | None) -> jax.Array:
        """Return [B, L, 2, D] of the tokens [L, B, N, D] of every block."""
        others = tokens[:, :, first:]
        mean = jax.vmap(_mean, in_axes=(0, None))(others, segments)
        begins = self.class_token or self.pool == "first"
        on_class = tokens[:, :, 0] if begins else mean
        return rearrange([on_class, mean], "k l b d -> b l k d").astype(jnp.float32)

    def _segments(self, segments: jax.Array, grid: Grid) -> jax.Array:
        """Return int32[B, N], the segments of the tokens."""
        first = segments[:, :: self.hop][:, : grid[0]]
        return jnp.repeat(first, math.prod(grid[1:]), axis=1)

    def _positions(self, grid: Grid, segments: jax.Array | None):
        """Return positions of the tokens [N, width] or [B, N, width], those of the class token
        [0 or 1, width], and angles [1 or B, N, d/2 or d]; None where there are none."""
        made_for = self.trained_grid(grid)
        fitted = tuple(
            of if stretched else n
            for n, of, stretched in zip(grid, made_for, self.stretched, strict=True)
        )
        packed = segments is not None and len(grid) == 1
        none = jnp.zeros((int(self.class_token), self.embedded_width))
        if self.positions == "none":
            return None, none, None
        if self.positions in ROTARY:
            of = grid if self.positions == "rotary_v_jepa2" else fitted
            places = cells(grid, of)
            places = within(segments)[:, :, None] if packed else places
            return None, none, ROTARY[self.positions](places, self.width // self.heads)
        if self.positions in FIXED:
            table = FIXED[self.positions](grid, self.embedded_width, trained_on=fitted)
            table, on_class = jnp.asarray(table), none
        elif self.positions == "learned":
            table, on_class = self._learned(grid, made_for, fitted)
        else:
            raise unknown("positions", self.positions, POSITIONS)
        return jnp.take(table, within(segments), axis=0) if packed else table, on_class, None

    def _learned(self, grid: Grid, made_for: Grid, fitted: Grid) -> tuple[jax.Array, jax.Array]:
        count = int(self.class_token and self.class_position)
        offset = count + self.position_offset
        shape = (offset + math.prod(made_for), self.embedded_width)
        table = self.param("pos_embed", nn.initializers.normal(0.02), shape)
        on_tokens = table[offset:]
        if fitted != made_for:
            if any(n > of for n, of in zip(fitted, made_for, strict=True)):
                raise UserError(
                    f"an example has {' x '.join(map(str, grid))} tokens, and the encoder's "
                    f"learned positions are made for {' x '.join(map(str, made_for))}; set "
                    "encoder.length or encoder.frames to the longest example, or "
                    "encoder.positions='sincos'"
                )
            first = on_tokens.reshape(*made_for, -1)[tuple(map(slice, fitted))]
            on_tokens = first.reshape(-1, self.embedded_width)
        on_class = table[:count] if count else jnp.zeros((int(self.class_token), self.width))
        return resample(on_tokens, fitted, grid, how=self.positions_interpolation), on_class

    def _first_tokens(self, position: jax.Array) -> jax.Array:
        """Return the class token and the registers, [0 or more, width]."""
        tokens, init = [], token_initializer(self.token_init)
        if self.class_token:
            tokens.append(self.param("cls_token", init, (1, self.width)) + position)
        if self.registers:
            tokens.append(self.param("register_tokens", init, (self.registers, self.width)))
        return jnp.concatenate(tokens) if tokens else jnp.zeros((0, self.embedded_width))

    def _trunk(self, dtype: jnp.dtype) -> Transformer:
        return Transformer(
            depth=self.depth,
            heads=self.heads,
            mlp_ratio=self.mlp_ratio,
            activation=self.activation,
            norm_first=self.norm_first,
            shared_layers=self.shared_layers,
            dropout=self.dropout,
            attention_dropout=self.attention_dropout,
            drop_path=self.drop_path,
            drop_path_uniform=self.drop_path_uniform,
            layer_scale=self.layer_scale,
            qkv_bias=self.qkv_bias,
            qk_norm=self.qk_norm,
            norm_epsilon=self.norm_epsilon,
            kernel_init=self.kernel_init,
            causal=self.causal,
            attention=self.attention,
            scan=self.scan,
            remat=self.remat,
            last_norm=not self.norm_pooled,
            dtype=dtype,
            name="trunk",
        )


def _joined(tokens: jax.Array, segments: jax.Array | None, beside: jax.Array | Value):
    """Return tokens followed by those beside them, and the segments of all, if there are any."""
    further = None
    if isinstance(beside, Value):
        beside, further = beside.data, beside.segments
    all_tokens = jnp.concatenate([tokens, beside.astype(tokens.dtype)], axis=1)
    if segments is None and further is None:
        return all_tokens, None
    pair = (segments, tokens), (further, beside)
    told = [jnp.ones(of.shape[:2], jnp.int32) if one is None else one for one, of in pair]
    return all_tokens, jnp.concatenate(told, axis=1)


def kept(x: jax.Array, keep: jax.Array) -> jax.Array:
    """Return x[1 or B, N, ...] at keep[B, K] or keep[B, M, K], as [B, K, ...] or [B M, K, ...]."""
    wide = x.reshape(*x.shape[:2], -1)
    chosen = jnp.take_along_axis(
        jnp.broadcast_to(wide, (len(keep), *wide.shape[1:])), keep.reshape(len(keep), -1, 1), axis=1
    )
    chosen = rearrange(chosen, "b (m k) d -> (b m) k d", k=keep.shape[-1])
    return chosen.reshape(*chosen.shape[:2], *x.shape[2:])


def within(segments: jax.Array) -> jax.Array:
    """Return int32[B, N], how many tokens of a row's segment come before each."""
    at = jnp.arange(segments.shape[1])
    starts = jnp.pad(segments[:, 1:] != segments[:, :-1], ((0, 0), (1, 0)))
    return at - jax.lax.cummax(jnp.where(starts, at, 0), axis=1)


def _mean(tokens: jax.Array, segments: jax.Array | None) -> jax.Array:
    if segments is None:
        return jnp.mean(tokens, axis=1, dtype=jnp.float32)
    weights = (segments > 0).astype(jnp.float32)
    total = jnp.einsum("bn,bnd->bd", weights, tokens.astype(jnp.float32))
    return total / jnp.maximum(weights.sum(axis=1, keepdims=True), 1)


def _last(tokens: jax.Array, segments: jax.Array | None) -> jax.Array:
    """Return the last of tokens[B, N, D] of each row that is not padding."""
    if segments is None:
        return tokens[:, -1]
    places = jnp.where(segments > 0, jnp.arange(segments.shape[1]), 0)
    return jnp.take_along_axis(tokens, places.max(axis=1)[:, None, None], axis=1)[:, 0]
