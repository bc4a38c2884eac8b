"""What the recipes of papers would need on pods that are not here: tables of docs/measurements.md.

    python -m benchmarks.scaling                  images on every topology, an hour or two
    python -m benchmarks.scaling --recipe mae_imagenet_vit_l --topology tpu:v5e:16x16
    python -m benchmarks.scaling --modality audio --quick --fit --topology tpu:v5e:16x16
    python -m benchmarks.scaling --chips          a small one from 8 to 4,096 chips

Each step is compiled in a process of its own, one after the other, by the compilers of the extras
`plan-tpu` and `plan-gpu`; nothing is run. What was compiled is kept in --kept, and not compiled
again. --quick and --fit are those of `ssljax plan`.
"""

import argparse
import json
import pathlib

from ssljax import planning
from ssljax.commands import config_file
from ssljax.errors import UserError
from ssljax.planning.plan import Plan, from_json
from ssljax.planning.text import BOUNDS

RECIPES = {
    "image": (
        "mae_imagenet_vit_l",
        "simclr_imagenet_resnet50",
        "dino_imagenet_vit_s",
        "dinov2_imagenet_vit_l",
        "dinov2_imagenet_vit_g",
        "i_jepa_imagenet_vit_h",
        "moco_v3_imagenet_vit_b",
    ),
    "text": (
        "bert_wikipedia_books_base",
        "roberta_wikipedia_books_base",
        "albert_wikipedia_books_base",
        "gpt_openwebtext_124m",
        "electra_wikipedia_books_base",
        "electra_openwebtext_small",
        "data2vec2_wikipedia_books_base",
        "roberta_uniref50_esm1b",
    ),
    "pairs": (
        "clip_laion_vit_b32",
        "lit_coco_vit_b16",
        "m3ae_cc12m_vit_l",
        "bind_audioset_transformer",
    ),
    "audio": (
        "wav2vec2_librispeech_base",
        "hubert_librispeech_base",
        "data2vec_librispeech_base",
        "finetune_ctc_librispeech100_base",
        "mae_audioset_vit_b",
        "byol_audioset_convolutions",
    ),
    "video": (
        "mae_kinetics400_vit_b",
        "i_jepa_videomix2m_vit_l",
        "i_jepa2_videomix2m_vit_l",
        "simclr_kinetics600_r3d50",
    ),
}
FOLDER = pathlib.Path(__file__).parent.parent / "experiments"
SMALL = "mae_fashion_mnist_vit"
TOPOLOGIES = ("tpu:v5e:16x16", "tpu:v5p:4x8x8", "gpu:h100:8x8")
GROWING = ("2x2x2", "4x4x4", "4x8x8", "8x8x16", "16x16x16")  # of v5p: 8 to 4,096 chips
BATCH_PER_CHIP = 16


def main() -> None:
    """Compile what is asked for and print it as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Formatter)
    names = [name for group in RECIPES.values() for name in group]
    parser.add_argument("--recipe", action="append", choices=(*names, SMALL), metavar="NAME")
    parser.add_argument("--modality", choices=RECIPES, default="image")
    parser.add_argument("--topology", action="append")
    parser.add_argument("--quick", action="store_true", help="least effort of TPUs' compiler")
    parser.add_argument("--fit", action="store_true", help="search for settings that fit")
    parser.add_argument(
        "--chips",
        action="store_true",
        help=f"from 8 to 4,096 chips, {BATCH_PER_CHIP} images on each",
    )
    parser.add_argument("--kept", type=pathlib.Path, default=pathlib.Path("runs/scaling.jsonl"))
    args = parser.parse_args()
    args.kept.parent.mkdir(parents=True, exist_ok=True)
    recipes = args.recipe or ((SMALL,) if args.chips else RECIPES[args.modality])
    topologies = args.topology or [f"tpu:v5p:{shape}" for shape in GROWING]
    topologies = topologies if args.chips or args.topology else TOPOLOGIES
    per_chip = BATCH_PER_CHIP if args.chips else 0
    head = "recipe", *_HEAD
    print(_row(head), _row(["---"] * len(head)), sep="\n")
    for recipe in recipes:
        for topology in topologies:
            try:
                plan = _plan(recipe, topology, per_chip, args)
            except UserError as error:  # such as a batch that the chips do not divide
                print(_row((recipe, topology, str(error))), flush=True)
                continue
            changes = [f"`{name}={value}`" for name, value in plan.settings.items()]
            print(_row((" ".join([recipe, *changes]), *_cells(plan))), flush=True)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Leaves the commands of the docstring in their lines."""


def _plan(recipe: str, topology: str, per_chip: int, args: argparse.Namespace) -> Plan:
    options = {name: True for name in ("quick", "fit") if getattr(args, name)}
    key, kept = [recipe, topology, per_chip, *options], args.kept
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else ()
    for line in map(json.loads, lines):
        if line["key"] == key:
            return from_json(line["plan"])
    (path,) = FOLDER.glob(f"*/*/{recipe}.py")
    config = config_file.load(str(path), [])
    options["batch_per_chip"] = per_chip
    plan = planning.request_plans(config, planning.parse(topology), **options)[-1]
    with kept.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"key": key, "plan": planning.to_json(plan)}) + "\n")
    return plan


_HEAD = (
    *("topology", "chips", "batch", "state, GiB", "peak, GiB", "of", "TFLOP", "HBM, GB"),
    *(
        "sent, MB",
        "of the least",
        "step, ms",
        "bound by",
        "MFU",
        "chip-hours",
        "compiler, s of a core",
    ),
)


def _cells(plan: Plan) -> list[str]:
    memory = plan.memory
    cells = [plan.topology, f"{plan.chips:,}", f"{plan.batch_size:,}"]
    cells += [f"{size / 2**30:.2f}" for size in (memory.state, memory.peak, memory.capacity)]
    if plan.roofline:
        counted = plan.hbm_bytes is not None  # not with --quick
        cells += [f"{plan.flops / 1e12:.4g}", f"{plan.hbm_bytes / 1e9:.1f}" if counted else "-"]
        cells += [f"{plan.sent / 1e6:,.0f}", f"{plan.sent / plan.least:.2f}"]
        cells += [f"{plan.roofline.seconds * 1e3:.1f}", BOUNDS[plan.roofline.bound]]
        cells += [f"{plan.mfu:.2f}", f"{plan.chip_hours:,.0f}"]
    else:
        cells += ["-"] * 8
    return [*cells, f"{plan.compile_cpu_seconds:.0f}"]


def _row(cells) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
