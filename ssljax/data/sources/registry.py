"""The kinds of sources by the prefix of their name."""

import dataclasses
from collections.abc import Callable

from ssljax.data import images
from ssljax.data.decoder import MOST_CHANNELS, Decoder
from ssljax.data.sources.arrayrecord import open_arrayrecord
from ssljax.data.sources.audio import open_audio
from ssljax.data.sources.base import MEMORY_LIMIT, Options, Source
from ssljax.data.sources.digits import open_digits
from ssljax.data.sources.episodes import open_episodes
from ssljax.data.sources.fasta import open_fasta
from ssljax.data.sources.fields import open_csv, open_npz_of_any, open_ts
from ssljax.data.sources.folder import open_folder
from ssljax.data.sources.packaged import open_packaged
from ssljax.data.sources.pairs import open_pairs
from ssljax.data.sources.records import open_jsonl, open_parquet
from ssljax.data.sources.tar_shards import open_tar
from ssljax.data.sources.text_files import open_text
from ssljax.data.sources.tfds import open_tfds
from ssljax.data.sources.tokenized import has_tags, tokenized
from ssljax.data.sources.transformed import resized
from ssljax.data.sources.video_files import open_video
from ssljax.data.storage import data_directory
from ssljax.data.tokenizers.characters import PlainBytes
from ssljax.data.tokenizers.opening import open_tokenizer
from ssljax.errors import UserError, unknown


@dataclasses.dataclass(frozen=True)
class _Kind:
    """A kind of source: how it is written, what it is, and what opens it."""

    usage: str
    description: str
    open: Callable[[str, Options], Source]


_KINDS: dict[str, _Kind] = {
    "tfds": _Kind(
        "tfds:NAME", "a TFDS data set, once prepared with `ssljax data prepare NAME`", open_tfds
    ),
    "folder": _Kind(
        "folder:PATH",
        "image files of any sizes, with or without class folders and splits",
        open_folder,
    ),
    "audio": _Kind(
        "audio:PATH?rate=16000",
        "sound files (wav, flac, ogg, mp3) of any lengths, with or without class folders",
        open_audio,
    ),
    "npz": _Kind(
        "npz:PATH",
        "NumPy arrays `image`, `series`, `table` or `video`, perhaps `label`, by split",
        open_npz_of_any,
    ),
    "episodes": _Kind(
        "episodes:PATH?stack=3 or ?frames=4",
        "pixel observations of episodes, with those before them or with actions",
        open_episodes,
    ),
    "arrayrecord": _Kind(
        "arrayrecord:PATH", "ArrayRecord files, prepared by TFDS or plain", open_arrayrecord
    ),
    "sklearn": _Kind(
        "sklearn:digits", "1,797 grey 8x8 images that come with scikit-learn", open_digits
    ),
    "video": _Kind(
        "video:PATH?fps=RATE&size=PIXELS",
        "animated WebP and GIF, MP4, ..., with or without class folders",
        open_video,
    ),
    "csv": _Kind(
        "csv:PATH?label=COLUMN", "a table of numbers and categories in CSV files", open_csv
    ),
    "text": _Kind("text:PATH", "text files, a document for each file or line", open_text),
    "jsonl": _Kind(
        "jsonl:PATH?text=KEY&label=KEY", "texts in JSON objects, one in each line", open_jsonl
    ),
    "parquet": _Kind(
        "parquet:PATH?text=COLUMN&label=COLUMN", "texts in tables of Apache Parquet", open_parquet
    ),
    "pairs": _Kind(
        "pairs:PATH?label=KEY",
        "images with captions and sounds, by a manifest in JSON lines",
        open_pairs,
    ),
    "tar": _Kind("tar:PATH", "images with texts in tar shards, as of WebDataset", open_tar),
    "fasta": _Kind("fasta:PATH", "proteins or other sequences in FASTA files", open_fasta),
    "ts": _Kind("ts:PATH", "time series in .ts files, as aeon and sktime write them", open_ts),
    "uci": _Kind("uci:adult", "UCI Adult, a table, once prepared", open_packaged),
    "seglearn": _Kind(
        "seglearn:watch", "windows of a smartwatch's sensors, once prepared", open_packaged
    ),
    "debian": _Kind(
        "debian:openclipart",
        "drawings; debian:mricron, asterisk, gcide, proteins, ...; once prepared",
        open_packaged,
    ),
    "pypi": _Kind(
        "pypi:elpv",
        "solar cells; also pypi:newsgroups, r8, r52, texts by topic; once prepared",
        open_packaged,
    ),
    "npm": _Kind(
        "npm:brown",
        "prose by genre; also npm:emoji, with names, npm:emoji_anim; once prepared",
        open_packaged,
    ),
    "ucr": _Kind(
        "ucr:NAME", "a UCR set of time series such as JapaneseVowels, once prepared", open_packaged
    ),
}

