"""`tfds:NAME`: a data set by its TFDS name, from the folder of prepared sets.

    tfds:fashion_mnist
    tfds:imdb_reviews/plain_text:1.0.0         a config, a version
    tfds:ag_news_subset?text=description       which feature is the text; likewise image, video,
                                               audio and label
    tfds:speech_commands?rate=8000             sounds, resampled
    tfds:ucf101/ucf101_1?fps=25                how many frames of its videos a second has

Where nobody names them, "image", "video", "audio" or "speech", "text" and "label" are read, those
that the set has. Sounds and videos need TensorFlow, as TFDS reads them with it; images and texts
do not. Sets that fit into 1 GiB are decoded once, but for videos.
"""

import pathlib

from ssljax.data.sources.base import Options, Source
from ssljax.data.sources.documents import parsed
from ssljax.data.sources.prepared import open_prepared, versions
from ssljax.data.sources.tfds_features import OPTIONS
from ssljax.data.storage import data_directory
from ssljax.errors import UserError


def open_tfds(rest: str, options: Options) -> Source:
    """Open NAME, NAME/CONFIG, NAME:VERSION or NAME/CONFIG:VERSION; the newest version if none.

    Raises:
      UserError: it is not prepared, an unknown option; see `open_prepared`.
    """
    name, chosen = parsed(rest, "tfds", OPTIONS)
    found = find_prepared(name, data_directory(options.data_dir))
    if found is None:
        where = data_directory(options.data_dir)
        raise UserError(
            f"{name!r} is not prepared in {where}; "
            f"prepare it with: python -m ssljax data prepare {name}"
        )
    return open_prepared(found, options, chosen)


def find_prepared(name: str, data_dir: pathlib.Path) -> pathlib.Path | None:
    """Return the folder of a prepared data set, or None."""
    name, _, version = name.partition(":")
    folder = data_dir / name
    found = versions(folder)
    if not found and "/" not in name and folder.is_dir():
        configs = [p for p in sorted(folder.iterdir()) if versions(p)]
        if len(configs) > 1:
            choices = ", ".join(f"{name}/{p.name}" for p in configs)
            raise UserError(f"{name!r} is prepared in several configs; choose one: {choices}")
        found = versions(configs[0]) if configs else []
    if version:
        found = [p for p in found if p.name == version]
    return found[-1] if found else None
