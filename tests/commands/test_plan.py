"""`ssljax plan` as a user meets it: a process for each topology, exit codes for scripts."""

import contextlib
import dataclasses
import importlib.util
import io
import json
import xml.etree.ElementTree

import pytest

from ssljax import planning
from ssljax.commands.main import main
from ssljax.planning import __main__ as entry
from ssljax.planning.plan import from_json
from ssljax.spec import image_spec
from ssljax.training.data_record import DataRecord, write_data_record
from tests.commands.test_command_line import EXPERIMENT
from tests.experiments.configs import ROOT

# Wide enough for parameters to be cut, and a batch for which they are what is sent.
SHARDED = ("--config.mesh.fsdp=4", "--config.encoder.width=256", "--config.batch_size=256")
TPU = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None,
    reason="needs libtpu: pip install -e '.[plan-tpu]'",
)
GPU = pytest.mark.skipif(
    importlib.util.find_spec("jax_cuda12_plugin") is None,
    reason="needs the CUDA compiler: pip install -e '.[plan-gpu]'",
)

PLOT = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None,
    reason="needs Matplotlib: pip install -e '.[plan]'",
)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("configs") / "short.py"
    path.write_text(EXPERIMENT)
    return f"{path}:mae"


def _plan(experiment: str, topology: str, *more: str) -> list[str]:
    return ["plan", "--config", experiment, "--topology", topology, *more]


