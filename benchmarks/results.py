"""Train and evaluate every small experiment, and write docs/results.md from the runs.

    python -m benchmarks.results
    python -m benchmarks.results --only simclr_fashion_mnist_resnet --only mae_fashion_mnist_vit

Each runs in a process of its own, --jobs at a time, into a folder of --runs. A run that is done is
not repeated and one that was interrupted goes on, so that the same command continues the whole.
What a run prints lies beside its folder. Colorization needs colours: first
`npm pack emoji-datasource-google@16.0.0`.
"""

import argparse
import concurrent.futures
import functools
import os
import pathlib
import subprocess
import sys
import time

EXPERIMENTS = pathlib.Path("experiments/image/small")
EMOJI_PACKAGE = pathlib.Path("emoji-datasource-google-16.0.0.tgz")
FIRST = ("vq_vae_fashion_mnist_vit",)  # BEiT's tokenizer
TABLE = pathlib.Path("docs/results.md")


def main() -> int:
    """Run what is asked for; the exit status is 1 if a run failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = _experiments()
    parser.add_argument("--only", action="append", choices=names, metavar="EXPERIMENT")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (default: 2)")
    parser.add_argument("--runs", type=pathlib.Path, default=pathlib.Path("runs/small"))
    args = parser.parse_args()
    if args.jobs < 1:
        parser.error(f"--jobs={args.jobs}; it must be at least 1")
    todo = args.only or names
    train = functools.partial(_train, runs=args.runs, threads=max(1, os.cpu_count() // args.jobs))
    args.runs.mkdir(parents=True, exist_ok=True)
    failed = [name for name in todo if name in FIRST and not train(name)]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        rest = [name for name in todo if name not in FIRST]
        failed += [name for name, good in zip(rest, pool.map(train, rest), strict=True) if not good]
    report = sys.executable, "-m", "ssljax", "report", str(args.runs), "--output", str(TABLE)
    subprocess.run(report, check=True)
    print(f"{TABLE} written" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def _experiments() -> list[str]:
    files = [*EXPERIMENTS.glob("*_fashion_mnist_*.py"), *EXPERIMENTS.glob("*_emoji_*.py")]
    return sorted((file.stem for file in files), key=lambda name: (name not in FIRST, name))


def _train(name: str, *, runs: pathlib.Path, threads: int) -> bool:
    """Train and evaluate one experiment; return whether it went well."""
    start, config = time.perf_counter(), f"{EXPERIMENTS / name}.py"
    with (runs / f"{name}.log").open("a", encoding="utf-8") as log:
        python = functools.partial(_python, log=log, threads=threads)
        if name.startswith("beit"):
            config += f":{runs / FIRST[0]}"
        if "emoji" in name:
            images = runs / "emoji.npz"
            config += f":npz:{images}"
            if not images.exists():
                python("experiments.image.emoji", str(EMOJI_PACKAGE), str(images))
        options = "--config", config, "--workdir", str(runs / name), "--config.progress=False"
        good = python("ssljax", "pretrain", *options)
    word = "done" if good else f"FAILED, see {log.name}"
    print(f"{name}: {word}, {time.perf_counter() - start:.0f} s", flush=True)
    return good


def _python(module: str, *arguments: str, log, threads: int) -> bool:
    """Run a module; on a CPU, as one device with so many threads."""
    env = {"JAX_NUM_CPU_DEVICES": "1", "PJRT_NPROC": str(threads), **os.environ}
    command = (sys.executable, "-m", module, *arguments)
    return subprocess.run(command, env=env, stdout=log, stderr=log).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
