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

import numpy as np
from PIL import Image

from ssljax.data.debian import Unavailable

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
_COUNTS = {"train": 60_000, "t10k": 10_000}


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


def write_tfds(files: pathlib.Path, data_dir: pathlib.Path) -> pathlib.Path:
    """Write the data set that `tfds.builder_from_directory` and `tfds.data_source` read; return its
    folder.

    Args:
      files: the folder of the four files.
      data_dir: where to write fashion_mnist/3.0.1/.
    """
    import tensorflow_datasets as tfds  # here, because it takes a second to import

    arrays = {
        name: (
            read_idx(files / f"{name}-images-idx3-ubyte.gz"),
            read_idx(files / f"{name}-labels-idx1-ubyte.gz"),
        )
        for name in _COUNTS
    }
    for name, count in _COUNTS.items():
        if arrays[name][0].shape != (count, 28, 28) or arrays[name][1].shape != (count,):
            raise Unavailable(
                f"the {name} files do not hold {count} images of 28x28 and their labels"
            )

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
            return {
                "train": self._generate_examples("train"),
                "test": self._generate_examples("t10k"),
            }

        def _generate_examples(self, name):
            yield from _examples(*arrays[name])

    builder = FashionMnist(data_dir=str(data_dir), file_format="array_record")
    tfds.disable_progress_bar()
    with contextlib.redirect_stdout(
        io.StringIO()
    ):  # it would announce a download to a folder soon renamed
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(
                try_download_gcs=False, compute_stats="skip"
            )
        )
    return pathlib.Path(builder.data_dir)


def _examples(pixels: np.ndarray, labels: np.ndarray) -> Iterator[tuple[int, dict]]:
    for index, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        png = io.BytesIO()
        Image.fromarray(image).save(png, format="PNG")
        png.seek(0)
        yield index, {"image": png, "label": int(label)}
