"""The language of many texts at once, told by their UTF-8 bytes.

`postrisk.post.detect_language` counts Han characters, Latin letters, and kana and Hangul. The first
byte of a character tells most of them, its second byte nearly all others, so that no text
has to become a Python string.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from postrisk.arrowtext import Bytes, Offsets, select, text_bytes, truths

LANGUAGES = ("und", "en", "zh")
_UND, _EN, _ZH = range(3)
Mask = npt.NDArray[np.bool_]
_PIECE = 1 << 17  # bytes of texts that stay in the cache from one step to the next
_LOOKS = 3

# What a character counts as. Sums of eight bytes keep Latin letters and Han characters apart.
_NONE, _LATIN, _HAN, _KANA_HANGUL, _THIRD = 0, 1, 16, 2, 3  # the last: a later byte decides
_LANES = np.uint64(0x0101010101010101)


@cache
def _pairs() -> Bytes:
    """Give the class of each pair of a first and a second byte that `_is_special` finds."""
    pairs = np.zeros((256, 256), dtype=np.uint8)
    pairs[0xC3:0xC9] = _LATIN  # U+00C0 to U+023F
    pairs[0xC9, 0x80:0x90] = _LATIN  # to U+024F
    pairs[0xE3, 0x81:0x84] = _KANA_HANGUL  # U+3040 to U+30FF
    pairs[0xE3, 0x90:] = _HAN  # U+3400 to U+3FFF
    pairs[0xEA, 0xB0:] = _KANA_HANGUL  # U+AC00
    pairs[0xEB:0xED] = _KANA_HANGUL
    pairs[0xED, 0x80:0x9E] = _KANA_HANGUL  # to U+D77F
    pairs[0xED, 0x9E] = _THIRD  # to U+D7AF
    pairs[0xEF, 0xA4:0xAC] = _HAN  # U+F900 to U+FAFF
    pairs[0xF0, 0xA0:0xC0] = _HAN  # U+20000 to U+3EFFF
    pairs[0xF0, 0xBF] = _THIRD  # to U+3FFFD
    return pairs.ravel()


def detect_languages(texts: pa.StringArray) -> npt.NDArray[np.int8]:
    """Tell each text's language as `postrisk.post.detect_language` does.

    Parameters
    ----------
    texts : pyarrow.StringArray
        Without nulls.

    Returns
    -------
    ndarray of int8, shape (n_rows,)
        Each as its index in `LANGUAGES`.

    Examples
    --------
    >>> found = detect_languages(pa.array(["打死我也不信 lol", "see you", "123"]))
    >>> [LANGUAGES[code] for code in found]
    ['zh', 'en', 'und']
    """
    # English that starts with a letter, or nearly, needs no counting.
    found = np.where(truths(pc.string_is_ascii(texts)) & _starts_latin(texts), _EN, _UND)
    unsure = found != _EN
    if unsure.any():
        found[unsure] = _count(select(texts, unsure))
    return found.astype(np.int8)


def _starts_latin(texts: pa.StringArray) -> npt.NDArray[np.bool_]:
    """Tell whether one of the first bytes is an ASCII letter."""
    data, offsets = text_bytes(texts)
    found = np.zeros(len(texts), dtype=bool)
    for look in range(_LOOKS):
        at = offsets[:-1] + look
        inside = at < offsets[1:]
        found[inside] |= _is_letter(data[at[inside]])
    return found


def _count(texts: pa.StringArray) -> npt.NDArray[np.int64]:
    data, offsets = text_bytes(texts)
    cuts = np.searchsorted(offsets, np.arange(0, len(data), _PIECE))
    found = np.full(len(texts), _UND)
    for first, last in pairwise(np.unique([0, *cuts, len(texts)])):
        start, stop = offsets[first], offsets[last]
        found[first:last] = _count_piece(data[start:stop], offsets[first : last + 1] - start)
    return found


def _count_piece(data: Bytes, offsets: Offsets) -> npt.NDArray[np.int64]:
    flags, kana_hangul = _flag(data)
    counts = _sum_flags(flags, offsets)
    han, latin = counts >> 32, counts & 0xFFFFFFFF
    language = np.where(latin > 0, _EN, _UND)
    language[(han > 0) & (3 * han >= latin)] = _ZH
    if kana_hangul.size:
        others = np.diff(np.searchsorted(kana_hangul, offsets))
        language[(han > 0) & (others > han // 4)] = _UND
    return language


def _flag(data: Bytes) -> tuple[Bytes, Offsets]:
    """Give each byte `_LATIN`, `_HAN` or nothing, and where kana and Hangul stand.

    The flags are filled up with at least one that is nothing, to a multiple of eight.
    """
    flags = np.zeros(len(data) + 8 - len(data) % 8, dtype=np.uint8)
    classes = flags[: len(data)]
    # U+4000 to U+9FFF, of which `_is_special` finds those that are not Han.
    np.multiply(_between(data, 0xE4, 0xE9), np.uint8(_HAN), out=classes)
    classes |= _is_letter(data)
    # The last byte starts no character of two bytes.
    at = np.flatnonzero(_is_special(data[:-1], data[1:]))
    found = _pairs()[data[at].astype(np.intp) << 8 | data[at + 1]]
    third = np.flatnonzero(found == _THIRD)
    found[third] = _by_last_bytes(data, at[third])
    others = found == _KANA_HANGUL
    flags[at] = np.where(others, _NONE, found)
    return flags, at[others]


def _between(data: Bytes, first: int, last: int) -> Mask:
    """Tell which bytes lie in a range; unsigned bytes wrap around."""
    return (data - np.uint8(first)) <= np.uint8(last - first)


def _is_letter(data: Bytes) -> Mask:
    return _between(data | np.uint8(0x20), ord("a"), ord("z"))


def _is_special(first: Bytes, second: Bytes) -> Mask:
    """Find the few characters that are not what their first byte says, Han or nothing."""
    special = _between(first, 0xC3, 0xC9)
    special |= _between(first, 0xEA, 0xED)
    special |= (first == 0xE3) & (second > 0x80)  # noqa: PLR2004 - but 、 and 。
    special |= (first == 0xE4) & (second == 0xB7)  # noqa: PLR2004 - U+4DC0, hexagrams
    special |= (first == 0xEF) & (second < 0xB0)  # noqa: PLR2004 - but full-width signs
    special |= (first == 0xF0) & (second > 0x9F)  # noqa: PLR2004 - but emoji
    return special


def _by_last_bytes(data: Bytes, at: Offsets) -> Bytes:
    """Tell U+D780 to U+D7AF from what follows, and U+3FFFE and U+3FFFF from Han."""
    four = data[at] == 0xF0  # noqa: PLR2004 - first of four bytes
    third = data[at + 2]
    fourth = data[np.where(four, at + 3, at)]
    han = four & ((third < 0xBF) | (fourth < 0xBE))  # noqa: PLR2004
    hangul = ~four & (third < 0xB0)  # noqa: PLR2004
    return np.select([han, hangul], [_HAN, _KANA_HANGUL], _NONE).astype(np.uint8)


def _sum_flags(flags: Bytes, offsets: Offsets) -> Offsets:
    """Count between offsets as `_sum_words` does."""
    words = flags.view("<u8")
    totals = np.zeros(len(words) + 1, dtype=np.int64)
    np.cumsum(_sum_words(words), out=totals[1:])
    word, byte = offsets >> 3, (offsets & 7).astype(np.uint64)
    before = (np.uint64(1) << (np.uint64(8) * byte)) - np.uint64(1)
    counts: Offsets = np.diff(totals[word] + _sum_words(words[word] & before))
    return counts


def _sum_words(words: npt.NDArray[np.uint64]) -> Offsets:
    """Sum the bytes of each word: letters in its lower half, Han characters in its upper."""
    sums = ((words * _LANES) >> np.uint64(56)).view(np.int64)
    return (sums & 0xF0) << 28 | sums & 0xF
