"""Which transform a field needs, by its modality."""

from collections.abc import Mapping
from typing import Any

from ssljax.data import images
from ssljax.data.host.base import HostTransform
from ssljax.data.host.image import CentreCrop, RandomResizedCrop
from ssljax.data.host.mask import MaskCrop
from ssljax.data.host.series import Window, sound_transform
from ssljax.data.host.tags import TagsCut
from ssljax.data.host.text import text_transform
from ssljax.data.host.video import ONE_CLIP, Clips, Sampling
from ssljax.errors import UserError
from ssljax.spec import Field, target_kind

Length = int | Mapping[str, int] | None  # of all fields, or of each by its name; None keeps them


def given_length(section: Any) -> Length:
    """Return `config.data.length`, a number or a section, as transforms take it."""
    return dict(section.items()) if hasattr(section, "items") else section or None


def length_of(length: Length, name: str) -> int | None:
    """Return the length of a field; None keeps it."""
    return length.get(name) if isinstance(length, Mapping) else length


def fixed(
    fields: Mapping[str, Field],
    size: images.Size | None,
    length: Length,
    shorter: int = 0,
    clips: Sampling = ONE_CLIP,
) -> dict[str, HostTransform]:
    """Return the transforms, by field, that draw nothing at random; none for a field that fits.

    Args:
      fields: of the data set, as read.
      size: of images, in pixels; None keeps them.
      length: of series, in steps, of sound, in samples, of text, in tokens, and of clips of videos,
        in frames; None keeps them. A mapping has those of fields by name.
      shorter: what the shorter side of images is resized to before the crop; 0: as far as `size`
        needs. Images whose shorter side is that of `size` already stay as they are.
      clips: how those are taken of a video.
    """
    found: dict[str, HostTransform] = {}
    for name, field in fields.items():
        own = length_of(length, name)
        if field.modality == "image" and size is not None and not _is_of(field, size):
            found[name] = CentreCrop(_one_name(size), shorter)
        if field.modality == "label" and len(field.shape) == 2 and size is not None:
            if not _is_of(field, size):
                found[name] = MaskCrop(_one_name(size), shorter)
        if field.modality == "series" and own not in (None, field.shape[0]):
            found[name] = Window(own, field.mean)
        if field.modality == "audio" and own not in (None, field.shape[0]):
            found[name] = sound_transform(field, own)
        if field.modality == "text" and own not in (None, field.shape[0]):
            found[name] = text_transform(field, own)
        if field.modality == "label" and target_kind(field) == "tokens":
            cut = length_of(length, _text_of(fields))
            if cut not in (None, field.shape[0]):
                found[name] = TagsCut(cut, _ends(fields))
        if field.modality == "video" and _are_cut(field, own, clips):
            found[name] = Clips(own, clips)
    return found


def drawn(
    fields: Mapping[str, Field],
    size: images.Size | None,
    scale: tuple[float, float] | None,
    length: Length,
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
        own = length_of(length, name)
        if field.modality == "image" and None in field.shape and scale is not None:
            if masks:
                raise UserError(
                    f"images of several sizes with masks cannot be cropped at random on the host; "
                    f"set config.data.host_crop=() instead of {scale}"
                )
            found[name] = RandomResizedCrop(size, scale)
        if field.modality == "series" and own not in (None, field.shape[0]):
            found[name] = Window(own, field.mean, random=True)
        if field.modality == "audio" and own not in (None, field.shape[0]):
            found[name] = sound_transform(field, own, random=True)
        if field.modality == "text" and len(field.shape) == 2 and own is not None:
            found[name] = text_transform(field, own, random=True)
        if field.modality == "video" and _are_cut(field, own, clips):
            found[name] = Clips(own, clips, random=True)
    return found


def _text_of(fields: Mapping[str, Field]) -> str:
    """Return the name of the text whose words have classes."""
    return next((name for name, field in fields.items() if field.modality == "text"), "")


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
