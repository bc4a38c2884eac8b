"""What a family of models of another library is."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from ssljax.errors import UserError
from ssljax.hub.files import Tensors
from ssljax.hub.given import Given
from ssljax.hub.table import Absent, Fixed, Row
from ssljax.spec import Field


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a checkpoint is to become.

    Attributes:
      encoder: the section of the config.
      objective: likewise.
      image_size: (height, width) of images that the encoder is shown; (0, 0) where it reads none.
      channels: of these images.
      normalised: whose mean and deviation of three channels these images have where the folder
        does not say, such as ("ImageNet", mean, std); None: ImageNet's.
      field: what it reads, if it is another than images.
      encoders: sections of the encoders of further fields, by field.
      further: what these fields are like.
    """

    encoder: dict[str, Any]
    objective: dict[str, Any]
    image_size: tuple[int, int] = (0, 0)
    channels: int = 0
    normalised: tuple[str, tuple[float, ...], tuple[float, ...]] | None = None
    field: Field | None = None
    encoders: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    further: dict[str, Field] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Family:
    """Models with one mapping table.

    Attributes:
      name: "vit_mae": the model_type of Hugging Face; of timm, what we call it.
      title: for people.
      rows: the table.
      anchor: a tensor that every checkpoint of the family has, by which its prefix is found.
      prefixes: that names of the encoder may have; the first is written.
      own: how the names begin that are written without the prefix; one beginning, or several.
      left_out: regex of tensors that are not taken over: heads for labels.
      read: gives the plan of a config.json and the tensors.
      needs: the values of the encoder's fields without which the family has no counterpart.
      write: gives the config.json of (encoder, objective, channels).
      further: likewise of the encoders of further fields, by field; it has these and no others.
      objective: likewise of the objective.
      spellings: (regex, replacement) from other spellings of names to those of the table.
    """

    name: str
    title: str
    rows: tuple[Row | Fixed | Absent, ...]
    anchor: str
    prefixes: tuple[str, ...]
    left_out: str
    read: Callable[[Given, Tensors, Callable[[str], str]], Plan]
    needs: Mapping[str, tuple[Any, ...]]
    write: Callable[[Any, Any, int], dict[str, Any]]
    own: str | tuple[str, ...] = "\0"
    further: Mapping[str, Mapping[str, tuple[Any, ...]]] = dataclasses.field(default_factory=dict)
    objective: Mapping[str, tuple[Any, ...]] = dataclasses.field(default_factory=dict)
    spellings: tuple[tuple[str, str], ...] = ()

    def require_counterpart(self, encoder: Any) -> None:
        """Raise a UserError that names the first field of an encoder that the family lacks."""
        self._require("encoder", encoder, self.needs)

    def require_further(self, objective: Any) -> None:
        """Raise a UserError for fields of further encoders, or of the objective, likewise."""
        for name, needs in self.further.items():
            self._require(f"encoders.{name}", objective.run.encoders[name], needs)
        self._require("objective", objective, self.objective)

    def _require(self, where: str, section: Any, needs: Mapping[str, tuple[Any, ...]]) -> None:
        for field, wanted in needs.items():
            value = getattr(section, field)
            if value not in wanted:
                raise UserError(
                    f"{self.title} has no counterpart of {where}.{field}={value!r}; it has "
                    f"{' or '.join(map(repr, wanted))}"
                )
