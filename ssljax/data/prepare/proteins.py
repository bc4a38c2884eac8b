"""20,500 proteins of UniProt (Debian's mmseqs2-examples), split so that homologs stay together.

1. A protein is a record of the two FASTA files; copies of a sequence count once.
2. Two proteins are near if they share words of six residues (those of two letters or fewer do not
   count), at least three, and one for each 50 residues of the longer; or the gene's name; or
   UniProt's mnemonic, as RL7_ECOLI and RL7_BACSU do. What a chain of near proteins joins is a
   cluster, and a cluster is in one split: a quarter of the clusters is test and a tenth validation,
   by a hash; a cluster of more than 100 is train.
3. Of the other splits what shares three words with a protein of test is left out, and of train what
   shares three with one of validation. Homologs further apart, below about 40% of equal residues,
   may remain: names and genes tell only of some.
4. The class is the one of ten function words that stands in the name of a protein; one with none,
   or two, has none. "unlabelled" has all proteins of rule 3 that are train: encoders are trained on
   it.

"group" is the cluster.
"""

import hashlib
import itertools
import pathlib
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import scipy.sparse.csgraph

from ssljax.data.prepare.debian import Package
from ssljax.data.sources.arrays import Arrays
from ssljax.data.sources.fasta import fasta_records
from ssljax.data.sources.tokenized import objects
from ssljax.spec import Field

PACKAGE = Package("mmseqs2-examples", "CC BY 4.0 (UniProt), in a package under GPL-3")
FOLDER = "usr/share/doc/mmseqs2/example-data"
CLASSES = (
    *("dehydrogenase", "kinase", "ligase", "methyltransferase", "polymerase"),
    *("receptor", "reductase", "ribosomal", "synthase", "transporter"),
)
LARGE = 100  # proteins of a cluster that is train
WORD = 6  # residues
SHARED = 3  # words
RESIDUES = 50  # of the longer of two near proteins, for each word that they share
_FEW = 60  # proteins that have a word, up to which each pair of them is looked at

_NAME = re.compile(r"^\S+ (.*?) OS=")
_GENE = re.compile(r" GN=(\S+)")
_MNEMONIC = re.compile(r"^sp\|[^|]*\|([A-Z0-9]+)_")


def read_proteins(package: pathlib.Path) -> Arrays:
    """Return the proteins as text, with their function as label."""
    records = {}
    for file in ("DB", "QUERY"):
        for _, header, sequence in fasta_records(package / FOLDER / f"{file}.fasta.gz"):
            records.setdefault(sequence, header)
    return arrays([*records.values()], [*records])


def arrays(headers: Sequence[str], sequences: Sequence[str]) -> Arrays:
    """Return the splits of proteins, as the rules above say."""
    pairs, shared = sharing(sequences)
    cluster = clusters(headers, [*map(len, sequences)], pairs, shared)
    sizes = Counter(cluster.tolist())
    parts = np.array([part_of(headers[one], sizes[one]) for one in cluster.tolist()])
    for held_out, others in {"test": ("train", "validation"), "validation": ("train",)}.items():
        there = parts[pairs] == held_out
        for side in (0, 1):
            near = pairs[there[:, 1 - side] & np.isin(parts[pairs[:, side]], others), side]
            parts[near] = "out"
    labels = np.array([label_of(header) for header in headers], np.int32)
    splits = {}
    for split in ("train", "validation", "test", "unlabelled"):
        if split == "unlabelled":
            own = np.flatnonzero(parts == "train")
        else:
            own = np.flatnonzero((parts == split) & (labels >= 0))
        if len(own):
            found = {"text": objects([sequences[one] for one in own]), "group": cluster[own]}
            splits[split] = found if split == "unlabelled" else {**found, "label": labels[own]}
    return Arrays(splits, {"text": Field("text", (None,), "str")}, CLASSES)


