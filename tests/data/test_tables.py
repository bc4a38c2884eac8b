import numpy as np
import pytest

from ssljax.data.sources.csv_table import read_csv
from ssljax.data.tables import MISSING, Column, encode, find_columns, table_field
from ssljax.errors import UserError


def test_columns_are_found_from_the_training_cells():
    found = find_columns(
        {"age": ("3", "", "1.5"), "town": ("Ulm", "?", "Aal"), "zip": ("7", "5", "7")}, ["zip"]
    )
    assert found == (
        Column("age", fill=2.25),
        Column("town", (MISSING, "Aal", "Ulm")),
        Column("zip", (MISSING, "5", "7")),
    )


def test_missing_and_new_values():
    columns = find_columns({"age": ("3", "1"), "town": ("Ulm", "Aal")})
    cells = {"town": ("Aal", "Rom", "NA"), "age": ("NaN", "5", "-1e3"), "more": ("x", "x", "x")}
    np.testing.assert_array_equal(encode(cells, columns), [[2, 1], [5, 0], [-1000, 0]])


def test_the_field_has_statistics_of_numeric_columns_alone():
    columns = find_columns({"a": ("0", "4"), "b": ("x", "y"), "c": ("7", "7")})
    table = encode({"a": ("0", "4"), "b": ("x", "y"), "c": ("7", "7")}, columns)
    field = table_field(table, columns)
    assert (field.modality, field.shape, field.dtype) == ("table", (3,), "float32")
    assert field.cardinalities == (0, 3, 0)
    assert field.mean == (2, 0, 7) and field.std == (2, 1, 1)  # 1 for what does not vary


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ({"a": ("", "?")}, "column 'a' has no value"),
        ({"a": ("1", "inf")}, "column 'a' holds infinite numbers"),
        ({"a": [f"id {i}" for i in range(1001)]}, "column 'a' has 1,001 different texts"),
    ],
)
def test_columns_that_are_none(train, message):
    with pytest.raises(UserError, match=message):
        find_columns(train)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"b": ("1",)}, "columns of the training examples are not there: a"),
        ({"a": ("1", "x")}, "column 'a' is numeric .* 'x' is no finite"),
        ({"a": ("1", "1e39")}, "'1e39' is no finite 32-bit number"),
        ({"a": ("-inf",)}, "'-inf' is no finite"),
    ],
)
def test_cells_that_do_not_fit(cells, message):
    with pytest.raises(UserError, match=message):
        encode(cells, (Column("a"),))


@pytest.fixture
def people(tmp_path):
    (tmp_path / "train.csv").write_text(
        "\ufeffid,age,town,income\n1,30,Ulm,low\n2,,Aal,high\n\n3,50,,low\n", "utf-8"
    )
    (tmp_path / "test.csv").write_text('town,income,id,age\n"Ulm",mid,9,40\n', "utf-8")
    return tmp_path


def test_a_folder_of_splits(people):
    found = read_csv(f"{people}?label=income&drop=id")
    assert [column.name for column in found.columns] == ["age", "town"]
    assert found.class_names == ("high", "low", "mid")  # of all splits
    np.testing.assert_array_equal(found.splits["train"]["table"], [[30, 2], [40, 1], [50, 0]])
    assert found.splits["train"]["label"].tolist() == [1, 0, 1]
    np.testing.assert_array_equal(found.splits["test"]["table"], [[40, 2]])  # by name, not place
    assert found.splits["test"]["label"].tolist() == [2]


def test_one_file_is_train_and_has_no_labels(people):
    found = read_csv(f"{people}/train.csv?category=id")
    assert list(found.splits) == ["train"] and set(found.splits["train"]) == {"table"}
    assert found.fields["table"].cardinalities == (4, 0, 3, 3) and found.class_names == ()


def test_tabs(tmp_path):
    (tmp_path / "x.tsv").write_text("a\tb\n1\tx, y\n2\tz\n")
    found = read_csv(f"{tmp_path}/x.tsv")
    assert found.columns[1].categories == (MISSING, "x, y", "z")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?label=incom", "label: unknown column 'incom'; did you mean 'income'"),
        ("?labels=income", "unknown option of a csv: source 'labels'; did you mean 'label'"),
        ("?label=age,town", "one label column, not age, town"),
        ("?label=age", "train: 1 of 3 labels in 'age' are missing"),
        ("?drop=id,age,town,income", "no column of .* is left"),
    ],
)
def test_options_that_are_wrong(people, query, message):
    with pytest.raises(UserError, match=message):
        read_csv(f"{people}{query}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n3\n", "line 3 has 1 cells, the header has 2"),
        (b"a,b\n", "has no row below its header"),
        (b"", "has no row below its header"),
        (b"a,a\n1,2\n", "has 'a' twice"),
        (b"a\n\xff\xfe\n", "cannot read .* as a table in UTF-8"),
        (b"a\n" + b"x" * 200_000 + b"\n", "cannot read .* field larger than"),
    ],
    ids=["short row", "no row", "empty", "twice", "not UTF-8", "huge cell"],
)
def test_files_that_are_no_tables(tmp_path, content, message):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_csv(str(tmp_path / "x.csv"))


def test_folders_without_a_table_or_a_training_split(tmp_path):
    with pytest.raises(UserError, match="no .csv or .tsv file"):
        read_csv(str(tmp_path))
    (tmp_path / "test.csv").write_text("a\n1\n")
    with pytest.raises(UserError, match="must have one split named train; its splits are: test"):
        read_csv(str(tmp_path))
