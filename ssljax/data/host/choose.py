"""Which transform a field needs, by its modality."""

from collections.abc import Mapping

from ssljax.data import images
from ssljax.data.host.base import HostTransform
from ssljax.data.host.image import CentreCrop, RandomResizedCrop
from ssljax.data.host.mask import MaskCrop
from ssljax.data.host.series import Window
from ssljax.data.host.tags import TagsCut
from ssljax.data.host.text import text_transform
from ssljax.data.host.video import ONE_CLIP, Clips, Sampling
from ssljax.errors import UserError
from ssljax.spec import Field, target_kind


def fixed(
    fields: Mapping[str, Field],
    size: images.Size | None,
    length: int | None,
    shorter: int = 0,
    clips: Sampling = ONE_CLIP,
) -> dict[str, HostTransform]:
    """Return the transforms, by field, that draw nothing at random; none for a field that fits.

    Args:
      fields: of the data set, as read.
      size: of images, in pixels; None keeps them.
      length: of series, in steps, of sound, in samples, of text, in tokens, and of clips of videos,
        in frames; None keeps them.
      shorter: what the shorter side of images is resized to before the crop; 0: as far as `size`
        needs. Images whose shorter side is that of `size` already stay as they are.
      clips: how those are taken of a video.
    """
    found: dict[str, HostTransform] = {}
    for name, field in fields.items():
        if field.modality == "image" and size is not None and not _is_of(field, size):
            found[name] = CentreCrop(_one_name(size), shorter)
        if field.modality == "label" and len(field.shape) == 2 and size is not None:
            if not _is_of(field, size):
                found[name] = MaskCrop(_one_name(size), shorter)
        if field.modality == "series" and length not in (None, field.shape[0]):
            found[name] = Window(length, field.mean)
        if field.modality == "audio" and length not in (None, field.shape[0]):
            found[name] = Window(length)
        if field.modality == "text" and length not in (None, field.shape[0]):
            found[name] = text_transform(field, length)
        if field.modality == "label" and target_kind(field) == "tokens":
            if length not in (None, field.shape[0]):
                found[name] = TagsCut(length, _ends(fields))
        if field.modality == "video" and _are_cut(field, length, clips):
            found[name] = Clips(length, clips)
    return found


def drawn(
    fields: Mapping[str, Field],
    size: images.Size | None,
    scale: tuple[float, float] | None,
    length: int | None,
    clips: Sampling = ONE_CLIP,
) -> dict[str, HostTransform]:
    """Return the random transforms of training, by field; the others are `fixed`.

    Args:
      fields, size, length, clips: as `fixed` takes them.
      scale: of the area of images that differ in size; None for none.

    Raises:
      UserError: a random crop of images that have masks, which would not move along.
    """
    found: dict[str, HostTransform] = {}
    masks = any(one.modality == "label" and len(one.shape) == 2 for one in fields.values())
    for name, field in fields.items():
        if field.modality == "image" and None in field.shape and scale is not None:
            if masks:
                raise UserError(
                    f"images of several sizes with masks cannot be cropped at random on the host; "
                    f"set config.data.host_crop=() instead of {scale}"
                )
            found[name] = RandomResizedCrop(size, scale)
        if field.modality == "series" and length not in (None, field.shape[0]):
            found[name] = Window(length, field.mean, random=True)
        if field.modality == "audio" and length not in (None, field.shape[0]):
            found[name] = Window(length, random=True)
        if field.modality == "text" and len(field.shape) == 2 and length is not None:
            found[name] = text_transform(field, length, random=True)
        if field.modality == "video" and _are_cut(field, length, clips):
            found[name] = Clips(length, clips, random=True)
    return found


def _ends(fields: Mapping[str, Field]) -> bool:
    """Say whether texts have a token that ends them."""
    return any("sep" in dict(field.special) for field in fields.values())


def _are_cut(field: Field, length: int | None, clips: Sampling) -> bool:
    """Say whether clips are taken of the videos; if not, they are clips themselves."""
    return length is not None and (length, clips) != (field.shape[0], ONE_CLIP)


def _is_of(field: Field, size: images.Size) -> bool:
    return tuple(field.shape[:2]) == images.both_sides(size)


def _one_name(size: images.Size) -> images.Size:
    """Return one name for one size, as it stands in fingerprints."""
    height, width = images.both_sides(size)
    return height if height == width else (height, width)
