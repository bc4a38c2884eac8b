"""Train and evaluate every small experiment, and write docs/results/MODALITY.md from the runs.

    python -m benchmarks.results
    python -m benchmarks.results --modality series --modality table
    python -m benchmarks.results --only simclr_fashion_mnist_resnet --only mae_fashion_mnist_vit

Each runs in a process of its own, --jobs at a time, into RUNS/MODALITY/EXPERIMENT. A run that is
done is not repeated and one that was interrupted goes on, so that the same command continues the
whole. What a run prints lies beside its folder. Data first: `ssljax data prepare` of fashion_mnist,
adult, seglearn and the sets of UCR; for colorization `npm pack emoji-datasource-google@16.0.0`.
"""

import argparse
import concurrent.futures
import functools
import os
import pathlib
import subprocess
import sys
import time

EXPERIMENTS = pathlib.Path("experiments")
EMOJI_PACKAGE = pathlib.Path("emoji-datasource-google-16.0.0.tgz")
FIRST = ("vq_vae_fashion_mnist_vit",)  # BEiT's tokenizer
UCR = ("ItalyPowerDemand", "OSULeaf", "ACSF1", "JapaneseVowels")
TABLES = pathlib.Path("docs/results")


def main() -> int:
    """Run what is asked for; the exit status is 1 if a run failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = _experiments()
    modalities = sorted(set(names.values()))
    parser.add_argument("--modality", action="append", choices=modalities)
    parser.add_argument("--only", action="append", choices=names, metavar="EXPERIMENT")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (default: 2)")
    parser.add_argument("--runs", type=pathlib.Path, default=pathlib.Path("runs/small"))
    args = parser.parse_args()
    if args.jobs < 1:
        parser.error(f"--jobs={args.jobs}; it must be at least 1")
    asked = args.modality or modalities
    todo = args.only or [name for name, modality in names.items() if modality in asked]
    for modality in modalities:
        (args.runs / modality).mkdir(parents=True, exist_ok=True)
    threads = max(1, os.cpu_count() // args.jobs)
    train = functools.partial(_train, modalities=names, runs=args.runs, threads=threads)
    failed = [name for name in todo if name in FIRST and not train(name)]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        rest = [name for name in todo if name not in FIRST]
        failed += [name for name, good in zip(rest, pool.map(train, rest), strict=True) if not good]
    TABLES.mkdir(exist_ok=True)
    for modality in sorted({names[name] for name in todo}):
        runs, table = str(args.runs / modality), str(TABLES / f"{modality}.md")
        subprocess.run(
            (sys.executable, "-m", "ssljax", "report", runs, "--output", table), check=True
        )
        print(f"{table} written")
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def _experiments() -> dict[str, str]:
    """Return the modality of every experiment, in the order in which they run."""
    found = {}
    for file in sorted(EXPERIMENTS.glob("*/small/*.py")):
        sets = [f":{data}" for data in UCR] if "_ucr_" in file.stem else [""]
        found |= {file.stem + data: file.parts[-3] for data in sets}
    return dict(sorted(found.items(), key=lambda item: (item[0] not in FIRST, item)))


def _train(name: str, *, modalities: dict[str, str], runs: pathlib.Path, threads: int) -> bool:
    """Train and evaluate one experiment; return whether it went well."""
    start, runs = time.perf_counter(), runs / modalities[name]
    file, _, data = name.partition(":")
    config = f"{EXPERIMENTS / modalities[name] / 'small' / file}.py" + (f":{data}" if data else "")
    run = "_".join(filter(None, (file, data)))
    with (runs / f"{run}.log").open("a", encoding="utf-8") as log:
        python = functools.partial(_python, log=log, threads=threads)
        if name.startswith("beit"):
            config += f":{runs / FIRST[0]}"
        if "emoji" in name:
            images = runs / "emoji.npz"
            config += f":npz:{images}"
            if not images.exists():
                python("experiments.image.emoji", str(EMOJI_PACKAGE), str(images))
        options = "--config", config, "--workdir", str(runs / run), "--config.progress=False"
        good = python("ssljax", "pretrain", *options)
    word = "done" if good else f"FAILED, see {log.name}"
    print(f"{name}: {word}, {time.perf_counter() - start:.0f} s", flush=True)
    return good


def _python(module: str, *arguments: str, log, threads: int) -> bool:
    """Run a module; on a CPU, as one device with so many threads."""
    threads = dict.fromkeys(("PJRT_NPROC", "OPENBLAS_NUM_THREADS"), str(threads))
    env = {"JAX_NUM_CPU_DEVICES": "1", **threads, **os.environ}
    command = (sys.executable, "-m", module, *arguments)
    return subprocess.run(command, env=env, stdout=log, stderr=log).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
