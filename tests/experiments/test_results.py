"""`python -m benchmarks.results`: which runs it starts, and what it prints of them."""

import json
import pathlib
import sys

import pytest

from benchmarks import results

NAME = "simclr_openclipart_resnet"


@pytest.fixture
def started(tmp_path, monkeypatch):
    """The options of every training that is started; none is run."""
    found = []

    def python(module, *arguments, log, threads):
        found.append(arguments)
        folder = pathlib.Path(arguments[arguments.index("--workdir") + 1])
        folder.mkdir(parents=True)
        accuracy = 0.5 if "--config.objective.temperature=0.2" in arguments else 0.25
        score = {"knn": {"accuracy": accuracy}, "linear": {"accuracy": 0.125}}
        rows = dict.fromkeys(("pretrained", "random_init", "raw_input"), score)
        (folder / "evaluation.json").write_text(json.dumps(rows))
        return True

    monkeypatch.setattr(results, "_python", python)
    monkeypatch.setattr(results, "_write_tables", lambda *args: found.append(args))
    return found


def run(monkeypatch, folder, *options):
    command = ["results", "--runs", str(folder), "--jobs", "1", *options]
    monkeypatch.setattr(sys, "argv", command)
    return results.main()


def test_every_seed_has_a_run_of_its_own(started, tmp_path, monkeypatch):
    assert run(monkeypatch, tmp_path, "--only", NAME, "--seeds", "0,2") == 0
    *trained, tables = started
    workdirs = [one[one.index("--workdir") + 1] for one in trained]
    assert workdirs == [f"{tmp_path}/image/{NAME}", f"{tmp_path}/image/{NAME}_seed2"]
    assert ["--config.seed=0" in one for one in trained] == [True, False]
    assert "--config.seed=2" in trained[1] and tables == ({"image"}, "", tmp_path)
    assert not any("test_split" in option for one in trained for option in one)


def test_one_data_set_alone(started, tmp_path, monkeypatch):
    assert run(monkeypatch, tmp_path, "--modality", "image", "--data", "openclipart") == 0
    *trained, tables = started
    methods = [pathlib.Path(one[one.index("--workdir") + 1]).name for one in trained]
    files = pathlib.Path("experiments/image/small").glob("*_openclipart_*.py")
    expected = {file.stem for file in files if not file.stem.startswith("finetune_")}
    assert set(methods) == expected and len(methods) == 42 and tables[1] == "openclipart"


def test_what_starts_from_another_run_comes_after_it(started, tmp_path, monkeypatch):
    first = list(results.STARTS_FROM.values())
    chosen = [option for name in (*results.STARTS_FROM, *first) for option in ("--only", name)]
    assert run(monkeypatch, tmp_path, *chosen) == 0
    *trained, _ = started
    assert {one[one.index("--workdir") + 1] for one in trained[:2]} == {
        f"{tmp_path}/image/{name}" for name in first
    }
    configs = {one[one.index("--config") + 1].partition(":")[::2] for one in trained[2:]}
    assert configs == {
        (f"experiments/image/small/{name}.py", f"{tmp_path}/image/{start}")
        for name, start in results.STARTS_FROM.items()
    }


def test_a_setting_is_chosen_on_validation(started, tmp_path, monkeypatch, capsys):
    choice = "objective.temperature=0.1,0.2"
    assert run(monkeypatch, tmp_path, "--only", NAME, "--select", choice) == 0
    assert len(started) == 2  # and no table
    assert all("--config.evaluation.test_split=validation" in one for one in started)
    printed = capsys.readouterr().out
    assert f"| {NAME}_temperature_0.1 | 25.0 | 25.0 | 25.0 | 12.5 | 12.5 | 12.5 |" in printed
    assert f"| {NAME}_temperature_0.2 | 50.0 |" in printed


def test_what_is_no_choice_is_refused(started, tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, tmp_path, "--select", "temperature")
    assert "'temperature' is not KEY=A,B" in capsys.readouterr().err


def test_runs_are_fine_tuned_with_few_labels(started, tmp_path, monkeypatch):
    options = ("--modality", "image", "--data", "openclipart", "--few-labels", "5,10")
    assert run(monkeypatch, tmp_path, *options) == 0
    *commands, _ = started
    tuned = [one for one in commands if "--init-from" in one]
    names = {pathlib.Path(one[one.index("--init-from") + 1]).name for one in tuned}
    six = {f"{name}_openclipart_resnet" for name in ("byol", "dino", "simclr", "swav", "vicreg")}
    assert {*six, "mae_openclipart_vit"} < names and len(tuned) == len(names) == 26
    assert "jigsaw_openclipart_resnet" not in names  # its encoder has another stem
    for one in tuned:
        pretrained = pathlib.Path(one[one.index("--init-from") + 1])
        encoder = pretrained.name.rpartition("_")[2]
        config = one[one.index("--config") + 1]
        assert config == f"experiments/image/small/finetune_openclipart_{encoder}.py"
        assert one[one.index("--workdir") + 1] == f"{tmp_path}/image/few_labels_{pretrained.name}"
        assert one[one.index("--few-labels") + 1] == "5,10"
