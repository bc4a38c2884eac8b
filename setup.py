"""Package metadata of ssljax."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
EXTRAS = {
    # tfds: and arrayrecord: data sources; importlib_resources lets TFDS read without TensorFlow.
    "tfds": ["tensorflow-datasets>=4.9.9", "array-record>=0.8", "importlib_resources"],
    "digits": ["scikit-learn>=1.5"],  # sklearn:digits
    "svg": ["cairosvg>=2.7"],  # `ssljax data prepare openclipart`; needs the library Cairo
    "mri": ["nibabel>=5"],  # `ssljax data prepare mricron`
    "plan": ["matplotlib>=3.9"],  # `ssljax plan --plot`
    "tiff": ["tifffile>=2024.8", "imagecodecs>=2024.6"],  # colours of 16 bits, many channels
    # The compilers of hardware that need not be there; the versions are those that belong to jax's.
    "plan-tpu": ["jax[tpu]>=0.10"],
    "plan-gpu": ["jax[cuda12-local]>=0.10", "nvidia-cuda-nvcc-cu12", "nvidia-cudnn-cu12>=9.8"],
    "peers": ["torch>=2.5", "transformers>=5"],  # oracles of the tests; never needed to train
}
EXTRAS["parquet"] = ["pyarrow"]  # `ssljax embed --out FILE.parquet`, parquet: data sources
EXTRAS["audio"] = ["soundfile>=0.13", "soxr>=0.5"]  # sound files: audio: data sources
EXTRAS["ctc"] = ["fast-ctc-decode>=0.3.7"]  # objective.beam of ctc
EXTRAS["video"] = ["av>=14"]  # MP4, WebM, ...; animated WebP and GIF need nothing
EXTRAS["control"] = ["gymnasium[classic-control]>=1"]  # experiments/control/record.py alone
EXTRAS["text"] = ["tokenizers>=0.22"]  # tokenizers of files, and training them
EXTRAS["test"] = [
    # With pytest 9.2, pytest-xdist 3.8 no longer keeps a group of tests in one worker.
    *("pytest>=9,<9.2", "pytest-xdist>=3", "ruff>=0.8", "dm-pix>=0.4"),
    "griffe2md>=1.5",  # docs/api.md
    *EXTRAS["tfds"],
    *EXTRAS["digits"],
    *EXTRAS["plan"],
    *EXTRAS["tiff"],
    *EXTRAS["parquet"],
    *EXTRAS["text"],
    *EXTRAS["audio"],
    *EXTRAS["video"],
]

setup(
    name="ssljax",
    version=re.search('__version__ = "(.+)"', (HERE / "ssljax/__init__.py").read_text())[1],
    description="Self-supervised learning in JAX: losses as pure functions, one sharded train step",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["ssljax", "ssljax.*"]),
    install_requires=[
        "jax>=0.10",
        "flax>=0.12",
        "optax>=0.2.6",
        "orbax-checkpoint>=0.11",
        "tensorstore>=0.1.70",  # Orbax's own storage: to look into what it has written
        "ml-collections>=1.0",
        "einops>=0.8",
        "grain>=0.2.12",
        "pillow>=10",
        "numpy>=2",
        "safetensors>=0.4.3",  # `ssljax import` and `ssljax export`
        "scipy>=1.13",
        "absl-py>=2",
        "tensorboardX>=2.6",
        "tqdm>=4.66",
    ],
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["ssljax = ssljax.commands.main:main"]},
)
