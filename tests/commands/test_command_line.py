"""The command line as a user meets it: one clear line for what can be mended, an exit status."""

import json
import pathlib
import re

import jax
import numpy as np
import pytest

from ssljax.commands.main import main
from tests.objectives.cases import config_of

EXPERIMENT = '''
"""A short run on digits."""
from tests.objectives.cases import config_of

def get_config(case="simclr"):
    return config_of(case)
'''


@pytest.fixture
def experiment(tmp_path) -> str:
    path = tmp_path / "short.py"
    path.write_text(EXPERIMENT)
    return str(path)


def _fails(capsys, *argv: str) -> str:
    """Run a command that must fail with 2 and one line; return the line."""
    assert main(argv) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("ssljax: ")
    return line


def _pretrain_fails(capsys, experiment, tmp_path, *overrides: str) -> str:
    return _fails(
        capsys, "pretrain", "--config", experiment, "--workdir", str(tmp_path / "run"), *overrides
    )


@pytest.mark.parametrize(
    "command", ["pretrain", "finetune", "evaluate", "report", "plan", "config", "data", "list"]
)
def test_help_of_every_command(command, capsys):
    with pytest.raises(SystemExit) as exit_:
        main([command, "--help"])
    text = capsys.readouterr().out
    assert exit_.value.code == 0 and f"ssljax {command}" in text
    assert max(map(len, text.splitlines())) <= 100


def test_pretrain_evaluate_and_again(experiment, tmp_path, capsys):
    workdir = tmp_path / "run"
    argv = ["pretrain", "--config", experiment, "--workdir", str(workdir)]
    overrides = ["--config.steps=6", "--config.evaluation.final=True"]
    assert main([*argv, *overrides]) == 0
    printed = capsys.readouterr().out
    for row in ("pretrained", "random init", "raw input", str(workdir)):
        assert row in printed
    result = json.loads((workdir / "evaluation.json").read_text())
    assert result["step"] == 6
    assert result["raw_input"]["knn"]["accuracy"] > 0.9  # of the digits, by raw pixels

    assert main([*argv, *overrides]) == 0
    assert "is finished: 6 steps" in capsys.readouterr().out

    output = tmp_path / "again.json"
    evaluate = ["evaluate", "--workdir", str(workdir), "--output", str(output)]
    assert main([*evaluate, "--config.evaluation.knn_k=5"]) == 0
    assert f"written to {output}" in capsys.readouterr().out
    again = json.loads(output.read_text())
    assert again["pretrained"]["linear"] == result["pretrained"]["linear"]
    assert again["protocol"]["knn_k"] == 5


