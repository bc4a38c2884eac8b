"""Emoji as a small set of colour images with their names: 64x64 pixels, from an npm package.

    npm pack emoji-datasource-google@16.0.0
    python -m experiments.image.emoji emoji-datasource-google-16.0.0.tgz emoji.npz

Google's Noto images (Apache-2.0), the class (of 9) being what an emoji is: animal, food, flag, ...
The text of an image is its name in Unicode, such as "waving hand sign, medium skin tone". Every
fifth emoji, with its skin tones, is in the test split. `npz:emoji.npz` is then a data source.
"""

import json
import pathlib
import sys
import tarfile

import numpy as np

from ssljax.data.images import decode

TEST_EVERY = 5
TONES = {
    "1F3FB": "light",
    "1F3FC": "medium-light",
    "1F3FD": "medium",
    "1F3FE": "medium-dark",
    "1F3FF": "dark",
}


def main(package: str, out: str) -> None:
    """Write the images and labels of the package, by split, to an .npz file."""
    with tarfile.open(package) as archive:  # read in order: going back would unpack it anew
        files = {
            member.name.removeprefix("package/"): archive.extractfile(member).read()
            for member in archive
            if "/img/google/64/" in member.name or member.name == "package/emoji.json"
        }
    emoji = [one for one in json.loads(files["emoji.json"]) if one["has_img_google"]]
    emoji = [one for one in emoji if one["category"] != "Component"]  # tones and hair alone
    emoji.sort(key=lambda one: one["unified"])
    classes = sorted({one["category"] for one in emoji})
    split: dict[str, list] = {"train": [], "test": []}
    for number, one in enumerate(emoji):
        part = split["test" if number % TEST_EVERY == 0 else "train"]
        for tones, variant in {"": one, **one.get("skin_variations", {})}.items():
            if variant["has_img_google"]:
                pixels = decode(files[f"img/google/64/{variant['image']}"], 3)
                part.append((pixels, classes.index(one["category"]), _text(one["name"], tones)))
    arrays = {}
    for name, part in split.items():
        images, labels, texts = zip(*part, strict=True)
        arrays |= {
            f"{name}_image": np.stack(images),
            f"{name}_label": np.array(labels, np.int32),
            f"{name}_text": np.array(texts),
        }
        print(f"{name}: {len(part)} images of {len(classes)} classes")
    np.savez_compressed(pathlib.Path(out), **arrays)


def _text(name: str, tones: str) -> str:
    """Return the text of an emoji; `tones` are codes such as "1F3FB" or "1F3FB-1F3FF"."""
    of_skin = [f"{TONES[tone]} skin tone" for tone in tones.split("-") if tone]
    return ", ".join([name.lower(), *of_skin])


if __name__ == "__main__":
    main(*sys.argv[1:])
