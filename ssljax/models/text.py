"""Transformers of text."""

from typing import ClassVar, Literal

from ssljax.errors import UserError
from ssljax.models.encoder import Encoder, Grid
from ssljax.models.stems import TokenEmbed
from ssljax.schema import Count


class TextTransformer(Encoder):
    """One vector for each id of a vocabulary (BERT, GPT-2).

    Args (fields):
      length: ids that learned positions are made for; shorter texts take the first of them.
      causal: whether a token sees only itself and those before it.
      padding: "seen": tokens see it, and it counts as text where tokens are pooled, as in SigLIP.
      vocab: number of ids; from the data.
      pool: "last" besides: features are the last token that is not padding, which ends the text. A
        causal encoder has seen all of it there (CLIP).
      The others are those of `Encoder`.

    Devlin et al. 2018, arXiv:1810.04805.
    """

    length: Count = 512
    causal: bool = False
    padding: Literal["hidden", "seen"] = "hidden"
    vocab: int = 0
    class_token: bool = False
    pool: Literal["cls", "mean", "last"] = "mean"

    modality: ClassVar[str] = "text"
    stretched: ClassVar[tuple[bool, ...]] = (False,)
    given: ClassVar[tuple[str, ...]] = ("vocab",)

    def grid(self, shape: tuple[int, ...]) -> Grid:
        """Return the number of ids."""
        if len(shape) != 1 or not self.vocab:
            raise UserError(
                f"a text transformer takes ids [N] of a vocabulary, got {list(shape)} and a "
                f"vocabulary of {self.vocab}"
            )
        return shape

    def trained_grid(self, grid: Grid) -> Grid:
        """Return `length`."""
        return (self.length,)

    def stem(self, x, dtype, init):
        """Return the tokens of ids in their order."""
        return TokenEmbed(self.vocab, self.width, dtype, name="token_embed")(x)

    def _segments(self, segments, grid):
        return None if self.padding == "seen" else super()._segments(segments, grid)