def test_training_data_may_move_change_and_be_gone(experiment, tmp_path, capsys):
    images = np.random.default_rng(0).integers(0, 255, (64, 8, 8, 1)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", image=images)
    np.savez(tmp_path / "other.npz", image=images[:40], label=np.arange(40) % 2)
    workdir = str(tmp_path / "run")
    train = ["pretrain", "--config", experiment, "--workdir", workdir, "--config.steps=3"]
    assert main([*train, f"--config.data.source=npz:{tmp_path}/images.npz"]) == 0

    (tmp_path / "images.npz").rename(tmp_path / "moved.npz")
    assert main([*train, f"--config.data.source=npz:{tmp_path}/moved.npz"]) == 0
    assert "is finished: 3 steps" in capsys.readouterr().out

    other = f"npz:{tmp_path}/other.npz"
    evaluate = ["evaluate", "--workdir", workdir, f"--config.evaluation.source={other}"]
    assert main(evaluate) == 0
    with_data = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    np.savez(tmp_path / "moved.npz", image=images // 4 + 150)
    assert main(evaluate) == 0
    assert json.loads((tmp_path / "run" / "evaluation.json").read_text()) == with_data
    (tmp_path / "moved.npz").unlink()
    line = _fails(capsys, *evaluate[:3])
    assert "does not exist" in line and "by --config.evaluation.source=KIND:NAME" in line
    assert main(evaluate) == 0
    assert json.loads((tmp_path / "run" / "evaluation.json").read_text()) == with_data


@pytest.mark.parametrize(
    "override, message",
    [
        ("--config.setps=3", "unknown config key 'setps'; did you mean 'steps'"),
        ("--config.objective.name=simclrr", "unknown objective 'simclrr'; did you mean 'simclr'"),
        ("--config.encoder.name=resnet19", "unknown encoder 'resnet19'; did you mean 'resnet18'"),
        ("--config.encoder.widht=3", "did you mean 'encoder.width'"),
        ("--config.temperature=1", "'objective.temperature'? Keys of config: accumulate, batch"),
        ("--config.learning_rate=1", "did you mean 'optimizer.learning_rate'"),
        ("--config.optimizer.rate=1", "Keys of config.optimizer: b1, b2, "),
        ("--config.objective.views=3", "config.objective.views=3; it must be the name of a preset"),
        ("--config.data=digits", "set its keys, such as --config.data.beside, "),
        ("--config.steps.few=3", "steps is no section"),
        ("--config.steps", "--config.steps has no value"),
        ("--config.objective.temperatur=1", "did you mean 'objective.temperature'"),
        ("--config.objective.temperature=hot", "hot"),
        ("--config.objective.views.crop.flipp=1", "did you mean 'objective.views.crop.flip'"),
        ("--config.objective.views.crop.flip=2", "flip=2.0 must be from 0.0 to 1.0"),
        ("--config.objective.views.crop.count=3", "makes 3 view(s)"),
        ("--config.optimizer.name=adam", "did you mean 'adamw'"),
        ("--config.steps=ten", "ten"),
        ("--config.steps=0", "config.steps=0; it must be at least 1"),
        ("--config.accumulate=0", "config.accumulate=0; it must be at least 1"),
        ("--config.seed=-1", "config.seed=-1; it must be at least 0"),
        ("--config.seed=4294967296", "it must be at most 4,294,967,295"),
        ("--config.checkpoint.every=0", "config.checkpoint.every=0; it must be at least 1"),
        ("--config.checkpoint.keep_last=0", "config.checkpoint.keep_last=0; it must be at least 1"),
        ("--config.data.workers=-1", "config.data.workers=-1; it must be at least 0"),
        ("--config.data.host_crop=(.5,)", "config.data.host_crop=(0.5,); it must be () or (float"),
        ("--config.data.host_crop=(0,1)", "config.data.host_crop[0]=0.0; it must be above 0"),
        ("--config.profile=(1,)", "config.profile=(1,) has 1 entries; it must be (int"),
        ("--config.init_from=({'workdir':'nowhere','take':'params','put':'params'},)", "nowhere"),
        ("--config.batch_size=12", "does not divide over 8 devices"),
        ("--config.accumulate=2", "couples the examples of a batch"),
        ("--config.mesh.fsdp=3", "does not divide 8 devices"),
        ("--config.data.source=folder:/nowhere", "/nowhere"),
        ("--config.data.source=tfds:fashion_mnits", "fashion_mnits"),
        ("--config.data.source=sklearn:digit", "did you mean 'digits'"),
        ("--config.data.source=zip:x", "unknown kind of data source 'zip'"),
        ("--config.data.split=dev", "dev"),
        ("--stesp=3", "unknown argument '--stesp=3'"),
        ("--config.objective.name=nowhere.module:Mine", "cannot import 'nowhere.module'"),
        ("--config.objective.name=:Mine", "unknown objective ':Mine'"),
        ("--config.objective.name=json:JSONDecodr", "did you mean 'JSONDecoder'"),
        (
            "--config.objective.name=json:JSONDecoder",
            "JSONDecoder is not a class that derives from",
        ),
    ],
)
def test_bad_input_is_one_clear_line(override, message, experiment, tmp_path, capsys):
    line = _pretrain_fails(capsys, experiment, tmp_path, override)
    assert message in line, line
    assert not (tmp_path / "run").exists()  # so that the corrected command can begin there


def test_fields_that_the_file_left_out_can_be_set(experiment):
    from ssljax.commands import config_file

    config = config_file.load(
        experiment,
        ["--config.objective.temperature=0.3", "--config.encoder.pool=2",
         "--config.objective.views.crop.hue=0.1", "--config.steps=5"],
    )  # fmt: skip
    assert (config.objective.temperature, config.encoder.pool, config.steps) == (0.3, 2, 5)
    assert config.objective.views.crop.hue == 0.1


def test_an_argument_of_the_config_file(experiment):
    from ssljax.commands import config_file

    assert config_file.load(experiment + ":mae", []).objective.name == "mae"


@pytest.mark.parametrize(
    "text, message",
    [
        ("x = 1", "has no function get_config()"),
        (
            "def get_config(): return {'steps': 3}",
            "returned a dict; it must be an ml_collections.ConfigDict",
        ),
        (
            "from ml_collections import ConfigDict\n"
            "def get_config(): return ConfigDict({'batchsize': 3})",
            "unknown config key 'batchsize'; did you mean 'batch_size'",
        ),
    ],
)
def test_a_bad_config_file_is_told(text, message, tmp_path, capsys):
    path = tmp_path / "bad.py"
    path.write_text(text)
    assert message in _pretrain_fails(capsys, str(path), tmp_path)


@pytest.mark.parametrize(
    "code, argument, message",
    [
        ("def f(:\n", "", "SyntaxError: invalid syntax, in {file}, line 1: def f(:"),
        ("import nowhere\n", "", "No module named 'nowhere', in {file}, line 1: import nowhere"),
        ("def get_config():\n  1 / 0\n", "", "division by zero, in {file}, line 2: 1 / 0"),
        ("import json\ndef get_config():\n  json.loads('{{')\n", "", "json/decoder.py, line "),
        ("def get_config():\n  pass\n", ":x", "its function is get_config(); use --config {file}"),
        ("def get_config(x):\n  pass\n", "", "get_config(x); use --config {file}:ARGUMENT"),
        ("def get_config():\n  return {{}}\n", "", "returned a dict"),
        ("get_config = 3\n", "", "has no function get_config()"),
    ],
)  # fmt: skip
def test_a_config_file_that_cannot_be_used_is_told_by_its_own_line(
    code, argument, message, tmp_path, capsys
):
    file = tmp_path / "mine.py"
    file.write_text(code.format())
    line = _pretrain_fails(capsys, f"{file}{argument}", tmp_path)
    assert message.format(file=file) in line, line
    assert not (tmp_path / "run").exists()


def test_a_missing_config_file_names_its_neighbour(experiment, tmp_path, capsys):
    line = _pretrain_fails(capsys, experiment.replace("short", "shrot"), tmp_path)
    assert "did you mean" in line and "short.py" in line


def test_a_workdir_that_cannot_be_made(experiment, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    line = _fails(
        capsys, "pretrain", "--config", experiment, "--workdir", str(tmp_path / "file" / "run")
    )
    assert "cannot write to the workdir" in line


@pytest.mark.parametrize("command", ["pretrain --config short.py", "evaluate"])
def test_an_empty_workdir_is_refused(command, capsys):
    assert "--workdir is empty" in _fails(capsys, *command.split(), "--workdir", "")


@pytest.mark.parametrize("command", ["pretrain --config short.py", "evaluate"])
def test_a_bucket_is_no_workdir(command, capsys):
    line = _fails(capsys, *command.split(), "--workdir", "gs://bucket/run")
    assert "--workdir gs://bucket/run: a workdir is a folder, not a bucket" in line


@pytest.mark.parametrize("command", ["pretrain --config short.py", "evaluate"])
def test_processes_that_cannot_be_one_run(command, tmp_path, capsys):
    flags = "--coordinator localhost:1 --num-processes 2 --process-id 2".split()
    line = _fails(capsys, *command.split(), "--workdir", str(tmp_path), *flags)
    assert "--process-id 2 must be from 0 to 1, as --num-processes is 2" in line


@pytest.mark.parametrize(
    "override, message",
    [
        ("source=npz:/nowhere.npz", "'/nowhere.npz' does not exist"),
        ("knn_k=0", "config.evaluation.knn_k=0; it must be at least 1"),
        ("test_split=val", "has no split 'val'; it has: test, train"),
    ],
)
def test_what_an_evaluation_lacks_is_told_before_training(
    override, message, experiment, tmp_path, capsys
):
    overrides = ["--config.evaluation.final=True", f"--config.evaluation.{override}"]
    assert message in _pretrain_fails(capsys, experiment, tmp_path, *overrides)
    assert not (tmp_path / "run" / "config.json").exists()


def test_an_output_that_cannot_be_written_is_told_before_the_evaluation(tmp_path, capsys):
    (tmp_path / "config.json").write_text(json.dumps(config_of("simclr").to_dict()))
    output = tmp_path / "missing" / "evaluation.json"
    line = _fails(capsys, "evaluate", "--workdir", str(tmp_path), "--output", str(output))
    assert f"cannot write {output}: No such file or directory; say where to by --output" in line


def test_evaluate_without_a_run(tmp_path, capsys):
    assert "holds no run" in _fails(capsys, "evaluate", "--workdir", str(tmp_path))


@pytest.mark.parametrize(
    "objective",
    [{"name": "antigravity:Fly"}, {"name": "combine", "tasks": ({"name": "antigravity:Fly"},)}],
)
def test_a_saved_config_imports_nothing_unasked(objective, tmp_path, capsys):
    config = config_of("simclr")
    config.objective = objective
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    line = _fails(capsys, "evaluate", "--workdir", str(tmp_path))
    assert "--trust antigravity:Fly" in line


def test_the_version(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])
    assert exit_.value.code == 0
    assert re.fullmatch(r"ssljax [\d.]+, jax [\d.]+\n", capsys.readouterr().out)


def test_list_names_everything(capsys):
    from ssljax.models import ENCODERS
    from ssljax.objectives import OBJECTIVES

    assert main(["list"]) == 0
    text = capsys.readouterr().out
    rows = re.findall(r"^  (\S+) *\n? +(\S.*)$", text, re.MULTILINE)
    names = {name for name, _ in rows}
    files = pathlib.Path("experiments").rglob("*.py")
    experiments = {str(path) for path in files if "def get_config(" in path.read_text()}
    assert "experiments/image/common.py" not in names
    assert names >= {*OBJECTIVES, *ENCODERS, "tfds:NAME", "folder:PATH", "adamw", *experiments}
    assert all(len(line) > 10 for _, line in rows)
    assert max(map(len, text.splitlines())) <= 100


def test_list_passes_over_files_that_are_no_python(tmp_path, capsys):
    (tmp_path / "cut.py").write_text("def get_config(")
    (tmp_path / "latin.py").write_bytes(b"# \xe9\n")
    argv = ["list", "experiments", "--experiments"]
    assert main([*argv, str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("cannot be read") == 2
    assert main([*argv, str(tmp_path / "nowhere")]) == 0
    assert f"no experiment config in the folder {tmp_path / 'nowhere'}" in capsys.readouterr().out


def test_data_show(capsys):
    assert main(["data", "show", "sklearn:digits", "--split", "test"]) == 0
    assert "359 examples\nimage: image 8x8x1 uint8" in capsys.readouterr().out


def test_a_run_says_what_it_runs_on_and_how_to_go_on(experiment, tmp_path, capsys):
    workdir = tmp_path / "my run"
    argv = ["pretrain", "--config", experiment, "--workdir", str(workdir)]
    overrides = ["--config.steps=3", "--config.log_every=1", "--config.progress=True"]
    assert main([*argv, *overrides]) == 0
    out, err = capsys.readouterr()
    assert "data: 1,438 examples in 'train' of sklearn:digits: image 8x8x1\n" in out
    assert re.search(r"^model: [\d,]+ parameters \(simclr on resnet, adamw\)$", out, re.MULTILINE)
    assert "devices: 8 x cpu, mesh data=8, fsdp=1, tensor=1\n" in out
    assert re.search(r"^compiling the train step ...\ncompiled in \d+\.\d s$", out, re.MULTILINE)
    assert out.endswith(f"evaluate it with: ssljax evaluate --workdir '{workdir}'\n")
    assert re.fullmatch(r"(step \d/3: loss \d+\.\d+, [\d,]+ examples/s, 00:0\d left\n)+", err), err


def test_compiled_programs_are_kept_unless_jax_was_told_otherwise(tmp_path, monkeypatch):
    from ssljax.commands import compiled

    def folder_after(told=None, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        jax.config.update("jax_compilation_cache_dir", told)
        compiled.keep_compiled()
        return jax.config.jax_compilation_cache_dir

    monkeypatch.setattr(compiled, "FOLDER", tmp_path / "kept")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    before = jax.config.jax_compilation_cache_dir
    try:
        assert folder_after() == str(tmp_path / "kept") and (tmp_path / "kept").is_dir()
        assert folder_after(told="mine") == "mine"
        assert folder_after(JAX_COMPILATION_CACHE_DIR="") is None
        monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
        (tmp_path / "file").write_text("")
        monkeypatch.setattr(compiled, "FOLDER", tmp_path / "file/kept")
        assert folder_after() is None
    finally:
        jax.config.update("jax_compilation_cache_dir", before)


def test_unlabelled_images_without_a_test_split_train_and_are_measured(
    experiment, tmp_path, capsys
):
    images = np.random.default_rng(0).integers(0, 255, (96, 8, 8, 3)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", image=images)
    workdir = tmp_path / "run"
    argv = ["pretrain", "--config", experiment, "--workdir", str(workdir), "--config.steps=3"]
    source = f"--config.data.source=npz:{tmp_path}/images.npz"
    assert main([*argv, source, "--config.evaluation.final=True"]) == 0
    assert "no labels: only measures that need none" in capsys.readouterr().out
    result = json.loads((workdir / "evaluation.json").read_text())
    assert "knn" not in result["pretrained"]
    assert 0 < result["pretrained"]["collapse"]["rankme"] <= result["pretrained"]["dimension"]
