"""What objectives have in common that make an image of features."""

from ssljax.models import MLP, Chain, ImageDecoder
from ssljax.objectives.base import Run
from ssljax.objectives.views import Views


def image_shape(views: Views, run: Run) -> tuple[int, int, int]:
    """Return the (height, width, channels) of the only view."""
    (view,) = views.augmentations(run.inputs).values()
    return view.size, view.size, run.inputs.shape[2]


def image_decoder(
    views: Views, run: Run, *, width: int, doublings: int, norm: bool = False
) -> ImageDecoder:
    """Return the decoder of a vector to an image of the size of the view."""
    shape = image_shape(views, run)
    return ImageDecoder(shape, width=width, doublings=doublings, norm=norm, dtype=run.dtype)


def autoencoder(views: Views, run: Run, *, latent_dim: int, width: int, doublings: int) -> Chain:
    """Return the network from an image through `latent_dim` numbers back to an image."""
    bottleneck = MLP((), latent_dim, dtype=run.dtype)
    decoder = image_decoder(views, run, width=width, doublings=doublings)
    return Chain({"encoder": run.encoder, "bottleneck": bottleneck, "decoder": decoder})
