"""What objectives have in common that make an image of features."""

import dataclasses

import jax.numpy as jnp

from ssljax.models import MLP, ImageDecoder
from ssljax.objectives.base import Array, Objective, Run
from ssljax.objectives.views import Views
from ssljax.schema import Size, Width
from ssljax.spec import Field


def image_decoder(
    views: Views, run: Run, *, width: int, doublings: int, norm: bool = False
) -> ImageDecoder:
    """Return the decoder of a vector to an image of the size of the view."""
    shape = (views.size, views.size, run.field.shape[2])
    return ImageDecoder(shape, width=width, doublings=doublings, norm=norm, dtype=run.dtype)


def pixels(images: Array, field: Field) -> Array:
    """Return the pixels of normalised views, in [0, 1] also where they were rounded."""
    return jnp.clip(images * jnp.asarray(field.std) + jnp.asarray(field.mean), 0.0, 1.0)


@dataclasses.dataclass(frozen=True)
class Reconstruction(Objective):
    """An image through `latent_dim` numbers back to an image.

    Attributes:
      views: the single view that is reconstructed.
      latent_dim: numbers that the decoder sees of an image.
      decoder_width, decoder_doublings: of `ssljax.models.ImageDecoder`.
    """

    views: Views = Views.crops(crop_scale=(0.5, 1.0), flip=0.5)
    latent_dim: Width = 128
    decoder_width: Width = 32
    decoder_doublings: Size = 5

    reads = ("image",)
    batch_coupled = True

    def check(self):
        self.views.require(count=1)

    def modules(self):
        return {
            "encoder": self.run.encoder,
            "bottleneck": MLP((), self.latent_dim, dtype=self.run.dtype),
            "decoder": self.decoder(),
        }

    def decoder(self) -> ImageDecoder:
        """Return the network from the code to the image."""
        width, doublings = self.decoder_width, self.decoder_doublings
        return image_decoder(self.views, self.run, width=width, doublings=doublings)

    def run_once(self, net):
        net.decoder(net.bottleneck(net.encoder(self.blank()).pooled))