@pytest.fixture(scope="module")
def printed(experiment, tmp_path_factory):
    """Return what a plan for eight CPU devices prints, as JSON."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        assert main(_plan(experiment, "cpu:8", "--json", *SHARDED)) == 0
    return json.loads(output.getvalue())


def test_json_has_the_plan(printed):
    (plan,) = printed["plans"]
    assert plan["chips"] == 8 and plan["mesh"] == {"data": 2, "fsdp": 4, "tensor": 1}
    assert plan["fits"] is True and 0 < plan["memory"]["state"] < plan["memory"]["peak"]
    assert plan["unknown_loops"] == 0
    assert {part["name"] for part in plan["parts"]} == {
        "params/encoder", "params/decoder", "opt_state"
    }  # fmt: skip
    assert {one["kind"] for one in plan["exchanges"]} >= {"all-gather", "all-reduce"}
    # Every chip does an eighth; what XLA spares or adds of it is little.
    assert 0.9 < 8 * plan["flops"] / plan["model_flops"] < 1.2


def test_the_plan_as_text(printed):
    plan = from_json(printed["plans"][0])
    assert planning.to_json(plan) == printed["plans"][0]
    text = planning.describe(plan)
    for expected in ("cpu:8: 8 chips", "params/decoder", "fits, ", "all-gather", "no time follows"):
        assert expected in text, text
    assert "-" in planning.table([plan, plan])


def _timed(printed, **changes):
    """Return a plan of that program, as if on chips that have peaks."""
    from ssljax.planning.roofline import Roofline

    plan = from_json(printed["plans"][0])
    timed = {"roofline": Roofline(0.1, 0.2, 0.05), "mfu": 0.3, "examples_per_second": 80.0}
    return dataclasses.replace(plan, **(timed | {"hours": 2.0} | changes))


def test_a_plan_with_a_time_names_the_longest(printed):
    text = planning.describe(_timed(printed))
    assert "HBM bytes" in text and "<- the longest" in text and "16 chip-hours" in text
    assert "MFU at most 0.30, an estimate" in text


def test_a_quick_plan_says_what_it_leaves_out(printed, experiment, monkeypatch, capsys):
    from ssljax.planning.roofline import Roofline

    asked = []

    def request(config, topology, **options):
        asked.append(options["quick"])
        return [_timed(printed, roofline=Roofline(0.1, None, 0.05), hbm_bytes=None)]

    monkeypatch.setattr(planning, "request_plans", request)
    more = ("--topology", "tpu:v5e:8x8", "--quick")
    assert main(_plan(experiment, "tpu:v5e:2x2", *more)) == 0
    text = capsys.readouterr().out
    assert asked == [True, True]
    (row,) = {line for line in text.splitlines() if line.startswith("HBM bytes")}
    assert row.split() == ["HBM", "bytes", "not", "counted"]
    assert "an estimate without HBM bytes" in text and "bound by FLOPs" in text
    assert " -  " in text.splitlines()[-1]


@TPU
def test_the_quick_compiler_makes_the_same_step(experiment, capsys):
    plans = []
    for more in ((), ("--quick",)):
        assert main(_plan(experiment, "tpu:v5e:2x4", "--json", *SHARDED, *more)) == 0
        plans += json.loads(capsys.readouterr().out)["plans"]
    full, quick = plans
    for figure in ("flops", "model_flops", "least"):
        assert quick[figure] == full[figure]
    assert quick["memory"]["state"] == full["memory"]["state"] < quick["memory"]["peak"]
    assert quick["hbm_bytes"] is None and quick["roofline"]["memory"] is None


@pytest.mark.parametrize(
    "config", ["table/small/simclr_adult_mlp", "series/small/mae_watch_transformer"]
)
def test_tables_and_series_are_planned_without_their_data(config, tmp_path, capsys):
    path = str(ROOT / "experiments" / f"{config}.py")
    assert main(_plan(path, "cpu:8", "--json", f"--config.data.folder={tmp_path}")) == 0
    (plan,) = json.loads(capsys.readouterr().out)["plans"]
    assert plan["fits"] is True and plan["model_flops"] > 0


def test_a_plan_from_the_record_of_a_run(experiment, tmp_path, capsys):
    spec = image_spec((12, 20, 1), (0.5,), (0.2,), 640)
    write_data_record(tmp_path, DataRecord({"source": {}}, spec))
    more = ("--spec", str(tmp_path), "--config.data.source=folder:/nowhere")
    assert main(_plan(experiment, "cpu:8", "--json", *more)) == 0
    (plan,) = json.loads(capsys.readouterr().out)["plans"]
    assert plan["memory"]["batch"] == plan["batch_size"] / 8 * (12 * 20 + 4)


def test_what_does_not_fit_is_status_3_and_says_by_how_much(
    printed, experiment, monkeypatch, capsys
):
    memory = from_json(printed["plans"][0]).memory
    small = dataclasses.replace(memory, capacity=memory.peak - 2**30)
    plan = _timed(printed, memory=small, flops=None, roofline=None)
    fitting = _timed(printed, settings={"mesh.fsdp": 8})
    monkeypatch.setattr(planning, "request_plans", lambda *args, **options: [plan])
    assert main(_plan(experiment, "cpu:8")) == 3
    assert "does not fit, by 1.00 GiB" in capsys.readouterr().out
    monkeypatch.setattr(planning, "request_plans", lambda *args, **options: [plan, fitting])
    assert main(_plan(experiment, "cpu:8", "--fit")) == 0
    text = capsys.readouterr().out
    assert "with --config.mesh.fsdp=8" in text and "as it is" in text


@PLOT
def test_several_topologies_give_a_table_and_a_plot(
    printed, experiment, monkeypatch, tmp_path, capsys
):
    def request(config, topology, **options):
        rate = 100.0 * topology.size**0.9
        return [
            _timed(printed, topology=topology.spec, chips=topology.size, examples_per_second=rate)
        ]

    monkeypatch.setattr(planning, "request_plans", request)
    path = tmp_path / "scaling.svg"
    names = ["tpu:v5e:8x8", "tpu:v5e:16x16", "gpu:h100:8x8"]
    more = [part for name in names[1:] for part in ("--topology", name)]
    assert main(_plan(experiment, names[0], *more, "--plot", str(path))) == 0
    rows = [line.split()[0] for line in capsys.readouterr().out.splitlines()[-4:]]
    assert rows == ["topology", *names]
    assert xml.etree.ElementTree.parse(path).getroot().tag.endswith("svg")


def test_a_plot_that_cannot_be_made_is_refused_before_anything_is_compiled(
    experiment, monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(planning, "request_plans", None)
    message = _fails(capsys, *_plan(experiment, "cpu:8", "--plot", str(tmp_path / "plot.gif")))
    assert "plot.gif: give a file that ends in .svg" in message


def _fails(capsys, *argv: str) -> str:
    assert main(argv) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


@pytest.mark.parametrize(
    "topology, more, message",
    [
        ("tpu:v5e:16x17", (), "did you mean 'tpu:v5e:16x16'"),
        ("cpu:8", ("--config.setps=3",), "did you mean 'steps'"),
        ("cpu:8", ("--batch-per-chip=-1",), "--batch-per-chip=-1"),
    ],
)
def test_bad_input_is_one_clear_line(topology, more, message, experiment, capsys):
    assert message in _fails(capsys, *_plan(experiment, topology, *more))


def test_what_the_process_refuses_is_one_clear_line_too(experiment, capsys):
    line = _fails(capsys, *_plan(experiment, "cpu:8", "--config.mesh.fsdp=3"))
    assert "the mesh (data=-1, fsdp=3" in line and "8 devices" in line


@pytest.mark.parametrize("message, status", [("cuDNN not found.", 2), ("no room", None)])
def test_a_missing_cudnn_names_the_extra_too(message, status, monkeypatch, capsys):
    def fail(request):
        raise RuntimeError(message)

    monkeypatch.setattr(entry, "answer", fail)
    monkeypatch.setattr("sys.stdin", io.StringIO("{}"))
    if status is None:
        with pytest.raises(RuntimeError, match=message):
            entry.main()
        return
    assert entry.main() == status
    assert "pip install -e '.[plan-gpu]'" in json.loads(capsys.readouterr().out)["error"]


@pytest.mark.parametrize(
    "topology, extra", [("tpu:v5e:2x2", "plan-tpu"), ("gpu:h100:8", "plan-gpu")]
)
def test_a_missing_compiler_names_the_extra_that_installs_it(
    topology, extra, experiment, monkeypatch, capsys
):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert f"pip install -e '.[{extra}]'" in _fails(capsys, *_plan(experiment, topology))


@pytest.mark.parametrize(
    "topology",
    [
        pytest.param("tpu:v5e:2x4", marks=TPU),
        pytest.param("gpu:h100:8", marks=GPU),
        pytest.param("gpu:a100:2x4", marks=GPU),
    ],
)
def test_hardware_that_is_not_here(topology, printed, experiment, capsys):
    """The FLOPs of the same step are the same, whatever compiles it."""
    assert main(_plan(experiment, topology, "--json", *SHARDED)) == 0
    (plan,) = json.loads(capsys.readouterr().out)["plans"]
    assert plan["flops"] == pytest.approx(printed["plans"][0]["flops"], rel=0.1)
    assert plan["model_flops"] == printed["plans"][0]["model_flops"]
    assert plan["bound"] in ("compute", "memory", "network") and 0 < plan["mfu"] < 1
    assert plan["hbm_bytes"] > plan["memory"]["state"]
    # Two passes instead of three where the compiler keeps for the backward pass what it gathered.
    assert 0.6 < plan["sent"] / plan["least"] < 3