def label_of(header: str) -> int:
    """Return the class of a protein, -1 if it has none.

    >>> label_of("sp|A|B_C Histidine kinase OS=x"), label_of("sp|A|B_C Kinase receptor OS=x")
    (1, -1)
    """
    found = _NAME.match(header)
    words = set(re.findall(r"[a-z]+", found[1].lower())) if found else set()
    classes = [place for place, name in enumerate(CLASSES) if name in words]
    return classes[0] if len(classes) == 1 else -1


def part_of(first: str, size: int) -> str:
    """Return the split of a cluster of so many proteins, by the header of its first."""
    if size > LARGE:
        return "train"
    hashed = hashlib.sha256(first.encode()).digest()[0] % 20
    return "test" if hashed < 5 else "validation" if hashed < 7 else "train"


def clusters(
    headers: Sequence[str], lengths: Sequence[int], pairs: np.ndarray, shared: np.ndarray
) -> np.ndarray:
    """Return the cluster of every protein, int32[n]: the number of the first protein in it.

    Args:
      headers: with genes and mnemonics.
      lengths: in residues.
      pairs, shared: as `sharing` gives them.
    """
    near = pairs[shared * RESIDUES >= np.asarray(lengths)[pairs].max(axis=1, initial=0)]
    joined = [near]
    for pattern in (_GENE, _MNEMONIC):
        first: dict[str, int] = {}
        for number, header in enumerate(headers):
            if found := pattern.search(header):
                joined.append(np.array([[first.setdefault(found[1].lower(), number), number]]))
    one, two = np.concatenate(joined).T
    count = len(headers)
    graph = scipy.sparse.coo_matrix((np.ones(len(one)), (one, two)), shape=(count, count))
    numbers = scipy.sparse.csgraph.connected_components(graph, directed=False)[1]
    _, firsts = np.unique(numbers, return_index=True)
    return firsts[numbers].astype(np.int32)


def sharing(sequences: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of proteins that share three words or more, int64[m, 2], and how many.

    Of a word that very many have, each of them is paired with the longest (Steinegger and Söding
    2018, Linclust), else all with all.
    """
    words = [np.unique(_words(sequence)) for sequence in sequences]
    owner = np.repeat(np.arange(len(words)), [*map(len, words)])
    word = np.concatenate(words)
    order = np.argsort(word, kind="stable")
    word, owner = word[order], owner[order]
    starts = np.flatnonzero(np.diff(word, prepend=-1))
    sizes = np.diff(np.append(starts, len(word)))
    lengths = np.array([*map(len, sequences)])
    pairs = [np.empty((0, 2), np.int64)]
    for size in range(2, _FEW + 1):
        some = starts[sizes == size]
        for i, j in itertools.combinations(range(size), 2):
            pairs.append(np.stack([owner[some + i], owner[some + j]], 1))
    for start, size in zip(starts[sizes > _FEW], sizes[sizes > _FEW], strict=True):
        own = owner[start : start + size]
        centre = own[np.argmax(lengths[own])]
        others = own[own != centre]
        pairs.append(np.sort(np.stack([np.full(len(others), centre), others], 1), axis=1))
    # Owners of a word ascend, so that the first of a pair is the smaller.
    found = np.concatenate(pairs)
    keys, counts = np.unique(found[:, 0] * len(words) + found[:, 1], return_counts=True)
    keys, counts = keys[counts >= SHARED], counts[counts >= SHARED]
    return np.stack([keys // len(words), keys % len(words)], 1), counts


def _words(sequence: str) -> np.ndarray:
    """Return the words of a protein as numbers, without those of two letters or fewer."""
    letters = np.frombuffer(sequence.encode("ascii", "replace"), np.uint8).astype(np.int64) - 65
    if len(letters) < WORD:
        return np.empty(0, np.int64)
    found = np.lib.stride_tricks.sliding_window_view(letters, WORD)
    kinds = 1 + np.count_nonzero(np.diff(np.sort(found, axis=1), axis=1), axis=1)
    return (found * 32 ** np.arange(WORD)).sum(axis=1)[kinds > 2]
