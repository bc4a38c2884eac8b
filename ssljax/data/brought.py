"""What the data are like that recipes name by where they are to lie, and that users bring along."""

from ssljax.data.described import STRINGS, Described, described
from ssljax.spec import LABEL, Field

_PHOTO = Field("image", (None, None, 3), "uint8")
# Photos of any size with texts: their number.
_PAIRS = {
    "pairs:/data/coco/captions_train.jsonl": 118_287,
    "tar:/data/cc12m": 12_423_374,
    "tar:/data/laion400m": 407_332_084,
}
# Texts: their number, that of classes, and of sentences in one.
_TEXTS = {
    "fasta:uniref50.fasta.gz": (27_100_000, 0, 1),
    "jsonl:mrpc?text=first&second=second&label=label": (3_668, 2, 2),
    "jsonl:sst2?text=sentence&label=label": (67_349, 2, 1),
    "text:openwebtext": (8_013_769, 0, 1),
    "text:wiki1m_for_simcse.txt": (1_000_000, 0, 1),
    "text:wikipedia_books": (10_000_000, 0, 1),
}
# Sounds of 16,000 samples per second: their number.
_SOUNDS = {
    "audio:audioset?rate=16000": 2_063_949,
    "audio:librispeech?rate=16000": 281_241,
    "audio:librispeech_100?rate=16000": 28_539,
    "audio:librispeech_100?rate=16000&transcripts=trans.txt": 28_539,
}
# Videos of 256 pixels: their rate, their number, and that of classes.
_VIDEOS = {
    "video:/data/kinetics400?fps=7.5&size=256": (7.5, 240_436, 400),
    "video:/data/kinetics600?fps=15&size=256": (15.0, 366_000, 600),
    "video:/data/videomix2m?fps=7.5&size=256": (7.5, 2_000_000, 0),
    "video:/data/videomix2m?fps=4&size=256": (4.0, 2_000_000, 0),
}
# Three frames in a row, of 100 pixels, of an agent's episodes: their number, and what a state has.
_STACKS = {
    "episodes:/data/cheetah_run.npz?stack=3": (100_000, 17),
    "episodes:cartpole.npz?stack=3": (2_596, 4),
}
_CLIPS = "episodes:cartpole.npz?frames=5&stride=3"  # with the two actions of each of 3 steps
_HEARD = "pairs:/data/audioset/train.jsonl?rate=16000"

BROUGHT: dict[str, Described] = {
    **{
        name: described(name, STRINGS.replace(sentences=n), *of)
        for name, (*of, n) in _TEXTS.items()
    },
    **{
        name: described(name, Field("audio", (None,), "int16", rate=16_000.0), count)
        for name, count in _SOUNDS.items()
    },
    **{
        name: described(name, Field("video", (None, 256, 256, 3), "uint8", rate=rate), *of)
        for name, (rate, *of) in _VIDEOS.items()
    },
    **{
        name: Described(name, {"image": _PHOTO, "text": STRINGS}, count)
        for name, count in _PAIRS.items()
    },
    _HEARD: Described(
        _HEARD,
        {"image": _PHOTO, "audio": Field("audio", (None, None), "int16", rate=16_000.0)},
        2_041_789,
    ),
    **{
        name: Described(
            name,
            {
                "image": Field("image", (100, 100, 9), "uint8"),
                "label": LABEL.replace(shape=(state,), dtype="float32"),
            },
            count,
        )
        for name, (count, state) in _STACKS.items()
    },
    _CLIPS: Described(
        _CLIPS,
        {
            "video": Field("video", (5, 100, 100, 3), "uint8"),
            "action": Field("series", (4, 6), "float32"),
            "label": LABEL.replace(shape=(4,), dtype="float32"),
        },
        5_400,
    ),
}
