from benchmarks.kept_rows import with_kept_rows

OLD = """# Results

| method | run | k-NN |
| --- | --- | --- |
| byol | `a/byol` | 21.5 |
| mae | `a/mae` | 22.7 |

## Protocols

Rates are in percent.

| run | protocol |
| --- | --- |
| `a/mae` | shift |
"""
NEW = """# Results

Seen once.

| method | run | **TFLOP** | k-NN |
| --- | --- | --- | --- |
| mae | `a/mae` | 3 | 23.0 |

A last line.
"""


def test_rows_of_runs_made_elsewhere_stay_under_the_new_ones():
    assert with_kept_rows(NEW, OLD) == (
        NEW.replace(
            "| mae | `a/mae` | 3 | 23.0 |\n",
            "| mae | `a/mae` | 3 | 23.0 |\n| byol | `a/byol` | - | 21.5 |\n",
        )
        + "\n## Protocols"
        + OLD.split("## Protocols")[1]
    )


def test_a_page_with_all_runs_and_a_first_page_stay_as_they_are():
    assert with_kept_rows(OLD, OLD) == OLD
    assert with_kept_rows(OLD, NEW) == OLD
    assert with_kept_rows(NEW, "") == NEW


def test_a_table_in_the_old_page_alone_stays():
    plain = "# Results\n\nNo run was evaluated.\n"
    table = NEW.removeprefix("# Results\n\nSeen once.\n").removesuffix("\nA last line.\n")
    assert with_kept_rows(plain, NEW) == plain + table
