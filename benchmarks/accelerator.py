r"""What one GPU of 80 GB or more does: steps of the papers' recipes, attention, trainings.

    python -m benchmarks.accelerator --data images.npz --out accelerator.json

Ends within --seconds (540). Every measurement has a process of its own: one that fails, or for
which no time is left, is named in the output, and the others go on. The file is written after each.

steps: the train step of the recipe with the batch that fits into 85% of the memory, on images and
texts that lie on the device: time, examples/s, peak memory, and MFU beside that of the roofline of
`ssljax plan` for the same program. torch: the same model and loss in PyTorch, eager, in bfloat16,
with the same batch, without augmentation, which the step of `ssljax` has. attention: the gradient
of four layers of ViT-L with each kernel. train: pretraining on the images of --data, an npz file
with labels (`ssljax list data`), at 32x32, and k-NN.

--tiny tries the command on a CPU, with models that mean nothing.
"""

import argparse
import importlib
import importlib.util
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

# name: (config, changes for the device, changes for --tiny, data as `ssljax plan --spec` has them)
_SMALL = {"width": 64, "depth": 2, "heads": 2}
_SHORT = {**_SMALL, "length": 32}
RECIPES = {
    "simclr resnet50": (
        "image.paper.simclr_imagenet_resnet50",
        {},
        {"encoder": {"name": "resnet18"}},
        "",
    ),
    "mae vit_b": (
        "image.paper.mae_imagenet_vit_l",
        {"encoder": {"name": "vit_b"}},
        {"encoder": _SMALL},
        "",
    ),
    "dino vit_s": (
        "image.paper.dino_imagenet_vit_s",
        {},
        {"encoder": _SMALL, "objective": {"prototypes": 256}},
        "",
    ),
    "dinov2 vit_l": (
        "image.paper.dinov2_imagenet_vit_l",
        {},
        {"encoder": _SMALL, "objective": {"prototypes": 256, "patch_prototypes": 256}},
        "",
    ),
    "bert base": (
        "text.paper.bert_wikipedia_books_base",
        {},
        {"encoder": _SHORT, "data": {"length": 32}},
        "text:30522:10000000",
    ),
    "clip vit_b16": (
        "pairs.paper.clip_laion_vit_b16",
        {},
        {"encoder": _SMALL, "encoders": {"text": _SHORT}, "data": {"length": 32}},
        "image:224x224x3+text:49408:407332084",
    ),
}
MOST, FIRST, FIRST_TINY = 1024, 32, 4  # examples of a step; DINOv2 groups them by 32
PART_OF_MEMORY = 0.85
TIMED = 6.0  # seconds
METHODS = {
    "simclr": "simclr_openclipart_resnet",
    "byol": "byol_openclipart_resnet",
    "vicreg": "vicreg_openclipart_resnet",
    "dino": "dino_openclipart_resnet",
    "mae": "mae_openclipart_vit",
    "swav": "swav_openclipart_resnet",
}
TOKENS = (197, 785, 1568)
KERNELS = ("xla", "cudnn")
LONGEST = {"steps": 120, "torch": 60, "attention": 60, "train": 90}  # seconds of one process


