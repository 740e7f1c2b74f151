"""Style features: how a post is written, counted on the folded text.

All but ``capitals`` are invariant under folding. ``capitals`` is there for experiments; a
model that uses it gives up the invariance under case, so the shipped one does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from postrisk.folding import BLANK, Codes, FoldedBatch, Index

Style = Literal[
    "links",
    "mentions",
    "hashtags",
    "emoji",
    "exclamations",
    "questions",
    "digits",
    "length",
    "capitals",
]
STYLES: tuple[Style, ...] = get_args(Style)
# What `language_indices` tells apart; the first is a text that shows neither script.
LANGUAGES = ("und", "en", "zh")
# Ranges of folded code points.
HAN = ((0x3400, 0x9FFF), (0x20000, 0x3FFFD))
LATIN = ((ord("a"), ord("z")),)
Mask = npt.NDArray[np.bool_]


def _between(codes: Codes, first: int, last: int) -> Mask:
    found: Mask = (codes >= first) & (codes <= last)
    return found


def _followed_by_text(codes: Codes, sign: str) -> Mask:
    found: Mask = codes == ord(sign)
    found[:-1] &= (codes[1:] > BLANK) & (codes[1:] != ord(sign))
    return found


def _mask(codes: Codes, name: Style) -> Mask:  # noqa: PLR0911 - one case a style
    found: Mask
    match name:
        case "links":
            found = codes == ord(":")
            found[-2:] = False
            found[:-2] &= (codes[1:-1] == ord("/")) & (codes[2:] == ord("/"))
            return found
        case "mentions":
            return _followed_by_text(codes, "@")
        case "hashtags":
            return _followed_by_text(codes, "#")
        case "emoji":
            return _between(codes, 0x1F000, 0x1FAFF) | _between(codes, 0x2600, 0x27BF)
        case "exclamations":
            return _between(codes, ord("!"), ord("!"))
        case "questions":
            return _between(codes, ord("?"), ord("?"))
        case "digits":
            return _between(codes, ord("0"), ord("9"))
        case "length":
            return ~_between(codes, BLANK, BLANK)
        case "capitals":
            return _between(codes, ord("A"), ord("Z"))


def _count(mask: Mask, starts: Index, ends: Index) -> Index:
    sums = np.concatenate(([0], np.cumsum(mask)))
    return sums[ends] - sums[starts]


def language_indices(batch: FoldedBatch) -> Index:
    """Tell each text's script language as its index in `LANGUAGES`; shape (n_texts,).

    Folding comes first, so that look-alike letters from other scripts do not change a text's
    language, and with it its calibration and cut-offs. A Han character weighs as much as three
    Latin letters.
    """
    codes = batch.codes
    han = _between(codes, *HAN[0]) | _between(codes, *HAN[1])
    latin = _between(codes, *LATIN[0])
    starts, ends = batch.edges[:-1], batch.edges[1:]
    n_han, n_latin = _count(han, starts, ends), _count(latin, starts, ends)
    written = np.where(3 * n_han >= n_latin, LANGUAGES.index("zh"), LANGUAGES.index("en"))
    return np.where(n_han + n_latin > 0, written, LANGUAGES.index("und"))


def script_languages(batch: FoldedBatch) -> list[str]:
    """Tell ``zh``, ``en`` or ``und`` for each text from the folded characters.

    >>> from postrisk.folding import fold_batch
    >>> script_languages(fold_batch(["打死我也不信 lol", "sее you", "42"]))
    ['zh', 'en', 'und']
    """
    return [LANGUAGES[index] for index in language_indices(batch)]


def style_features(batch: FoldedBatch, names: Sequence[Style]) -> npt.NDArray[np.float64]:
    """Count each style per text and take ``log(1 + count)``.

    Parameters
    ----------
    batch : FoldedBatch
    names : sequence of {"links", "mentions", "hashtags", "emoji", "exclamations", \
            "questions", "digits", "length", "capitals"}

    Returns
    -------
    ndarray of float64, shape (n_texts, n_names)

    Examples
    --------
    >>> from postrisk.folding import fold_batch
    >>> style_features(fold_batch(["@ann see https://a.example"]), ["links", "mentions"]).round(2)
    array([[0.69, 0.69]])
    """
    counts = np.zeros((len(batch), len(names)), dtype=np.int64)
    for column, name in enumerate(names):
        if name == "capitals":
            ends = np.append(batch.text_starts[1:] - 1, len(batch.original) - 1)[: len(batch)]
            counts[:, column] = _count(_mask(batch.original, name), batch.text_starts, ends)
        else:
            mask = _mask(batch.codes, name)
            counts[:, column] = _count(mask, batch.edges[:-1], batch.edges[1:])
    return np.log1p(counts)
