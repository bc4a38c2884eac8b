"""What a workdir keeps of the data of its run, data.json: all that the model needs of them.

So a run is evaluated where its training data are not, and continued from a copy of them; and
statistics, by which every example is normalised, cannot change under a trained model.
"""

import contextlib
import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
from ml_collections import ConfigDict

from ssljax.data import measured_spec
from ssljax.errors import UserError
from ssljax.files import write_atomically
from ssljax.spec import Spec
from ssljax.training.data_sets import open_training_data

FILE = "data.json"
IMPORTED = "imported"  # the kind of data.source of weights that came without their data


@dataclasses.dataclass(frozen=True)
class DataRecord:
    """What the data of a run are.

    Attributes:
      fingerprint: of its batches, see `ssljax.data.Pipeline.fingerprint`.
      spec: what they are like; None in a workdir that an older version began.
    """

    fingerprint: Mapping[str, Any]
    spec: Spec | None

    def changes(self, now: "DataRecord") -> list[str]:
        """Return a line for each part of the fingerprint that differs; the place does not count."""
        before, after = _content(self.fingerprint), _content(now.fingerprint)
        return [
            f"{key}: {before.get(key)!r} then, {after.get(key)!r} now"
            for key in {**before, **after}
            if before.get(key) != after.get(key)
        ]

    @property
    def imported(self) -> bool:
        """Whether the weights came without data, from another library."""
        return IMPORTED in self.fingerprint

    def is_of(self, source_fingerprint: Mapping[str, Any]) -> bool:
        """Whether a source with this fingerprint is the one that was trained on."""
        known = self.fingerprint.get("source")
        return isinstance(known, Mapping) and _placeless(known) == _placeless(source_fingerprint)


def _content(fingerprint: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _placeless(value) if isinstance(value, Mapping) else value
        for key, value in fingerprint.items()
    }


def _placeless(source: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in source.items() if key != "spec"}


def read_data_record(workdir: pathlib.Path) -> DataRecord | None:
    """Return the record of a workdir, None if there is none.

    Raises:
      UserError: it is damaged or of another form.
    """
    return _read(workdir / FILE)


def read_spec(path: pathlib.Path) -> Spec:
    """Return the spec in the record of a run.

    Args:
      path: of its workdir, or of the file.

    Raises:
      UserError: there is none, or it is damaged.
    """
    file = path / FILE if path.is_dir() else path
    record = _read(file)
    if record is None or record.spec is None:
        raise UserError(f"{file} {'is missing' if record is None else 'has no spec'}")
    return record.spec


def _read(path: pathlib.Path) -> DataRecord | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError(f"it holds a {type(found).__name__}, not an object")
        if not {"inputs", "spec", "fingerprint"} & set(found):
            return DataRecord(found, None)  # of an older version, which wrote the fingerprint alone
        if not isinstance(found.get("fingerprint"), dict):
            raise ValueError("the fingerprint is missing")
        return DataRecord(found["fingerprint"], _spec(found))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # JSON's and Unicode's errors are such
        raise UserError(
            f"{path} is damaged ({error}); restore it from a backup, or move it away: shape, mean "
            "and std are then computed from the training data as they are now"
        ) from error


def write_data_record(workdir: pathlib.Path, record: DataRecord) -> None:
    """Write the record of a workdir, whole or not at all."""
    write_atomically(
        workdir / FILE,
        json.dumps(
            {"fingerprint": record.fingerprint, "spec": record.spec.to_json()},
            indent=2,
        )
        + "\n",
    )


def spec_of_run(workdir: pathlib.Path, config: ConfigDict) -> Spec:
    """Return what the training data of a run are like, without opening them.

    Only of a run that an older version began are they opened, and measured once.

    Raises:
      UserError: the record is damaged; or it is one of an older version, and the training data are
        not there or have changed.
    """
    stored = read_data_record(workdir)
    if stored is not None and stored.spec is not None:
        return stored.spec
    data = config.data
    try:
        source = open_training_data(config)
    except UserError as error:
        raise UserError(
            f"{workdir / FILE} has no mean and std of the training data, as an older version began "
            f"this run, and now they cannot be computed: {error}"
        ) from error
    if stored is not None and not stored.is_of(source.fingerprint()):
        raise UserError(
            f"{workdir / FILE} has no mean and std of the training data, as an older version began "
            f"this run, and {data.source} has changed since"
        )
    spec = measured_spec(source, data)
    if stored is not None and jax.process_index() == 0:
        with contextlib.suppress(UserError):  # the folder may be another's, to be read alone
            write_data_record(workdir, DataRecord(stored.fingerprint, spec))
    return spec


def _spec(found: Mapping[str, Any]) -> Spec:
    if "inputs" not in found:
        return Spec.from_json(found.get("spec"))
    # Of an older version: images were all there was.
    inputs = found["inputs"]
    if not isinstance(inputs, dict) or set(inputs) != {"shape", "mean", "std", "num_examples"}:
        raise ValueError("inputs must have the keys mean, num_examples, shape, std")
    image = {"modality": "image", "dtype": "uint8", **inputs}
    count = image.pop("num_examples")
    return Spec.from_json({"fields": {"image": image}, "num_examples": count})
