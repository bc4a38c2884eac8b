"""What a protocol sees: one encoder and the examples of one data set."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.errors import UserError, unknown
from ssljax.evaluation.features import Batch, Features, extract
from ssljax.spec import Field

Array = jax.Array
Transform = Callable[[Array, Mapping[str, Any]], Mapping[str, Any]]
TOKENS, LAYERS, CLS = (
    "tokens",
    "layers",
    "cls",
)  # outputs by what they are, whatever the field is called
PROJECTED = "projected"  # of a field, "projected/NAME": vectors that are compared between fields
CACHE_LIMIT = 2**31  # bytes of features up to which a part is encoded once for all epochs


class NotMeasured(UserError):
    """A protocol does not make sense for a subject; the message says why."""


@dataclasses.dataclass(frozen=True)
class Examples:
    """The examples that all encoders are measured on, in the parts "train" and "test".

    Without a test split a part of train is held out: "train" is then the rest.

    Attributes:
      fields: that the encoder is shown, by name.
      counts: number of examples by part; "test" is missing where there is none.
      read: `read(part, order, batch_size, shorter, size, also)` gives batches of examples, see
        `Subject.encoded`; every host gets all of them.
      targets: `targets(part)` gives the labels of a part in its order, int64[n], or other targets,
        such as float32[n, K]; None where there are none.
      batch_size: examples that are encoded at a time.
      further: fields of the data that other outputs than the evaluated one are made of, by name.
      class_names: by label; None where the data do not say.
      groups: `groups(part)` says who or what each example of a part is of, numbers or strings [n];
        None where the data do not say.
    """

    fields: Mapping[str, Field]
    counts: Mapping[str, int]
    read: Callable[..., Iterable[Batch]]
    targets: Callable[[str], np.ndarray | None]
    batch_size: int = 500
    groups: Callable[[str], np.ndarray | None] = lambda part: None
    further: Mapping[str, Field] = dataclasses.field(default_factory=dict)
    class_names: Sequence[str] | None = None


@dataclasses.dataclass(frozen=True)
class Subject:
    """One encoder, frozen, and the examples that it is measured on.

    Attributes:
      row: "pretrained", "random_init" or "raw_input".
      examples: the same for all three.
      encode: `encode(batch, output, transform, seed)` gives rows [b, ...] on the devices, cut over
        them. It is jitted: once for each output and each `transform`, a hashable function.
      outputs: shape of one example's rows, by the name of the output. "" is the output that is
        evaluated, [D]; "tokens" [N, d]; "layers" [L, 2, D], class token and mean token of every
        block, see `ssljax.models.Encoded`; "cls" [D], the last class token, where there is one.
        Further ones have the names that the objective gives.
      classes: labels of the train part, ascending; () where there are none.
      seed: of the run; held-out parts and draws depend on it.
      place: puts rows [b, ...] of the host on the devices, cut over them.
      given: `given(output, {field: examples})` gives the rows of examples in memory, float32
        [n, ...], such as {"text": ["a cat"]}; None where there is no network.
      fields: that the run reads, by name.
      shards: parts into which the devices cut a batch: a batch size is a multiple of it.
    """

    row: str
    examples: Examples
    encode: Callable[[Batch, str, Transform | None, int], Array]
    outputs: Mapping[str, tuple[int, ...]]
    seed: int = 0
    place: Callable[[np.ndarray], Array] = jnp.asarray
    shards: int = 1
    given: Callable[[str, Mapping[str, Sequence[Any]]], np.ndarray] | None = None
    fields: Mapping[str, Field] = dataclasses.field(default_factory=dict)
    _kept: dict[tuple, Features] = dataclasses.field(default_factory=dict, repr=False)

    def require(self, *outputs: str) -> None:
        """Raise NotMeasured unless there are these outputs, and UserError for an unknown name."""
        for output in outputs:
            if output in self.outputs:
                continue
            what = self.row.replace("_", " ")
            if output in (TOKENS, LAYERS, CLS) or self.row == "raw_input":
                raise NotMeasured(f"{what} has no {output}")
            raise unknown("output", output, filter(None, self.outputs))

    def require_targets(self, kind: str) -> None:
        """Raise NotMeasured unless train and test have one row of targets per example.

        Args:
          kind: "float": numbers to be predicted; "uint8": 1 for the labels that an example has.
        """
        train = self.examples.targets("train")
        if train is None or "test" not in self.examples.counts:
            raise NotMeasured("it needs targets in train and test")
        if train.ndim != 2 or train.dtype.kind != np.dtype(kind).kind:
            raise NotMeasured(f"it needs targets {kind}[K] per example")

    def require_labels(self, *, classes: int = 2) -> None:
        """Raise NotMeasured unless train and test have class labels, train has enough classes, and
        one of them has two examples, so that a part can be held out."""
        train = self.examples.targets("train")
        if train is None or "test" not in self.examples.counts:
            raise NotMeasured("it needs labels in train and test")
        if train.ndim > 1 or not np.issubdtype(train.dtype, np.integer):
            raise NotMeasured("it needs one class label per example")
        counts = np.unique(train, return_counts=True)[1]
        if len(counts) < classes:
            raise NotMeasured(f"train has fewer than {classes} classes")
        if counts.max() < 2:
            raise NotMeasured("every class of train has only one example: none can be held out")

    def projections(self) -> tuple[str, ...]:
        """Return the names of the outputs in which fields are compared, by the alphabet.

        Raises:
          NotMeasured: the objective compares no two fields.
        """
        found = [name for name in self.outputs if name.startswith(f"{PROJECTED}/")]
        if len(found) < 2:
            raise NotMeasured(
                f"{self.row.replace('_', ' ')} has no {PROJECTED} features of two fields, such as "
                "clip gives"
            )
        return tuple(found)

    def field_of(self, output: str) -> str:
        """Return the name of the field that an output "WHAT/NAME" is made of; "" for others."""
        own = output.rpartition("/")[2]
        return own if own in self.fields else ""

    def features(self, part: str, output: str = "", *, shorter: int = 0, size: int = 0) -> Features:
        """Return the features of all examples of a part, encoded once and kept in memory.

        Args:
          part: "train" or "test".
          output: of which; rows may be of any rank, as tokens [N, d] are.
          shorter, size: see `encoded`.
        """
        self.require(output)
        name = (part, output, shorter, size)
        if name not in self._kept:
            also = self._also(output)
            batches = self.examples.read(part, shorter=shorter, size=size, also=also)
            rank = len(self.outputs[output])
            found = extract(lambda batch: self.encode(batch, output, None, 0), batches, rank=rank)
            self._kept[name] = found
        return self._kept[name]

    def _also(self, output: str) -> tuple[str, ...]:
        """Return the fields that an output needs beside those that are always read."""
        name = self.field_of(output)
        if not name and output not in ("", TOKENS, LAYERS, CLS):
            return tuple(self.examples.further)  # of all fields, see `training.output.Output`
        if not name or name in self.examples.fields:
            return ()
        if name not in self.examples.further:
            raise NotMeasured(f"the data that are evaluated on have no {name}")
        return (name,)

    def keep(self, part: str, output: str, found: Features) -> None:
        """Take features that were computed elsewhere, so that they are not computed again.

        Those of other examples, as where another part is held out, are left.
        """
        if len(found.ids) != self.examples.counts.get(part):
            return
        if found.labels is None:
            found = found._replace(labels=self.examples.targets(part))
        self._kept[part, output, 0, 0] = found

    def encoded(
        self,
        part: str,
        output: str = "",
        *,
        order: np.ndarray | None = None,
        batch_size: int = 0,
        transform: Transform | None = None,
        seed: int = 0,
        shorter: int = 0,
        size: int = 0,
        also: tuple[str, ...] = (),
    ) -> Iterator[tuple[Array, Batch]]:
        """Yield (rows [b, ...] on the devices, the batch on the host) of a part, nothing kept.

        A batch holds the fields, "id", the position in the part, "valid", bool[b], False on rows
        that only fill up the last batch, and "label" where there are labels.

        Args:
          part: "train" or "test".
          output: of which.
          order: int[n], the positions to read, in this order; by default each once.
          batch_size: 0 for that of the evaluation; it is rounded up to a multiple of `shards`.
          transform: pure function of (key, fields by name) that gives the fields that are encoded,
            on the device and within the jitted function: images it gives lie in [0, 1]. It must be
            hashable, and equal ones compile once: a frozen dataclass with `__call__`, for example.
          seed: of the transform's key. To be independent of the order of reading, the transform
            should draw by `ops.keys.per_example(key, fields["id"])`.
          shorter: what the shorter side of images is resized to; 0 as the evaluation has it.
          size: side of the centre crop that follows; 0 as the evaluation has it.
          also: further fields that the batch on the host should hold, such as masks.
        """
        self.require(output)
        size_of = dict(shorter=shorter, size=size, also=(*also, *self._also(output)))
        for batch in self.examples.read(part, order=order, batch_size=batch_size, **size_of):
            yield self.encode(batch, output, transform, seed), batch

    def rows(
        self,
        part: str,
        output: str = "",
        *,
        order: np.ndarray,
        batch_size: int,
        transform: Transform | None = None,
        seed: int = 0,
        shorter: int = 0,
        size: int = 0,
    ) -> Iterator[tuple[Array, np.ndarray, np.ndarray]]:
        """Yield (rows on the devices, positions int[b], valid bool[b]) for training a probe.

        Without a transform, and where they fit into memory, features are encoded once and kept;
        else they are encoded at each call. Arguments are those of `encoded`.
        """
        shown = {"shorter": shorter, "size": size}
        if transform is not None or not self._fits(part, output):
            piece, pieces = self._pieces(batch_size)
            how = {"order": order, "batch_size": piece, "transform": transform, "seed": seed}
            encoded = self.encoded(part, output, **how, **shown)
            while held := list(itertools.islice(encoded, pieces)):
                rows = [one for one, _ in held]
                ids, valid = (
                    np.concatenate([batch[name] for _, batch in held]) for name in ("id", "valid")
                )
                yield rows[0] if len(rows) == 1 else _joined(rows), ids, valid
            return
        features = self.features(part, output, **shown).features
        batch_size = -(-batch_size // self.shards) * self.shards
        for start in range(0, len(order), batch_size):
            at = start + np.arange(batch_size)
            ids = order[np.minimum(at, len(order) - 1)]
            yield self.place(features[ids]), ids, at < len(order)

    def _pieces(self, batch_size: int) -> tuple[int, int]:
        """Return sizes and number of the batches, at most as large as those of the evaluation, in
        which a batch is encoded; together as many, or a few more where no size divides it."""
        batch_size = -(-batch_size // self.shards) * self.shards
        most = max(self.examples.batch_size, self.shards)
        fewest = -(-batch_size // most)
        for pieces in range(fewest, 4 * fewest):
            if batch_size % (pieces * self.shards) == 0:
                return batch_size // pieces, pieces
        return -(-batch_size // (fewest * self.shards)) * self.shards, fewest

    def place_padded(self, rows: np.ndarray) -> Array:
        """Return rows [n or more, ...] on the devices, with zeros so that all hold equally many."""
        missing = -len(rows) % self.shards
        return self.place(np.pad(rows, [(0, missing)] + [(0, 0)] * (rows.ndim - 1)))

    def _fits(self, part: str, output: str) -> bool:
        values = int(np.prod(self.outputs[output], dtype=np.int64))
        return 4 * values * self.examples.counts[part] <= CACHE_LIMIT


@jax.jit
def _joined(rows: list[Array]) -> Array:
    return jnp.concatenate(rows)
