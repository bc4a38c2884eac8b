"""What a workdir keeps of the data of its run, data.json: all that the model needs of them.

So a run is evaluated where its training data are not, and continued from a copy of them; and
statistics, from which every image is normalised, cannot change under a trained model.
"""

import contextlib
import dataclasses
import json
import math
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.files import write_atomically
from ssljax.objectives import Inputs
from ssljax.training.experiment import measured_inputs, open_data

FILE = "data.json"


@dataclasses.dataclass(frozen=True)
class DataRecord:
    """What the data of a run are.

    Attributes:
      fingerprint: of its batches, see `ssljax.data.Pipeline.fingerprint`.
      inputs: what the images are like; None in a workdir that an older version began.
    """

    fingerprint: Mapping[str, Any]
    inputs: Inputs | None

    def changes(self, now: "DataRecord") -> list[str]:
        """Return a line for each part of the fingerprint that differs; the place does not count."""
        before, after = _content(self.fingerprint), _content(now.fingerprint)
        return [
            f"{key}: {before.get(key)!r} then, {after.get(key)!r} now"
            for key in {**before, **after}
            if before.get(key) != after.get(key)
        ]

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
    path = workdir / FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError(f"it holds a {type(found).__name__}, not an object")
        if "inputs" not in found and "fingerprint" not in found:
            return DataRecord(found, None)  # of an older version, which wrote the fingerprint alone
        if not isinstance(found.get("fingerprint"), dict):
            raise ValueError("the fingerprint is missing")
        return DataRecord(found["fingerprint"], _inputs(found.get("inputs")))
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
            {"fingerprint": record.fingerprint, "inputs": dataclasses.asdict(record.inputs)},
            indent=2,
        )
        + "\n",
    )


def inputs_of_run(workdir: pathlib.Path, config: ConfigDict) -> Inputs:
    """Return what the training images of a run are like, without opening them.

    Only of a run that an older version began are they opened, and measured once.

    Raises:
      UserError: the record is damaged; or it is one of an older version, and the training data are
        not there or have changed.
    """
    stored = read_data_record(workdir)
    if stored is not None and stored.inputs is not None:
        return stored.inputs
    data = config.data
    try:
        source = open_data(config, data.source, data.split)
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
    inputs = measured_inputs(source, data)
    if stored is not None and jax.process_index() == 0:
        with contextlib.suppress(UserError):  # the folder may be another's, to be read alone
            write_data_record(workdir, DataRecord(stored.fingerprint, inputs))
    return inputs


def _inputs(found: Any) -> Inputs:
    names = {field.name for field in dataclasses.fields(Inputs)}
    if not isinstance(found, dict) or set(found) != names:
        raise ValueError(f"inputs must have the keys {', '.join(sorted(names))}")
    shape, mean, std = (found[key] for key in ("shape", "mean", "std"))
    if not (_all(shape, int, 3) and min(shape) >= 1):
        raise ValueError(f"inputs.shape is {shape!r}, not height, width and channels")
    for name, values in (("mean", mean), ("std", std)):
        if not _all(values, int | float, shape[2]) or not all(map(math.isfinite, values)):
            raise ValueError(f"inputs.{name} is {values!r}, not a number for each channel")
    count = found["num_examples"]
    if not (_all([count], int, 1) and count >= 1):
        raise ValueError(f"inputs.num_examples is {count!r}, not a number of examples")
    return Inputs(tuple(shape), tuple(map(float, mean)), tuple(map(float, std)), count)


def _all(values: Any, kind: Any, count: int) -> bool:
    return (
        isinstance(values, list)
        and len(values) == count
        and all(isinstance(value, kind) and not isinstance(value, bool) for value in values)
    )
