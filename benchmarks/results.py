"""Train and evaluate every small experiment, and write docs/results/MODALITY.md from the runs.

    python -m benchmarks.results
    python -m benchmarks.results --modality series --modality table
    python -m benchmarks.results --only simclr_fashion_mnist_resnet --only mae_openclipart_vit
    python -m benchmarks.results --modality image --data openclipart --seeds 0,1,2 --few-labels 10
    python -m benchmarks.results --data openclipart --only simclr_openclipart_resnet \\
        --runs runs/choice --select objective.temperature=0.1,0.2,0.5

Each runs in a process of its own, --jobs at a time, into RUNS/MODALITY/EXPERIMENT. A run that is
done is not repeated and one that was interrupted goes on, so that the same command continues the
whole. Rows of a page whose runs are not in RUNS, as they were made elsewhere, stay in it. What a
run prints lies beside its folder. Data first: `ssljax data prepare` of fashion_mnist,
openclipart, emoji, emoji_anim, spoken_stamps, elpv, sonicpi, asterisk, klettres, adult, seglearn,
newsgroups, r8, brown, gcide, proteins and the sets of UCR; for text the tokenizers of
experiments/text/common.py.

--data takes the experiments with that in their names and writes docs/results/DATA.md from their
runs. --seeds trains each with every seed; the report has the interval over them. --select trains
with every value of a key of the config and scores on the split "validation", which openclipart has:
settings are chosen so, and test is scored once. It prints the scores and writes no table.

--few-labels fine-tunes each run of the first seed with so many labels of each class, by
finetune_DATA_ENCODER.py, beside a linear probe and training from scratch on the same labels: those
runs that have its encoder.
"""

import argparse
import concurrent.futures
import dataclasses
import functools
import importlib
import json
import os
import pathlib
import subprocess
import sys
import time
from typing import Any

from benchmarks.kept_rows import with_kept_rows
from ssljax.files import write_atomically

EXPERIMENTS = pathlib.Path("experiments")
FINE_TUNING, FEW = "finetune_", "few_labels_"  # beginnings of names: of configs, of folders
# What starts from another run of the same seed 0: BEiT from its tokenizer, SEED from its teacher.
STARTS_FROM = {
    "beit_openclipart_vit": "vq_vae_openclipart_vit",
    "seed_distillation_openclipart_resnet": "simclr_openclipart_resnet",
}
FIRST = tuple(STARTS_FROM.values())
UCR = ("ItalyPowerDemand", "OSULeaf", "ACSF1", "JapaneseVowels")
TABLES = pathlib.Path("docs/results")


@dataclasses.dataclass(frozen=True)
class Variant:
    """An experiment with a seed and perhaps a value to choose.

    Attributes:
      name: of the experiment, perhaps with ":DATA".
      seed: of the run.
      key: of the config that `value` is of; "" changes none.
      value: as on the command line.
    """

    name: str
    seed: int
    key: str = ""
    value: str = ""

    @property
    def run(self) -> str:
        """The name of its folder; seed 0 of the config as it is has the experiment's."""
        parts = self.name.split(":")
        if self.key:
            parts.append(f"{self.key.rpartition('.')[2]}_{self.value}")
        if self.seed:
            parts.append(f"seed{self.seed}")
        return "_".join(parts)


