"""Folding: one look-up per character that undoes case, width, look-alikes and invisibles.

Every character is replaced through one generated code-point table (``tools/
make_folding_table.py``; Unicode Character Database, UTS #39 confusables, OpenCC
traditional→simplified). Commas and semicolons become blanks, runs of blanks one blank, and runs of
three or more of the same non-digit two. Texts that differ only in what folding removes are the same
text to every later stage, so they get the same score to the bit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint32]
Index = npt.NDArray[np.int64]

_TABLE = Path(__file__).with_name("folding_table.npy")
_SECTIONS = 5
FOLDED_CODES = 0x110000
BLANK = ord(" ")
_LONGEST_RUN = 2


@dataclass(frozen=True, slots=True)
class FoldingArrays:
    """The look-up: a code point to its folded code point, 0 to delete, or an expansion."""

    folded: Codes
    sources: Codes
    expansion_starts: Index
    expansion_lengths: Index
    expansion_codes: Codes
    word_codes: Codes


@cache
def folding_arrays() -> FoldingArrays:
    """Give the generated table; it is read once."""
    # Plain numbers, since unpacking an archive takes longer than a first score.
    stored = np.load(_TABLE, allow_pickle=False)
    sizes, sections = np.split(stored, [_SECTIONS])
    sources, targets, lengths, codes, words = np.split(sections, np.cumsum(sizes)[:-1])
    folded = np.arange(FOLDED_CODES, dtype=np.uint32)
    folded[sources] = targets
    lengths = lengths.astype(np.int64)
    return FoldingArrays(folded, sources, np.cumsum(lengths) - lengths, lengths, codes, words)


def word_codes() -> Codes:
    """Give the code points that form words: letters and digits of alphabets.

    They come with the table, so that every Python sees the same words.
    """
    return folding_arrays().word_codes


@cache
def folding_version() -> int:
    """Version of the folding table; a model stores the one that it was trained with."""
    provenance = json.loads(_TABLE.with_suffix(".json").read_text("utf-8"))
    return int(provenance["folding_version"])


@dataclass(frozen=True, slots=True)
class FoldedBatch:
    """Folded texts of a batch, end to end, with one blank before, between and after them.

    Attributes
    ----------
    original : ndarray of uint32
        Code points of ``" " + " ".join(texts) + " "``.
    codes : ndarray of uint32, shape (n_characters,)
        Folded code points.
    edges : ndarray of int64, shape (n_texts + 1,)
        Where the blanks at the texts' edges stand: text ``i`` with its two edge blanks is
        ``codes[edges[i] : edges[i + 1] + 1]``. A text that folds to nothing has two equal edges.
    sources : ndarray of int64, shape (n_characters,)
        For each folded character, the index of its original character in ``original``.
    text_starts : ndarray of int64, shape (n_texts,)
        Where each text starts in ``original``.
    """

    original: Codes
    codes: Codes
    edges: Index
    sources: Index
    text_starts: Index

    def __len__(self) -> int:
        return len(self.edges) - 1

    def text(self, index: int) -> str:
        """Give folded text ``index`` without its edge blanks."""
        return _decode(self.codes[self.edges[index] + 1 : self.edges[index + 1]])

    def offsets(self, index: int) -> Index:
        """Give, for each character of ``text(index)``, its index in the original text."""
        inside = self.sources[self.edges[index] + 1 : self.edges[index + 1]]
        offsets: Index = inside - self.text_starts[index]
        return offsets


def _encode(text: str) -> Codes:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def _decode(codes: Codes) -> str:
    return codes.tobytes().decode("utf-32-le", "surrogatepass")


def _expand(codes: Codes, sources: Index, table: FoldingArrays) -> tuple[Codes, Index]:
    """Replace each expansion mark by the characters that it stands for."""
    marked = np.flatnonzero(codes >= FOLDED_CODES)
    if not marked.size:
        return codes, sources
    which = codes[marked].astype(np.int64) - FOLDED_CODES
    repeats = np.ones(len(codes), dtype=np.int64)
    repeats[marked] = table.expansion_lengths[which]
    expanded = np.repeat(codes, repeats)
    firsts = (np.cumsum(repeats) - repeats)[marked]
    lengths = table.expansion_lengths[which]
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    targets = np.repeat(firsts, lengths) + within
    expanded[targets] = table.expansion_codes[
        np.repeat(table.expansion_starts[which], lengths) + within
    ]
    return expanded, np.repeat(sources, repeats)


def _keep(
    kept: npt.NDArray[np.bool_], codes: Codes, sources: Index, edges: Index
) -> tuple[Codes, Index, Index]:
    """Drop characters; an edge blank that is dropped moves to the blank kept before it."""
    if kept.all():
        return codes, sources, edges
    return codes[kept], sources[kept], np.cumsum(kept)[edges] - 1


def fold_batch(texts: Sequence[str]) -> FoldedBatch:
    r"""Fold texts, keeping the way back to their original characters.

    Parameters
    ----------
    texts : sequence of str
        Any strings, lone surrogates included.

    Returns
    -------
    FoldedBatch

    Examples
    --------
    >>> batch = fold_batch(["ＫＩＬＬ\u200b  yоu", "打死我也不信"])
    >>> batch.text(0), batch.offsets(0).tolist()
    ('kill you', [0, 1, 2, 3, 5, 7, 8, 9])
    """
    table = folding_arrays()
    original = _encode(f" {' '.join(texts)} ")
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    edges = np.concatenate(([0], np.cumsum(lengths + 1)))
    text_starts = edges[:-1] + 1
    is_edge = np.zeros(len(original), dtype=bool)
    is_edge[edges] = True

    looked_up = table.folded[original]
    present = np.flatnonzero(looked_up)
    codes, sources = _expand(looked_up[present], present, table)
    edges = np.flatnonzero(is_edge[sources])

    blank = codes == BLANK
    repeated_blank = blank.copy()
    repeated_blank[0] = False
    repeated_blank[1:] &= blank[:-1]
    codes, sources, edges = _keep(~repeated_blank, codes, sources, edges)

    overlong = np.zeros(len(codes), dtype=bool)
    overlong[_LONGEST_RUN:] = (codes[2:] == codes[1:-1]) & (codes[1:-1] == codes[:-2])
    overlong &= (codes < ord("0")) | (codes > ord("9"))
    codes, sources, edges = _keep(~overlong, codes, sources, edges)
    return FoldedBatch(original, codes, edges, sources, text_starts)


def fold(text: str) -> str:
    """Fold one text.

    >>> fold("Sооо   CHEAP 謠言!!!!")
    'soo cheap 谣言!!'
    """
    return fold_batch([text]).text(0)
