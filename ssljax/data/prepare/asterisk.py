"""Prompts of the telephone exchange Asterisk in six voices (Debian's asterisk-*-wav), 8 kHz.

The same words of the same language by two speakers: the class is the prompt, and all that both
Italian voices say is "train" (Carlo) and "test" (Menardi). So a neighbour across the two is found
by what is said, and neither by the voice nor by the channel, which differ between them throughout.
"unlabelled" has all voices but Menardi's, in five languages: encoders are trained on it. Tones and
silence are left out. The group is the voice.
"""

import pathlib

from ssljax.data import sound
from ssljax.data.prepare.debian import Package
from ssljax.data.prepare.waves import Row, arrays_of
from ssljax.data.sources.arrays import Arrays

_LANGUAGES = ("it", "en", "es", "fr", "ru")
PACKAGE = Package(
    "asterisk-prompt-it-menardi-wav",
    "CC-BY-SA-3.0",
    further=tuple(f"asterisk-core-sounds-{one}-wav" for one in _LANGUAGES),
)
FOLDER = "usr/share/asterisk/sounds"
RATE = 8000
VOTES, ASKS = "it_IT_m_Carlo", "it_IT_f_Menardi"
TONES = {"ascending-2tone", "descending-2tone", "beep", "beeperr", "confbridge-join"} | {
    "confbridge-leave"
}


def read_asterisk(package: pathlib.Path) -> Arrays:
    """Return the prompts.

    Raises:
      UserError: the packages hold none.
    """
    rows = [
        row for file in sorted((package / FOLDER).rglob("*.wav")) if (row := _row(file, package))
    ]
    said = {voice: {name for _, name, own in rows if own == voice} for voice in (VOTES, ASKS)}
    both = said[VOTES] & said[ASKS]
    splits = {
        "train": [row for row in rows if row[1] in both and row[2] == VOTES],
        "test": [row for row in rows if row[1] in both and row[2] == ASKS],
        "unlabelled": [(file, "", voice) for file, _, voice in rows if voice != ASKS],
    }
    return arrays_of(splits, RATE, PACKAGE.name)


def _row(file: pathlib.Path, package: pathlib.Path) -> Row | None:
    """Return the prompt and the voice of a file; None of a tone, of silence, or of nothing."""
    voice, *parts = file.relative_to(package / FOLDER).with_suffix("").parts
    if not parts or parts[0] == "silence" or parts[-1] in TONES:
        return None
    try:
        sound.length_of(str(file))
    except ValueError:  # words that a language lacks are files without a sample
        return None
    return file, "/".join(parts), voice