def main() -> None:
    """Measure all parts and write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="npz file of 32x32 images; without one nothing is trained")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("accelerator.json"))
    parser.add_argument("--seconds", type=float, default=540, help="for everything together")
    parser.add_argument("--parts", nargs="+", choices=LONGEST, default=list(LONGEST))
    parser.add_argument("--tiny", action="store_true", help="sizes for a CPU, to try the command")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # a measurement, in this process
    args = parser.parse_args()
    if args.one:
        case = json.loads(args.one)
        print(json.dumps(_MEASURE[case.pop("part")](**case)))
        return
    end = time.monotonic() + args.seconds
    result = {"command": sys.argv[1:], "python": platform.python_version(), "measured": []}
    for case in _cases(args):
        batch = _batch(result["measured"], case)
        answer = _in_process(case | batch, end - time.monotonic() - 5)
        result["measured"].append(case | answer)
        args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(_line(case | answer), flush=True)
    print(f"written to {args.out}")


def _cases(args: argparse.Namespace) -> list[dict]:
    """Return the measurements in the order of their worth."""
    tiny = {"tiny": args.tiny}
    cases = [{"part": "steps", "recipe": name, **tiny} for name in RECIPES]
    if args.data:
        path = str(pathlib.Path(args.data).resolve())
        cases += [{"part": "train", "method": name, "data": path, **tiny} for name in METHODS]
    kernels = KERNELS[:1] if args.tiny else KERNELS
    cases += [
        {"part": "attention", "kernel": kernel, "tokens": tokens, **tiny}
        for tokens in TOKENS
        for kernel in kernels
    ]
    if importlib.util.find_spec("torch"):
        cases += [{"part": "torch", "recipe": name, **tiny} for name in RECIPES]
    return [case for case in cases if case["part"] in args.parts]


def _batch(measured: list[dict], case: dict) -> dict[str, int]:
    """Return the batch of the step that a step of PyTorch is to be compared with."""
    if case["part"] != "torch":
        return {}
    same = [one.get("batch") for one in measured if one.get("recipe") == case["recipe"]]
    return {"batch": (same and same[0]) or FIRST}


def _in_process(case: dict, left: float) -> dict:
    """Return what a process of its own measures, or {"failed": why}."""
    if left < 10:
        return {"failed": "no time was left"}
    command = [sys.executable, "-m", "benchmarks.accelerator", "--one", json.dumps(case)]
    environment = {"XLA_PYTHON_CLIENT_MEM_FRACTION": "0.92", **os.environ}
    seconds = time.monotonic()
    try:
        made = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=min(left, LONGEST[case["part"]]),
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        return {"failed": f"took more than {error.timeout:.0f} s"}
    if made.returncode:
        lines = made.stderr.strip().splitlines() or [f"exit status {made.returncode}"]
        return {"failed": lines[-1][:400]}
    return json.loads(made.stdout.splitlines()[-1]) | {"took": round(time.monotonic() - seconds, 1)}


def _line(measured: dict) -> str:
    shown = {key: value for key, value in measured.items() if key not in ("tiny", "data")}
    cells = (f"{one:.4g}" if isinstance(one, float) else str(one) for one in shown.values())
    return "  ".join(f"{key} {cell}" for key, cell in zip(shown, cells, strict=True))


def _steps(recipe: str, tiny: bool) -> dict:
    """Time the train step of a recipe."""
    import jax

    from ssljax.commands.compiled import keep_compiled
    from ssljax.planning import flops, hlo
    from ssljax.planning.cost import cost
    from ssljax.planning.program import model_flops
    from ssljax.planning.roofline import mfu, roofline

    keep_compiled()
    topology = _topology()
    config, experiment, program = _that_fits(recipe, tiny, topology)
    traced, compiled = program
    model = model_flops(config, experiment, jax.devices()[:1])
    counted = cost(hlo.parse(compiled.as_text()), on_chip=(), devices=1)
    state, batch = experiment.init(), _filled(experiment.abstract_batch)
    seconds = _seconds_of_steps(compiled, state, batch)
    found = {
        "batch": config.batch_size,
        "ms": 1e3 * seconds,
        "examples_per_second": config.batch_size / seconds,
        "peak_gib": _peak_bytes() / 2**30,
        "model_tflop": model / 1e12,
        **_machine(),
    }
    line = roofline(flops.traced(traced.jaxpr.jaxpr), counted, topology)
    if line:
        found |= {
            "mfu": mfu(model, seconds, topology),
            "roofline_ms": 1e3 * line.seconds,
            "roofline_bound": line.bound,
            "roofline_mfu": mfu(model, line.seconds, topology),
        }
    return found


def _that_fits(recipe: str, tiny: bool, topology):
    """Return (config, experiment, (traced, compiled)) of the largest batch that fits."""
    first = FIRST_TINY if tiny else FIRST
    config, experiment, program = _compiled(recipe, tiny, first)
    fixed = sum(leaf.size * leaf.dtype.itemsize for leaf in _leaves(experiment.abstract_state))
    each = max(1.0, (_needed(program[1]) - fixed) / first)
    room = PART_OF_MEMORY * topology.memory - fixed
    fits = min(int(room / each) // first * first, 2 * first if tiny else MOST)
    if fits <= first:
        return config, experiment, program
    return _compiled(recipe, tiny, fits)


def _compiled(recipe: str, tiny: bool, batch: int):
    import jax
    from ml_collections import ConfigDict

    from ssljax.planning.spec import spec_of
    from ssljax.training.config import complete
    from ssljax.training.experiment import build

    module, changes, changes_tiny, spec = RECIPES[recipe]
    config = importlib.import_module(f"experiments.{module}").get_config()
    for change in (changes, changes_tiny if tiny else {}):
        config.update(ConfigDict(change))
    config.batch_size, config.accumulate = batch, 1
    if "koleo_group" in config.objective:
        config.objective.koleo_group = min(FIRST, batch)
    config = complete(config)
    experiment = build(config, spec_of(config, spec), devices=jax.devices()[:1])
    traced = experiment.trace_step()
    return config, experiment, (traced, traced.lower().compile())


def _leaves(tree):
    import jax

    return jax.tree.leaves(tree)


def _needed(compiled) -> int:
    """Return the bytes that a program takes while it runs."""
    stats = compiled.memory_analysis()
    held = stats.argument_size_in_bytes + stats.output_size_in_bytes - stats.alias_size_in_bytes
    return held + stats.temp_size_in_bytes


def _filled(abstract):
    """Return a batch of noise on the device."""
    import jax
    import jax.numpy as jnp

    def fill(path, leaf):
        if path[-1] == jax.tree_util.GetAttrKey("segments"):  # no padding
            return jnp.ones(leaf.shape, leaf.dtype)
        if len(leaf.shape) == 2 and jnp.issubdtype(leaf.dtype, jnp.integer):  # ids of words
            return jax.random.randint(jax.random.key(0), leaf.shape, 5, 1000, leaf.dtype)
        if leaf.dtype == jnp.uint8:
            return jax.random.bits(jax.random.key(0), leaf.shape, jnp.uint8)
        if jnp.issubdtype(leaf.dtype, jnp.integer):
            return jnp.broadcast_to(jnp.arange(leaf.shape[0], dtype=leaf.dtype), leaf.shape)
        return jnp.zeros(leaf.shape, leaf.dtype)

    shardings = jax.tree.map(lambda leaf: leaf.sharding, abstract)
    return jax.jit(lambda: jax.tree.map_with_path(fill, abstract), out_shardings=shardings)()


def _seconds_of_steps(step, state, batch) -> float:
    """Return seconds of a step: the mean over as many as fit into `TIMED`."""
    import jax

    def run(count, state):
        start = time.perf_counter()
        for _ in range(count):
            state, metrics = step(state, batch)
        jax.block_until_ready((state, metrics))
        return (time.perf_counter() - start) / count, state

    _, state = run(2, state)
    once, state = run(2, state)
    return run(max(3, min(200, round(TIMED / once))), state)[0]


def _attention(kernel: str, tokens: int, tiny: bool) -> dict:
    """Time the gradient of a trunk."""
    import jax
    import jax.numpy as jnp

    from ssljax.models import Transformer, apply, init

    examples, depth, width = (1, 1, 128) if tiny else (32, 4, 1024)
    dtype = jnp.float32 if tiny else jnp.bfloat16
    trunk = Transformer(depth, width // 64, attention=kernel, dtype=dtype)
    x = jax.random.normal(jax.random.key(0), (examples, tokens, width), dtype)
    params = init(trunk, jax.random.key(1), x[:1])[0]

    @jax.jit
    @jax.grad
    def gradient(params, x):
        return jnp.mean(apply(trunk, params, {}, x, train=True)[0].astype(jnp.float32) ** 2)

    jax.block_until_ready([gradient(params, x) for _ in range(2)])
    count, start = (2 if tiny else 20), time.perf_counter()
    jax.block_until_ready([gradient(params, x) for _ in range(count)])
    seconds = (time.perf_counter() - start) / count
    return {"ms_per_layer": 1e3 * seconds / depth, "peak_gib": _peak_bytes() / 2**30}


def _train(method: str, data: str, tiny: bool) -> dict:
    """Pretrain and evaluate as a user does."""
    config = f"experiments/image/small/{METHODS[method]}.py"
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run = f"{folder}/run"
        train = [
            *("pretrain", "--config", config, "--workdir", run, "--config.evaluation.final=False"),
            *(f"--config.data.source=npz:{data}", "--config.data.split=train"),
            *(["--config.steps=3", "--config.optimizer.warmup_steps=1"] if tiny else []),
        ]
        for command in (train, ["evaluate", "--workdir", run, "--protocol", "knn"]):
            whole = [sys.executable, "-m", "ssljax", *command]
            if subprocess.run(whole, stdout=sys.stderr).returncode:
                raise SystemExit(1)  # it has said why
        seconds = time.perf_counter() - start
        found = json.loads(pathlib.Path(folder, "run/evaluation.json").read_text("utf-8"))
    names = ("pretrained", "random_init", "raw_input")
    knn = {f"knn_{name}": found[name]["knn"]["accuracy"] for name in names if "knn" in found[name]}
    return {"steps": found["step"], "seconds": seconds, **knn}


def _torch(recipe: str, batch: int, tiny: bool) -> dict:
    """Time the step of PyTorch."""
    from benchmarks.torch_steps import measure

    return measure(recipe, batch, tiny=tiny, seconds=TIMED)


def _topology():
    """Return the topology of the one device that is here."""
    import jax

    from ssljax.planning.topologies import GPUS, parse

    kind = jax.devices()[0].device_kind.lower()
    names = [name for name in GPUS if name in kind]
    return parse(f"gpu:{names[0]}:1" if names else "cpu:1")


def _peak_bytes() -> float:
    import jax

    return (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0)


def _machine() -> dict[str, str]:
    import jax

    return {"device": jax.devices()[0].device_kind, "jax": jax.__version__}


_MEASURE = {"steps": _steps, "attention": _attention, "train": _train, "torch": _torch}


if __name__ == "__main__":
    main()
