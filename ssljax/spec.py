"""What a data set looks like to everything above it: named fields, each of a modality.

A `Spec` says what one example holds. The shapes of a batch, the first parameters, the compiled step
and a plan all start from it.
"""

import dataclasses
import functools
import json
from collections.abc import Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp

from ssljax.errors import UserError, unknown
from ssljax.schema import NotNegative, Pixels, PixelsOrNone, Positive, check

Array = jax.Array
Batch = Mapping[str, Any]  # an array or a `Value` by field, "id" int32[B], in a step also "row"

MODALITIES = ("image", "series", "table", "video", "audio", "text", "label", "presence")
TARGETS = ("class", "multi_label", "regression", "mask", "tokens", "letters")
SPECIAL = ("pad", "unk", "cls", "sep", "mask")  # what the special tokens of a text are for


@dataclasses.dataclass(frozen=True)
class Spectrogram:
    """How a wave becomes a spectrogram, see `ssljax.ops.spectrogram`.

    Attributes:
      kind: "log_mel", or "mfcc": the first coefficients of the cosine transform of a log-mel
      bands: mel bands
      window: samples of a frame
      hop: samples from one frame to the next
      fft: points of the Fourier transform; 0: the power of 2 from window up
      low: Hz, lower edge of the lowest band
      high: Hz, upper edge of the highest band; 0: half of the sampling rate
      scale: of mel: "htk", or "slaney" (Auditory Toolbox, librosa)
      area: whether bands have equal areas instead of peaks of 1 (Slaney)
      floor: least power of a band before the logarithm
      coefficients: of mfcc
    """

    kind: Literal["log_mel", "mfcc"] = "log_mel"
    bands: Pixels = 64
    window: Pixels = 400
    hop: Pixels = 160
    fft: PixelsOrNone = 0
    low: NotNegative = 60.0
    high: NotNegative = 0.0
    scale: Literal["htk", "slaney"] = "htk"
    area: bool = False
    floor: Positive = 1e-6
    coefficients: Pixels = 13

    @property
    def points(self) -> int:
        """Points of the Fourier transform."""
        return self.fft or 1 << (self.window - 1).bit_length()

    @property
    def rows(self) -> int:
        """Values of a frame."""
        return self.coefficients if self.kind == "mfcc" else self.bands

    def frames(self, samples: int) -> int:
        """Return the number of frames of so many samples."""
        return samples // self.hop

    def require(self, rate: float, samples: int) -> None:
        """Raise a UserError unless it suits waves of a sampling rate and a length."""
        top = self.high or rate / 2
        where = "config.data.spectrogram"
        if self.fft and self.fft < self.window:
            raise UserError(f"{where}.fft={self.fft} must be at least window={self.window}")
        if not self.low < top <= rate / 2:
            raise UserError(
                f"{where}: bands from low={self.low:g} to high={top:g} Hz must ascend, "
                f"and lie below half of the {rate:g} samples per second"
            )
        if self.kind == "mfcc" and self.coefficients > self.bands:
            raise UserError(
                f"{where}.coefficients={self.coefficients} must be at most bands={self.bands}"
            )
        if samples < max(self.window, self.hop):
            raise UserError(
                f"config.data.length={samples} samples are shorter than a frame of "
                f"{where}.window={self.window}"
            )


