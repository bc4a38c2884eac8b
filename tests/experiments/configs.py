"""Every experiment config of the repository, and what the data sets are like that they name."""

import ast
import dataclasses
import pathlib

from ml_collections import ConfigDict

from experiments.audio.paper.common import LIBRISPEECH, SOUNDS
from experiments.audio.paper.finetune_ctc_librispeech100_base import TRANSCRIBED
from experiments.audio.paper.spectrograms import (
    AUDIOSET,
    AUDIOSET_EXAMPLES,
    LIBRISPEECH_100,
    LIBRISPEECH_100_EXAMPLES,
)
from experiments.text.paper.common import MRPC, MRPC_EXAMPLES, SST2, SST2_EXAMPLES
from ssljax.commands.config_file import load
from ssljax.data import KNOWN, Described, assumed_spec, described, with_beside, with_ids
from ssljax.planning.spec import only_read
from ssljax.spec import Field, Spec

ROOT = pathlib.Path(__file__).parent.parent.parent
# Arguments of a config file, besides none, under which it is a config of its own.
ARGUMENTS = {"experiments/quickstart.py": ("sklearn:digits",)}
SPECIAL = (("pad", 0), ("unk", 1), ("cls", 2), ("sep", 3), ("mask", 4))


def _texts(name: str, vocab: int, count: int, classes: int = 0, sentences: int = 1) -> Described:
    """Return a set of texts as the tokenizer of their config makes them."""
    field = Field("text", (None,), "int32", vocab=vocab, ragged=True, special=SPECIAL)
    return described(name, field.replace(sentences=sentences), count, classes)


def _sounds(name: str, count: int) -> Described:
    """Return a set of sounds of 16 kHz."""
    return described(name, Field("audio", (None,), "int16", rate=16_000.0), count)


# Sets of no archive, and texts, whose tokenizer is not at hand.
OURS = {
    LIBRISPEECH: _sounds(LIBRISPEECH, SOUNDS),
    AUDIOSET: _sounds(AUDIOSET, AUDIOSET_EXAMPLES),
    LIBRISPEECH_100: _sounds(LIBRISPEECH_100, LIBRISPEECH_100_EXAMPLES),
    TRANSCRIBED: Described(
        TRANSCRIBED,
        {
            **_sounds(TRANSCRIBED, LIBRISPEECH_100_EXAMPLES).fields,
            "label": Field("label", (420,), "int32", vocab=28, classes=28),
        },
        LIBRISPEECH_100_EXAMPLES,
    ),
    **{
        f"episodes:{name}.npz?stack=3": Described(
            name,
            {
                "image": Field("image", (100, 100, 9), "uint8"),
                "label": Field("label", (states,), "float32"),
            },
            count,
        )
        for name, states, count in (("cartpole", 4, 2_596), ("/data/cheetah_run", 17, 100_000))
    },
    **{
        f"episodes:{name}.npz?frames={frames}&stride={stride}": Described(
            name,
            {
                "video": Field("video", (frames, size, size, 3), "uint8"),
                "action": Field("series", (frames - 1, stride * actions), "float32"),
                "label": Field("label", (states,), "float32"),
            },
            count,
        )
        for name, frames, stride, size, actions, states, count in (
            ("cartpole", 5, 3, 100, 2, 4, 5_400),
        )
    },
    "fasta:uniref50.fasta.gz": _texts("fasta:uniref50.fasta.gz", 33, 27_100_000),
    MRPC: _texts(MRPC, 30_522, MRPC_EXAMPLES, classes=2, sentences=2),
    SST2: _texts(SST2, 50_265, SST2_EXAMPLES, 2),
    "debian:proteins": _texts("debian:proteins", 33, 8_598),
    "npm:brown": _texts("npm:brown", 4096, 3_672, 15),
    "pypi:newsgroups": _texts("pypi:newsgroups", 4096, 11_293, 20),
    "pypi:r8": _texts("pypi:r8", 4096, 5_485, 8),
    "text:openwebtext": _texts("text:openwebtext", 50_257, 8_013_769),
    "text:wiki1m_for_simcse.txt": _texts("text:wiki1m_for_simcse.txt", 30_522, 1_000_000),
    "text:wikipedia_books": _texts("text:wikipedia_books", 50_265, 10_000_000),
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
    about = with_beside(known[source], config.data.beside, known)
    about = with_ids(only_read(about, config), config.data.tokenizer)
    if config.data.pack:  # rows of that length
        rows = about.fields["text"].replace(shape=(config.data.pack,))
        fields = {**about.fields, "text": rows}
        about = dataclasses.replace(about, fields=fields)
    spec = assumed_spec(about, config.data)
    return dataclasses.replace(spec, num_examples=num_examples or spec.num_examples)