KINDS: dict[str, str] = {kind.usage: kind.description for kind in _KINDS.values()}


def open_source(
    name: str,
    *,
    split: str = "train",
    image_size: images.Size | None = None,
    broken: str = "refuse",
    channels: int = 3,
    bits: int = 8,
    data_dir: str | None = None,
    memory_limit: int = MEMORY_LIMIT,
    ragged: bool = False,
    tokenizer: str = "",
    span: int = 0,
) -> Source:
    """Open a data set.

    Args:
      name: "kind:rest", for example "tfds:fashion_mnist"; see `KINDS`.
      split: "train", "test", or another one that the set has; a set's "validation" is also found as
        "val", its "Train" as "train", and so on.
      image_size: if given, every image is resized (shorter side) and centre-cropped to it when
        read; a pipeline that crops at random still crops from all the pixels.
      broken: what to do about images and videos that cannot be decoded. "refuse" raises an error
        that names them; "skip" leaves them out, warns, and tells how many in `report`.
      channels: 1 (grey), 3 (RGB) or 4 (RGBA), to which image files and plain records are converted;
        of TIFF files, up to 20. Other sets keep theirs.
      bits: 8 or 16, for each channel of image files and plain records. Other sets keep theirs.
      data_dir: where prepared sets live, and ids of large sets of texts are kept (`tokens`); by
        default $SSLJAX_DATA_DIR or ~/.cache/ssljax/data.
      memory_limit: bytes of pixels up to which a set is decoded once and kept in memory.
      ragged: whether series are read as `Value`s, which say where each of them ends.
      tokenizer: what strings are made ids by, see `ssljax.data.tokenizers.open_tokenizer`; "":
        they stay, and become their bytes when they are brought to a length.
      span: frames that a clip spans; video files with fewer count as broken.

    Raises:
      UserError: the set is missing, empty, damaged or of a wrong form; the message names what and
        where.

    Example:
      >>> source = open_source("sklearn:digits", split="test")
      >>> len(source), source.fields["image"].shape, source.num_classes
      (359, (8, 8, 1), 10)
    """
    kind, colon, rest = name.partition(":")
    if kind not in _KINDS:
        raise unknown("kind of data source", kind, _KINDS)
    if not colon or not rest:
        raise UserError(f"the data source {name!r} is incomplete; write {_KINDS[kind].usage}")
    if broken not in ("refuse", "skip"):
        raise unknown("choice for broken images", broken, ["refuse", "skip"])
    if not 1 <= channels <= MOST_CHANNELS:
        raise UserError(f"channels must be from 1 to {MOST_CHANNELS}, got {channels}")
    if bits not in (8, 16):
        raise UserError(f"bits must be 8 or 16, got {bits}")
    decoder = Decoder(channels, bits)
    options = Options(name, split, broken, decoder, data_dir, memory_limit, ragged, span)
    encode = open_tokenizer(tokenizer)
    source = _KINDS[kind].open(rest, options)
    if encode is None and has_tags(source):  # they are of tokens, so there must be some
        encode = PlainBytes()
    if encode is not None:
        source = tokenized(source, encode, data_directory(data_dir) / "tokens")
    return resized(source, image_size)