@dataclasses.dataclass(frozen=True)
class Field:
    """One named entry of an example.

    Attributes:
      modality: one of `MODALITIES`; it decides how the entry is augmented, normalised and encoded.
      shape: of one example; None for a side that differs between examples and that a host transform
        has to fix.
      dtype: as shipped to the device; "str" for text that is not yet token ids.
      vocab: number of token ids; 0 for continuous values.
      cardinalities: of the columns of a table: the number of categories, 0 for a numeric column.
      mean: of each channel or column over the training set, in the units that the modality
        normalises in; of text the inverse document frequencies, see `ssljax.ops.tf_idf`.
      std: likewise; 1 where the values are constant.
      rate: samples or frames per second; 0 where there is none.
      ragged: whether examples are padded or packed; batches then hold a `Value`.
      classes: of a label, the number of them; 0 where it has none, or it is not known.
      spectrogram: of sound, the spectrogram that encoders are shown; None: the wave itself.
      special: of text, the pairs of a role of `SPECIAL` and the id of the token that has it: "cls"
        begins a text and "sep" ends it. Only those that the tokenizer has.
      sentences: of text, how many an example is of: 2 where it is a pair of sentences.
      letters: of a label that is spelled, the letters by number; "" where they are not known.
    """

    modality: str
    shape: tuple[int | None, ...]
    dtype: str
    vocab: int = 0
    cardinalities: tuple[int, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    rate: float = 0.0
    ragged: bool = False
    classes: int = 0
    special: tuple[tuple[str, int], ...] = ()
    spectrogram: Spectrogram | None = None
    sentences: Literal[1, 2] = 1
    letters: str = ""

    def __post_init__(self) -> None:
        if self.modality not in MODALITIES:
            raise unknown("modality", self.modality, MODALITIES)

    def replace(self, **changes: Any) -> "Field":
        """Return a copy with some attributes changed."""
        return dataclasses.replace(self, **changes)

    def special_id(self, role: str) -> int:
        """Return the id of the special token of a role.

        Raises:
          UserError: the tokenizer has none.
        """
        if role not in SPECIAL:
            raise unknown("role of a special token", role, SPECIAL)
        found = dict(self.special)
        if role not in found:
            has = ", ".join(found) or "none"
            raise UserError(
                f"config.data.tokenizer gives the text no {role!r} token (its special tokens: "
                f"{has}); choose a tokenizer that has one"
            )
        return found[role]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Value:
    """What a batch holds of a ragged field; of any other it holds the plain array.

    Attributes:
      data: [B, N, ...].
      segments: int32[B, N]: 0 for padding, 1, 2, ... for the examples packed into a row.
    """

    data: Array
    segments: Array

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: Any) -> "Value":
        """Return some of the examples, chosen as from an array."""
        return Value(self.data[index], self.segments[index])

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the data."""
        return self.data.shape

    @property
    def dtype(self) -> Any:
        """The dtype of the data."""
        return self.data.dtype


@dataclasses.dataclass(frozen=True)
class Spec:
    """What the examples of a data set are like.

    Attributes:
      fields: by name. A field "label", if there is one, holds the targets that only supervised
        objectives and evaluation read, see `target_kind`.
      num_examples: of the training set; the ids in a batch lie in [0, num_examples).
    """

    fields: Mapping[str, Field]
    num_examples: int

    def batch(self, size: int, sharding: Any = None) -> dict[str, Any]:
        """Return a batch of `size` examples as ShapeDtypeStructs.

        Raises:
          UserError: a field has a side without a fixed length.
        """

        def array(shape: tuple[int, ...], dtype: str) -> jax.ShapeDtypeStruct:
            return jax.ShapeDtypeStruct((size, *shape), jnp.dtype(dtype), sharding=sharding)

        batch: dict[str, Any] = {}
        for name, field in self.fields.items():
            if None in field.shape:
                raise UserError(
                    f"the examples differ in the size of {name!r} {field.shape}; a batch needs one "
                    "size"
                )
            data = array(field.shape, field.dtype)
            segments = array(field.shape[:1], "int32") if field.ragged else None
            batch[name] = Value(data, segments) if field.ragged else data
        return {**batch, "id": array((), "int32")}

    def field_of(self, *modalities: str) -> tuple[str, Field]:
        """Return the (name, field) of the first field that is of one of the modalities.

        Raises:
          UserError: there is none.
        """
        for name, field in self.fields.items():
            if field.modality in modalities:
                return name, field
        found = ", ".join(f"{name} ({field.modality})" for name, field in self.fields.items())
        raise UserError(f"the data have the fields {found}; needed is {' or '.join(modalities)}")

    def replace(self, **fields: Field) -> "Spec":
        """Return a copy with some fields changed or added."""
        return dataclasses.replace(self, fields={**self.fields, **fields})

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        fields = {name: dataclasses.asdict(field) for name, field in self.fields.items()}
        return json.loads(json.dumps({"fields": fields, "num_examples": self.num_examples}))

    @classmethod
    def from_json(cls, found: Any) -> "Spec":
        """Return the spec that `to_json` gave.

        Raises:
          ValueError: it is none; the message names the entry.
        """
        if not isinstance(found, dict) or set(found) != {"fields", "num_examples"}:
            raise ValueError("a spec must have the keys fields and num_examples")
        count = found["num_examples"]
        if type(count) is not int or count < 1:
            raise ValueError(f"num_examples is {count!r}, not a number of examples")
        if not isinstance(found["fields"], dict) or not found["fields"]:
            raise ValueError(f"fields is {found['fields']!r}, not a mapping from names to fields")
        return cls({name: _field(name, one) for name, one in found["fields"].items()}, count)


def _field(name: str, found: Any) -> Field:
    kinds = {field.name: field for field in dataclasses.fields(Field)}
    if not isinstance(found, dict) or not {"modality", "shape", "dtype"} <= set(found) <= set(
        kinds
    ):
        raise ValueError(f"field {name} must have the keys {', '.join(kinds)}")
    values = {
        key: tuple(value) if isinstance(value, list) else value for key, value in found.items()
    }
    if "special" in values:
        values["special"] = _special(name, found["special"], values.get("vocab", 0))
    for key, item, least in (("shape", int, 1), ("cardinalities", int, 0)):
        entries = values.get(key, ())
        if not isinstance(entries, tuple) or not all(
            type(entry) is item and entry >= least for entry in entries if entry is not None
        ):
            raise ValueError(f"{name}.{key} is {entries!r}, not whole numbers of at least {least}")
    for key in ("mean", "std"):
        entries = values.get(key, ())
        finite = isinstance(entries, tuple) and all(
            type(entry) in (int, float) and abs(entry) < float("inf") for entry in entries
        )
        if not finite:
            raise ValueError(f"{name}.{key} is {entries!r}, not finite numbers")
        values[key] = tuple(map(float, entries))
    if values["modality"] == "image":
        _require_image(name, values)
    if values.get("spectrogram") is not None:
        try:
            described = check(Spectrogram, values["spectrogram"], f"{name}.spectrogram")
        except UserError as error:
            raise ValueError(str(error)) from error
        values["spectrogram"] = Spectrogram(**described)
    if values.get("sentences", 1) not in (1, 2):
        raise ValueError(f"{name}.sentences is {values['sentences']!r}, not 1 or 2")
    if not isinstance(values.get("letters", ""), str):
        raise ValueError(f"{name}.letters is {values['letters']!r}, not letters")
    if type(values.get("classes", 0)) is not int or values.get("classes", 0) < 0:
        raise ValueError(f"{name}.classes is {values['classes']!r}, not a number of classes")
    try:
        jnp.dtype(values["dtype"])
        return Field(**values)
    except (TypeError, UserError) as error:
        raise ValueError(f"field {name}: {error}") from error


def _special(name: str, found: Any, vocab: int) -> tuple[tuple[str, int], ...]:
    pairs = isinstance(found, list | tuple) and all(
        isinstance(pair, list | tuple)
        and len(pair) == 2
        and pair[0] in SPECIAL
        and type(pair[1]) is int
        and 0 <= pair[1] < vocab
        for pair in found
    )
    if not pairs:
        raise ValueError(
            f"{name}.special is {found!r}, not pairs of a role ({', '.join(SPECIAL)}) and an id "
            f"below the vocabulary of {vocab}"
        )
    return tuple((role, token) for role, token in found)


def _require_image(name: str, values: Mapping[str, Any]) -> None:
    shape = values["shape"]
    if len(shape) != 3:
        raise ValueError(f"{name}.shape is {shape!r}, not height, width and channels")
    for key in ("mean", "std"):
        if len(values[key]) != shape[2]:
            raise ValueError(f"{name}.{key} is {values[key]!r}, not a number for each channel")


def image_spec(
    shape: tuple[int, int, int],
    mean: tuple[float, ...],
    std: tuple[float, ...],
    num_examples: int,
    *,
    labels: bool = False,
) -> Spec:
    """Return the spec of images uint8 [height, width, channels], with labels if asked for."""
    fields = {"image": Field("image", tuple(shape), "uint8", mean=tuple(mean), std=tuple(std))}
    if labels:
        fields["label"] = LABEL
    return Spec(fields, num_examples)


LABEL = Field("label", (), "int32")
PRESENCE = Field("presence", (), "bool")


def spelled_label(longest: int, different: int, letters: str = "") -> Field:
    """Return labels of at most `longest` letters, of `different` ones; see `target_kind`.

    >>> spelled_label(3, 4, "!gno").shape
    (3,)
    """
    size = (longest,)
    return Field("label", size, "int32", vocab=different, classes=different, letters=letters)


def presence_of(name: str) -> str:
    """Return the entry of an example that says whether it has the field NAME: "NAME.present".

    It is a field of its own, `PRESENCE`, where examples may lack NAME. One that lacks it holds that
    of another example in its place, so that every value is of the data's kind.

    >>> presence_of("text")
    'text.present'
    """
    return f"{name}.present"


def present(batch: Batch, *names: str) -> Array | None:
    """Return which examples of a batch have all of these fields, bool[B]; None: all have."""
    found = [batch[presence_of(name)] for name in names if presence_of(name) in batch]
    return functools.reduce(jnp.logical_and, found) if found else None


def target_kind(field: Field) -> str:
    """Return which of `TARGETS` a field of labels holds.

    | kind | dtype and shape of an example | what it is |
    |---|---|---|
    | "class" | int32 () | one of `classes`, numbered from 0; below 0: none |
    | "multi_label" | uint8 (K,) | whether each of K labels is there, 1 or 0 |
    | "regression" | float32 (K,) or () | K numbers, of `mean` and `std` |
    | "mask" | int32 (h, w) | the class of each pixel of an image; below 0: none |
    | "tokens" | int32 (N,) | the class of each token of a text; below 0: none |
    | "letters" | int32 (L,), of a `vocab` | the letters of what is said; below 0: no more |

    Raises:
      UserError: it holds none of them.
    """
    kinds = {
        ("int32", 0): "class",
        ("uint8", 1): "multi_label",
        ("float32", 0): "regression",
        ("float32", 1): "regression",
        ("int32", 2): "mask",
        ("int32", 1): "tokens",
    }
    found = kinds.get((field.dtype, len(field.shape)))
    found = "letters" if found == "tokens" and field.vocab else found
    if field.modality != "label" or found is None:
        shape = ", ".join(map(str, field.shape))
        raise UserError(
            f"a field of the modality {field.modality}, {field.dtype} ({shape}), is no target; one "
            "is of the modality label: int32 () a class, uint8 (K,) several labels, float32 (K,) "
            "numbers to regress, int32 (h, w) the class of each pixel, or int32 (N,) the class of "
            "each token"
        )
    return found
