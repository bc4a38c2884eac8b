"""The tokenizer of a run, kept in its workdir: its parameters mean nothing with another."""

import pathlib

from ml_collections import ConfigDict

from ssljax.data.tokenizers import Tokenizer, open_tokenizer
from ssljax.data.tokenizers.base import digest
from ssljax.errors import UserError
from ssljax.files import write_atomically

FILE = "tokenizer.json"


def tokenizer_of(config: ConfigDict) -> Tokenizer | None:
    """Return the tokenizer that a config names, None if it names none."""
    return open_tokenizer(config.data.tokenizer)


def keep_tokenizer(workdir: pathlib.Path, config: ConfigDict) -> None:
    """Write a tokenizer that comes from a file into the workdir of a new run."""
    if ":" in config.data.tokenizer and not (workdir / FILE).exists():
        write_atomically(workdir / FILE, tokenizer_of(config).definition())


def with_own_tokenizer(workdir: pathlib.Path, config: ConfigDict) -> ConfigDict:
    """Return the config of a run with the tokenizer that its workdir has, if it has one."""
    if ":" in config.data.tokenizer and (workdir / FILE).exists():
        config.data.tokenizer = f"json:{workdir / FILE}"
    return config


def require_own_tokenizer(workdir: pathlib.Path, config: ConfigDict) -> None:
    """Raise a UserError if a config names another tokenizer than a run was trained with.

    Args:
      workdir: of the run; where it keeps no tokenizer there is nothing to compare.
      config: that reads texts for the parameters of the run.
    """
    if not (workdir / FILE).exists():
        return
    wanted, own = tokenizer_of(config), open_tokenizer(f"json:{workdir / FILE}")
    if wanted is None or digest(wanted) != digest(own):
        raise UserError(
            f"config.data.tokenizer={config.data.tokenizer!r} is not the tokenizer of the run in "
            f"{workdir}, and its parameters belong to its ids; set "
            f"config.data.tokenizer='json:{workdir / FILE}'"
        )
