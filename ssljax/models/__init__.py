"""Encoders, decoders and heads: the only folder that imports flax; `init` and `apply` hide it."""

from ssljax.models.axes import named
from ssljax.models.base import (
    Encoded,
    apply,
    init,
    init_with_output,
    without_drop_path,
)
from ssljax.models.captioner import CaptionDecoder, CaptionPooler
from ssljax.models.conditional import ActionPredictor
from ssljax.models.cross_decoder import CrossDecoder
from ssljax.models.decoders import ConvDecoder, MAEDecoder, Predictor
from ssljax.models.discriminator import PairDiscriminator
from ssljax.models.first_blocks import first_blocks
from ssljax.models.heads import (
    MLP,
    BilinearForm,
    DINOHead,
    LinearHead,
    MaskToken,
    Prototypes,
    Scalar,
    SquareForm,
    UnitVectors,
)
from ssljax.models.image_decoder import GridDecoder, ImageDecoder
from ssljax.models.normalization import BatchNorm
from ssljax.models.pair_decoder import PairDecoder
from ssljax.models.predictive import DensePredictor
from ssljax.models.quantizer import GumbelQuantizer, Quantized
from ssljax.models.registry import ENCODERS, build_encoder, encoder_class
from ssljax.models.resnet import ResNet
from ssljax.models.stems import PatchEmbed, PlacedPatches, PlacedWords
from ssljax.models.text import TextTransformer
from ssljax.models.text_heads import PooledTanh, TokenHead, WordHead, WordVectors
from ssljax.models.transformer import Transformer, stack_blocks
from ssljax.models.vit import ViT
from ssljax.models.words import WordMean

__all__ = [
    "ENCODERS",
    "MLP",
    "ActionPredictor",
    "BatchNorm",
    "BilinearForm",
    "CaptionDecoder",
    "CaptionPooler",
    "ConvDecoder",
    "CrossDecoder",
    "DINOHead",
    "DensePredictor",
    "Encoded",
    "GridDecoder",
    "GumbelQuantizer",
    "ImageDecoder",
    "LinearHead",
    "MAEDecoder",
    "MaskToken",
    "PairDecoder",
    "PairDiscriminator",
    "PatchEmbed",
    "PlacedPatches",
    "PlacedWords",
    "PooledTanh",
    "Predictor",
    "Quantized",
    "Prototypes",
    "ResNet",
    "Scalar",
    "SquareForm",
    "TextTransformer",
    "TokenHead",
    "UnitVectors",
    "Transformer",
    "ViT",
    "WordHead",
    "WordMean",
    "WordVectors",
    "apply",
    "build_encoder",
    "encoder_class",
    "first_blocks",
    "init",
    "init_with_output",
    "named",
    "stack_blocks",
    "without_drop_path",
]