def main() -> int:
    """Run what is asked for; the exit status is 1 if a run failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = _experiments()
    modalities = sorted(set(names.values()))
    parser.add_argument("--modality", action="append", choices=modalities)
    parser.add_argument("--only", action="append", choices=names, metavar="EXPERIMENT")
    parser.add_argument(
        "--data", default="", help="part of the names of the experiments, such as openclipart"
    )
    parser.add_argument("--seeds", type=_seeds, default=(0,), help="such as 0,1,2 (default: 0)")
    parser.add_argument(
        "--select",
        type=_values,
        default=("", ("",)),
        metavar="KEY=A,B",
        help="values to choose from",
    )
    parser.add_argument(
        "--few-labels", default="", metavar="N", help="labels of each class, such as 10 or 1,10"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (default: 2)")
    parser.add_argument("--runs", type=pathlib.Path, default=pathlib.Path("runs/small"))
    args = parser.parse_args()
    if args.jobs < 1:
        parser.error(f"--jobs={args.jobs}; it must be at least 1")
    asked = args.modality or modalities
    todo = args.only or [
        name for name, modality in names.items() if modality in asked and args.data in name
    ]
    for modality in modalities:
        (args.runs / modality).mkdir(parents=True, exist_ok=True)
    threads = max(1, os.cpu_count() // args.jobs)
    train = functools.partial(_train, modalities=names, runs=args.runs, threads=threads)
    key, values = args.select
    variants = [  # every method has a run before one has two
        Variant(name, seed, key, value) for seed in args.seeds for name in todo for value in values
    ]
    failed = []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        first = [one for one in variants if one.name in FIRST]
        rest = [one for one in variants if one.name not in FIRST]
        for group in (first, rest):
            for one, good in zip(group, list(pool.map(train, group)), strict=True):
                failed += [] if good else [one.run]
        if args.few_labels:
            pretrained = [
                one for one in variants if one.seed == args.seeds[0] and _fine_tuning(one, names)
            ]
            tune = functools.partial(
                _tune, amounts=args.few_labels, modalities=names, runs=args.runs, threads=threads
            )
            for one, good in zip(pretrained, pool.map(tune, pretrained), strict=True):
                failed += [] if good else [f"{FEW}{one.run}"]
    if key:
        _print_choices(variants, names, args.runs)
    else:
        _write_tables({names[name] for name in todo}, args.data, args.runs)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def _seeds(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


def _values(text: str) -> tuple[str, tuple[str, ...]]:
    key, equals, values = text.partition("=")
    if not (key and equals and values):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=A,B")
    return key, tuple(values.split(","))


def _write_tables(modalities: set[str], data: str, runs: pathlib.Path) -> None:
    TABLES.mkdir(exist_ok=True)
    if data:
        found = [
            path
            for modality in sorted(modalities)
            for name in (f"*{data}*/config.json", f"{FEW}*{data}*/few_labels.json")
            for path in (runs / modality).glob(name)
        ]
        tables = {data: sorted(str(path.parent) for path in found)}
    else:
        tables = {modality: [str(runs / modality)] for modality in sorted(modalities)}
    for name, folders in tables.items():
        table = TABLES / f"{name}.md"
        old = table.read_text(encoding="utf-8") if table.exists() else ""
        command = (sys.executable, "-m", "ssljax", "report", *folders, "--flops")
        subprocess.run((*command, "--output", str(table)), check=True)
        new = table.read_text(encoding="utf-8")
        write_atomically(table, with_kept_rows(new, old))
        print(f"{table} written")


def _print_choices(variants: list[Variant], names: dict[str, str], runs: pathlib.Path) -> None:
    print("| run | **k-NN** | random init | raw input | **linear** | random init | raw input |")
    print("|---|---|---|---|---|---|---|")
    for one in variants:
        path = runs / names[one.name] / one.run / "evaluation.json"
        if path.exists():
            result = json.loads(path.read_text(encoding="utf-8"))
            cells = [
                f"{100 * result[row][probe]['accuracy']:.1f}"
                for probe in ("knn", "linear")
                for row in ("pretrained", "random_init", "raw_input")
            ]
            print(f"| {one.run} | {' | '.join(cells)} |")


def _experiments() -> dict[str, str]:
    """Return the modality of every experiment, in the order in which they run."""
    found = {}
    for file in sorted(EXPERIMENTS.glob("*/small/*.py")):
        if file.stem.startswith(FINE_TUNING):
            continue  # it goes on from a run
        sets = [f":{data}" for data in UCR] if "_ucr_" in file.stem else [""]
        found |= {file.stem + data: file.parts[-3] for data in sets}
    return dict(sorted(found.items(), key=lambda item: (item[0] not in FIRST, item)))


def _train(
    variant: Variant, *, modalities: dict[str, str], runs: pathlib.Path, threads: int
) -> bool:
    """Train and evaluate one variant; return whether it went well."""
    start, name, runs = time.perf_counter(), variant.name, runs / modalities[variant.name]
    file, _, data = name.partition(":")
    config = f"{EXPERIMENTS / modalities[name] / 'small' / file}.py" + (f":{data}" if data else "")
    with (runs / f"{variant.run}.log").open("a", encoding="utf-8") as log:
        python = functools.partial(_python, log=log, threads=threads)
        if name in STARTS_FROM:
            config += f":{runs / STARTS_FROM[name]}"
        options = ["--config", config, "--workdir", str(runs / variant.run)]
        options += ["--config.progress=False", f"--config.seed={variant.seed}"]
        if variant.key:
            options += [f"--config.{variant.key}={variant.value}"]
            options += ["--config.evaluation.test_split=validation"]
        good = python("ssljax", "pretrain", *options)
    word = "done" if good else f"FAILED, see {log.name}"
    print(f"{variant.run}: {word}, {time.perf_counter() - start:.0f} s", flush=True)
    return good


def _fine_tuning(variant: Variant, modalities: dict[str, str]) -> pathlib.Path | None:
    """Return the config by which the run of an experiment, METHOD_DATA_ENCODER, is fine-tuned; None
    where there is none of its encoder."""
    folder = EXPERIMENTS / modalities[variant.name] / "small"
    for file in sorted(folder.glob(f"{FINE_TUNING}*.py")):
        if variant.name.endswith(file.stem.removeprefix(FINE_TUNING)):
            own, tuned = (_encoder(one) for one in (folder / f"{variant.name}.py", file))
            return file if own == tuned else None
    return None


def _encoder(file: pathlib.Path) -> dict[str, Any]:
    """Return the encoder of a config, without what differs in fine-tuning."""
    module = importlib.import_module(".".join(file.with_suffix("").parts))
    encoder = module.get_config().encoder.to_dict()
    return {key: value for key, value in encoder.items() if key != "drop_path"}


def _tune(
    variant: Variant, *, amounts: str, modalities: dict[str, str], runs: pathlib.Path, threads: int
) -> bool:
    """Fine-tune a run with few labels; return whether it went well."""
    start, runs = time.perf_counter(), runs / modalities[variant.name]
    options = [
        "--init-from",
        str(runs / variant.run),
        "--workdir",
        str(runs / f"{FEW}{variant.run}"),
    ]
    options += ["--config", str(_fine_tuning(variant, modalities)), "--few-labels", amounts]
    options += ["--draws", "3", "--config.progress=False"]
    with (runs / f"{FEW}{variant.run}.log").open("a", encoding="utf-8") as log:
        good = _python("ssljax", "finetune", *options, log=log, threads=threads)
    word = "done" if good else f"FAILED, see {log.name}"
    print(f"{FEW}{variant.run}: {word}, {time.perf_counter() - start:.0f} s", flush=True)
    return good


def _python(module: str, *arguments: str, log, threads: int) -> bool:
    """Run a module; on a CPU, as one device with so many threads."""
    threads = dict.fromkeys(("PJRT_NPROC", "OPENBLAS_NUM_THREADS"), str(threads))
    env = {"JAX_NUM_CPU_DEVICES": "1", **threads, **os.environ}
    command = (sys.executable, "-m", module, *arguments)
    return subprocess.run(command, env=env, stdout=log, stderr=log).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
