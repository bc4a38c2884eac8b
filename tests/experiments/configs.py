"""Every experiment config of the repository, and what the data sets are like that they name."""

import ast
import pathlib

from ml_collections import ConfigDict

from ssljax.commands.config_file import load
from ssljax.spec import Field, Spec, image_spec

ROOT = pathlib.Path(__file__).parent.parent.parent
# Arguments of a config file, besides none, under which it is a config of its own.
ARGUMENTS = {"experiments/quickstart.py": ("sklearn:digits",)}
# What is no image: a field and the number of examples.
OTHERS = {
    "seglearn:watch": (
        Field("series", (128, 6), "float32", mean=(0.0,) * 6, std=(1.0,) * 6, rate=50.0),
        2_460,
    ),
    "ucr:JapaneseVowels": (
        Field("series", (32, 12), "float32", mean=(0.0,) * 12, std=(1.0,) * 12, ragged=True),
        270,
    ),
    "uci:adult": (
        Field(
            "table",
            (14,),
            "float32",
            cardinalities=(0, 9, 0, 17, 0, 8, 15, 7, 6, 3, 0, 0, 0, 43),
            mean=(0.0,) * 14,
            std=(1.0,) * 14,
        ),
        32_561,
    ),
}


def _defines_get_config(path: pathlib.Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(
        isinstance(node, ast.FunctionDef) and node.name == "get_config" for node in tree.body
    )


FILES = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "experiments").rglob("*.py")
    if _defines_get_config(path)
)
CONFIGS = sorted([*FILES, *(f"{path}:{one}" for path in FILES for one in ARGUMENTS.get(path, ()))])


def config_of(spec: str) -> ConfigDict:
    """Return the complete config of "experiments/FILE.py" or "experiments/FILE.py:ARGUMENT"."""
    return load(str(ROOT / spec), [])


def spec_of(config: ConfigDict, num_examples: int = 0) -> Spec:
    """Return what the training images of a config are like, without the images; of fewer of them
    with `num_examples`."""
    side = config.data.image_size
    known = {
        "sklearn:digits": ((8, 8, 1), 1_438),
        "tfds:fashion_mnist": ((28, 28, 1), 60_000),
        "tfds:cifar10": ((32, 32, 3), 50_000),
        "npz:emoji.npz": ((side, side, 3), 2_999),
        "tfds:imagenet2012": ((side, side, 3), 1_281_167),
    }
    source = config.data.source
    if source in OTHERS:
        field, count = OTHERS[source]
        return Spec({field.modality: field}, num_examples or count)
    assert source in known, (
        f"{source} is not in the table of {__file__}: add its image shape and number of images"
    )
    shape, count = known[source]
    assert min(shape) > 0, f"{source} has images of mixed sizes: set config.data.image_size"
    mean, std = (0.5,) * shape[2], (0.25,) * shape[2]
    spec = image_spec(shape, mean, std, num_examples or count, labels=config.data.labels)
    if "text" not in config.encoders:
        return spec
    length = (config.data.length,)
    return spec.replace(text=Field("text", length, "int32", vocab=256, ragged=True))
