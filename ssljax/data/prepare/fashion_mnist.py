"""Fashion-MNIST (Xiao, Rasul, Vollgraf 2017; MIT licence) from its four original files to a TFDS
data set.

TFDS's own builder needs TensorFlow to unpack and to encode; this one writes the same features under
the same name.
"""

import contextlib
import gzip
import hashlib
import io
import pathlib
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from ssljax.data.prepare.debian import Unavailable
from ssljax.data.sources.decoded_cache import kept_file, save_kept
from ssljax.data.sources.paths import hash_of_files
from ssljax.errors import optional_package

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
DEBIAN_PACKAGE = "dataset-fashion-mnist"
DEBIAN_FOLDER = "usr/share/datasets/fashion-mnist"
UPSTREAM = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"  # as in TFDS
SHA256 = {  # as in TFDS
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",  # noqa: E501
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",  # noqa: E501
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
_FILES = {"train": ("train", 60_000), "test": ("t10k", 10_000)}


def download(folder: pathlib.Path, upstream: str = UPSTREAM, timeout: float = 20) -> pathlib.Path:
    """Fetch the four files from where TFDS does, check their SHA-256, and return their folder.

    Raises:
      Unavailable: the host cannot be reached, or gives something else.
    """
    folder.mkdir(parents=True)
    for name, sha256 in SHA256.items():
        try:
            with urllib.request.urlopen(f"{upstream}/{name}", timeout=timeout) as response:
                content = response.read()
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            raise Unavailable(
                f"{upstream} cannot be reached ({getattr(error, 'reason', error)})"
            ) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise Unavailable(f"{upstream}/{name} is not the file that TFDS knows")
        (folder / name).write_bytes(content)
    return folder


def read_idx(path: pathlib.Path) -> np.ndarray:
    """Read a gzipped IDX file of bytes (the format of MNIST).

    Raises:
      Unavailable: the file is missing or is something else.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise Unavailable(f"cannot read {path.name} ({error})") from error
    rank = content[3] if len(content) > 3 else 0
    if content[:3] != b"\0\0\x08" or not 0 < rank <= len(content) // 4 - 1:
        raise Unavailable(f"{path.name} is no IDX file of bytes")
    shape = np.frombuffer(content, ">u4", rank, 4).astype(int)
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * rank)
    if values.size != shape.prod():
        raise Unavailable(
            f"{path.name} holds {values.size} bytes where its header says {shape.prod()}"
        )
    return values.reshape(shape)


def read_arrays(files: pathlib.Path) -> dict[str, dict[str, np.ndarray]]:
    """Return {"train": {"image": uint8[60000, 28, 28, 1], "label": int32[60000]}, "test": ...}.

    Args:
      files: the folder of the four files.

    Raises:
      Unavailable: they hold something else.
    """
    arrays = {}
    for split, (name, count) in _FILES.items():
        pixels = read_idx(files / f"{name}-images-idx3-ubyte.gz")
        labels = read_idx(files / f"{name}-labels-idx1-ubyte.gz")
        if pixels.shape != (count, 28, 28) or labels.shape != (count,):
            raise Unavailable(
                f"the {name} files do not hold {count} images of 28x28 and their labels"
            )
        arrays[split] = {"image": pixels[..., None], "label": labels.astype(np.int32)}
    return arrays


def write_tfds(arrays: dict[str, dict[str, np.ndarray]], data_dir: pathlib.Path) -> pathlib.Path:
    """Write the data set that `tfds.builder_from_directory` reads, as data_dir/fashion_mnist/3.0.1.

    Args:
      arrays: as `read_arrays` gives them.
      data_dir: where to write.

    Returns:
      The folder of the data set, with the arrays kept in it.
    """
    tfds = optional_package("tensorflow_datasets", "tfds")  # here: it takes a second to import

    class FashionMnist(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        """Fashion-MNIST as TFDS has it: image (28, 28, 1), label of 10 classes."""

        name = "fashion_mnist"
        VERSION = tfds.core.Version("3.0.1")

        def _info(self):
            return tfds.core.DatasetInfo(
                builder=self,
                description="60,000 + 10,000 grey images of Zalando's articles, 28x28, 10 classes.",
                features=tfds.features.FeaturesDict(
                    {
                        "image": tfds.features.Image(shape=(28, 28, 1), encoding_format="png"),
                        "label": tfds.features.ClassLabel(names=CLASSES),
                    }
                ),
                supervised_keys=("image", "label"),
                homepage="https://github.com/zalandoresearch/fashion-mnist",
                disable_shuffling=True,  # ids then count the images in the original order
            )

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(split) for split in arrays}

        def _generate_examples(self, split):
            yield from _examples(**arrays[split])

    builder = FashionMnist(data_dir=str(data_dir), file_format="array_record")
    settings = tfds.download.DownloadConfig(try_download_gcs=False, compute_stats="skip")
    tfds.disable_progress_bar()
    # TFDS would announce a download to a folder that is soon renamed.
    with contextlib.redirect_stdout(io.StringIO()):
        builder.download_and_prepare(download_config=settings)
    folder = pathlib.Path(builder.data_dir)
    for split, pair in arrays.items():
        content = hash_of_files(folder.glob(f"*-{split}.array_record*"))
        save_kept(kept_file(folder, split), content, pair)
    return folder


def _examples(image: np.ndarray, label: np.ndarray) -> Iterator[tuple[int, dict[str, Any]]]:
    for index in range(len(image)):
        png = io.BytesIO()
        Image.fromarray(image[index, ..., 0]).save(png, format="PNG")
        png.seek(0)
        yield index, {"image": png, "label": int(label[index])}
