"""`ts:PATH`: time series in the .ts format of the UCR and UEA archives, of aeon and sktime.

PATH is one file, which is all train, or a folder with NAME_TRAIN.ts and NAME_TEST.ts (or train.ts
and test.ts).
"""

import pathlib

from ssljax.data.sources.arrays import Arrays
from ssljax.data.sources.paths import existing
from ssljax.data.sources.ts_format import arrays_of_texts
from ssljax.errors import UserError


def read_ts_files(path: str) -> Arrays:
    """Return all splits of the series.

    Raises:
      UserError: a file is missing, damaged or has no training split beside it.
    """
    root = existing(path, ".ts file or folder")
    try:
        texts = {split: file.read_text("utf-8") for split, file in _files(root).items()}
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {root} as .ts files: {error}") from error
    try:
        return arrays_of_texts(texts)
    except UserError as error:
        raise UserError(f"{root}: {error}") from error


def _files(root: pathlib.Path) -> dict[str, pathlib.Path]:
    if root.is_file():
        return {"train": root}
    files: dict[str, pathlib.Path] = {}
    for file in sorted(root.glob("*.ts")):
        split = file.stem.rpartition("_")[2].lower()
        if split in files:
            raise UserError(f"{root} has {files[split].name} and {file.name}; keep one set there")
        files[split] = file
    if not files:
        raise UserError(f"no .ts file in the folder {root}")
    return files
