"""`ssljax finetune` by CTC on sounds with transcripts, from a run of wav2vec 2.0."""

import json

import pytest

from ssljax.commands.main import main
from tests.data.sounds import write_tones

CONFIG = """
from ml_collections import ConfigDict

ENCODER = {{
    "name": "wave_transformer", "positions": "convolution", "position_kernel": 4,
    "position_groups": 4, "channels": 8, "width": 16, "depth": 1, "heads": 2,
}}
CTC = {{
    "name": "ctc", "mask_ratio": 0.5, "mask_block": 2, "channel_mask_ratio": 0.4,
    "channel_mask_block": 4,
}}
WAV2VEC2 = {{
    "name": "wav2vec2", "mask_ratio": 0.5, "mask_block": 2, "negatives": 3, "codes": 4,
    "code_dim": 8, "projector_dim": 8,
}}

def get_config(task="ctc"):
    data = {{"source": "audio:{folder}?transcripts=txt", "length": 4000, "sound": "wave"}}
    if task == "ctc":
        data["labels"] = "letters"
    return ConfigDict({{
        "steps": 2,
        "batch_size": 8,
        "data": data,
        "encoder": ENCODER,
        "objective": CTC if task == "ctc" else WAV2VEC2,
        "progress": False,
        "checkpoint": {{"every": 2}},
        "evaluation": {{"protocols": {{}}, "probes": ()}},
    }})
"""


@pytest.fixture
def files(tmp_path):
    """Ten sounds of half a second to learn from, and two to be tested on; a config file."""
    sounds = tmp_path / "said"
    for split, count in (("train", 10), ("test", 2)):
        for i in range(count):
            write_tones(sounds, {f"{split}/{i}.wav": (300 + 40 * i, 8000)})
            (sounds / split / f"{i}.txt").write_text("a b" if i % 2 else "ab")
    (tmp_path / "config.py").write_text(CONFIG.format(folder=sounds))
    return tmp_path


def test_letters_and_words_of_transcripts_are_scored(files, capsys):
    config = f"--config={files}/config.py"
    assert main(["pretrain", f"{config}:wav2vec2", f"--workdir={files}/w"]) == 0
    (files / "said/test/1.txt").write_text("a c")
    finetune = ["finetune", f"--init-from={files}/w", config]
    assert main([*finetune, f"--workdir={files}/f"]) == 0
    printed = capsys.readouterr().out
    assert "loaded      mask_token" in printed and "missing     head" in printed
    found = json.loads((files / "f/finetuning.json").read_text())
    scores = found["scores"]
    assert {"letter_error", "word_error", "interval_word_error"} <= {*scores}
    assert scores["letter_error"] > 0 and "letter error rate" in printed
    assert "1 letters of 'test' are absent" in found["notes"][0]
    field = json.loads((files / "f/data.json").read_text())["spec"]["fields"]["label"]
    assert field["letters"] == " ab"

    (files / "said/train/3.txt").write_text("ab" * 7)
    assert main([*finetune, f"--workdir={files}/g"]) == 2
    assert "1 of 10 examples need more times than the 12" in capsys.readouterr().err
