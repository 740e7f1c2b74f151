"""The kernel in C, where it was built: the same numbers as numpy gives, to the bit, and faster.

``_kernel/kernel.c`` is compiled when the package is installed and a C compiler is there. Nothing
needs it: `kernel_for` gives None without it, or when the environment has ``POSTRISK_KERNEL=numpy``.
The lock of the interpreter is free while it runs, so that threads score side by side.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from postrisk.folding import FOLDED_CODES, folding_arrays, word_codes
from postrisk.ngrams import Hashing
from postrisk.style import HAN, LATIN
from postrisk.utf8 import Index, Utf8
from postrisk.windows import Windowing

Floats = npt.NDArray[np.float64]
_ABI = 2
_LANES = 4
_CLASS_SHIFT = 24
_HAN, _LATIN, _WORD = 1, 2, 4
_IN_WORD, _IS_SPACE, _IS_HAN, _IS_ALNUM = 1, 2, 4, 8
# What `postrisk.explanation` takes one by one as tokens.
SPAN_HAN = ((0x2E80, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFD))
# Planes 0 to 3; what Unicode has beyond are no letters, digits or blanks.
SPAN_CODES = 0x40000
_FEW = 32
_HUGE_PAGE = 1 << 21

_POINTERS = (
    "folded expansion_starts expansion_lengths expansions weights"
    " scales biases slopes intercepts widths"
)
_NUMBERS = "n_widths steps whole n_categories stride char_orders longest_order word_orders bits"


_Two = ctypes.c_int64 * 2
_ONE = ctypes.c_int64(1)


class _Model(ctypes.Structure):
    """Mirrors ``Model`` in ``kernel.c`` field by field."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in _POINTERS.split()),
        *((name, ctypes.c_int64) for name in _NUMBERS.split()),
    )


@cache
def library() -> ctypes.CDLL | None:
    """Load the compiled kernel; None where there is none for this version of the package."""
    if os.environ.get("POSTRISK_KERNEL") == "numpy":
        return None
    try:
        found = ctypes.CDLL(str(Path(__file__).with_name("_kernel") / "kernel.so"))
        return found if found.postrisk_abi() == _ABI else None
    except (OSError, AttributeError):
        return None


def _address(array: Any) -> int:
    return int(array.ctypes.data)


@cache
def _folded_entries() -> tuple[npt.NDArray[np.uint32], Index, Index, npt.NDArray[np.uint32]]:
    """Give the folding table with the class of each folded code point in its top byte."""
    table = folding_arrays()
    entries = np.arange(FOLDED_CODES, dtype=np.uint32)
    for bit, ranges in ((_HAN, HAN), (_LATIN, LATIN)):
        for first, last in ranges:
            entries[first : last + 1] |= np.uint32(bit << _CLASS_SHIFT)
    entries[word_codes()] |= np.uint32(_WORD << _CLASS_SHIFT)
    expansions = entries[table.expansion_codes]
    targets = table.folded[table.sources]
    plain = targets < FOLDED_CODES  # 0 to delete, whose class is none, among them
    targets[plain] = entries[targets[plain]]
    entries[table.sources] = targets
    return entries, table.expansion_starts, table.expansion_lengths, expansions


class _SpanClasses:
    """Classes of original characters: told when one is met first, or all at once for many."""

    def __init__(self) -> None:
        self.table = np.zeros(FOLDED_CODES, dtype=np.uint8)
        self._known: set[str] = set()
        self._is_full = False

    def learn(self, texts: Sequence[str]) -> None:
        """Make sure that the classes of all characters of these texts are told."""
        if self._is_full:
            return
        if len(texts) > _FEW:
            self.table[:SPAN_CODES] = _all_span_classes()
            self._is_full = True
            return
        new = set().union(*texts) - self._known
        for char in new:
            self.table[ord(char)] = _span_class(char)
        self._known |= new


def _all_span_classes() -> npt.NDArray[np.uint8]:
    characters = list(map(chr, range(SPAN_CODES)))
    is_alnum = np.fromiter(map(str.isalnum, characters), dtype=bool, count=SPAN_CODES)
    is_space = np.fromiter(map(str.isspace, characters), dtype=bool, count=SPAN_CODES)
    is_han = np.zeros(SPAN_CODES, dtype=bool)
    for first, last in SPAN_HAN:
        is_han[first : last + 1] = True
    is_word = is_alnum & ~is_han
    is_word[ord("_")] = True
    return (
        is_han * np.uint8(_IS_HAN)
        | is_word * np.uint8(_IN_WORD)
        | is_space * np.uint8(_IS_SPACE)
        | is_alnum * np.uint8(_IS_ALNUM)
    )


def _span_class(char: str) -> int:
    """Classify a character as the tokens of `postrisk.explanation` do."""
    is_han = any(first <= ord(char) <= last for first, last in SPAN_HAN)
    is_word = not is_han and (char.isalnum() or char == "_")
    return (
        (_IS_HAN if is_han else _IN_WORD if is_word else 0)
        | (_IS_SPACE if char.isspace() else 0)
        | (_IS_ALNUM if char.isalnum() else 0)
    )


_SPAN_CLASSES = _SpanClasses()


def _in_huge_pages(array: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Copy to memory in large pages, where the system has them.

    The table is read at random, and with pages of 4 KiB the processor looks up where each is.
    """
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.ascontiguousarray(array)
    memory = mmap.mmap(-1, (array.nbytes // _HUGE_PAGE + 2) * _HUGE_PAGE)
    try:
        memory.madvise(mmap.MADV_HUGEPAGE)
    except OSError:
        return np.ascontiguousarray(array)
    whole = np.frombuffer(memory, dtype=np.uint8)
    start = -_address(whole) % _HUGE_PAGE
    copied = whole[start : start + array.nbytes].reshape(array.shape)
    copied[:] = array
    return copied


class Line(NamedTuple):
    """How logits follow from sums, see `postrisk.model.RiskModel`; shapes with n categories.

    Attributes
    ----------
    scales, biases : ndarray of float64, shape (n,)
    slopes, intercepts : ndarray of float64, shape (n_languages, n)
    """

    scales: Floats
    biases: Floats
    slopes: Floats
    intercepts: Floats


class Kernel:
    """A model's weights, ready for the library; safe to use from several threads.

    Parameters
    ----------
    found : ctypes.CDLL
    hashing : Hashing
    windowing : Windowing
    weights : ndarray of int8, shape (n_buckets, n_categories)
    line : Line
    """

    def __init__(
        self,
        found: ctypes.CDLL,
        hashing: Hashing,
        windowing: Windowing,
        weights: npt.NDArray[np.int8],
        line: Line,
    ) -> None:
        self._library = found
        self._n = weights.shape[1]
        missing = -self._n % _LANES
        padded = np.pad(weights, ((0, 0), (0, missing))) if missing else weights
        arrays: list[npt.NDArray[Any]] = [
            *_folded_entries(),
            _in_huge_pages(np.add(padded, 128, dtype=np.int16).astype(np.uint8)),
            *(np.ascontiguousarray(part, dtype=np.float64) for part in line),
            np.array(windowing.widths, dtype=np.int64),
        ]
        numbers = [
            *(len(windowing.widths), windowing.steps, int(windowing.whole)),
            *(self._n, self._n + missing),
            sum(1 << order for order in hashing.char_orders),
            max(hashing.char_orders),
            sum(1 << order for order in hashing.word_orders),
            hashing.bits,
        ]
        self._kept = arrays  # the library reads them as long as this object lives
        self._model = _Model(*map(_address, arrays), *numbers)
        self._pointer = ctypes.byref(self._model)
        self._logits = ctypes.c_double * self._n

    def score(self, texts: Utf8) -> tuple[Floats, npt.NDArray[np.int8]]:
        """Score texts.

        Returns
        -------
        logits : ndarray of float64, shape (n_texts, n_categories)
        languages : ndarray of int8, shape (n_texts,)
            Script languages as indices of `postrisk.style.LANGUAGES`.

        Raises
        ------
        MemoryError
        """
        logits = np.empty((len(texts), self._n))
        languages = np.empty(len(texts), dtype=np.int8)
        self._score(texts, logits, languages, None, None)
        return logits, languages

    def sum_windows(self, texts: Utf8) -> tuple[Index, Index]:
        """Sum the weights and count the n-grams of winning windows.

        Returns
        -------
        sums, counts : ndarray of int64, shape (n_texts, n_categories)

        Raises
        ------
        MemoryError
        """
        shape = len(texts), self._n
        sums, counts = np.empty(shape, dtype=np.int64), np.empty(shape, dtype=np.int64)
        self._score(texts, np.empty(shape), np.empty(len(texts), dtype=np.int8), sums, counts)
        return sums, counts

    def _score(self, texts: Utf8, *outputs: npt.NDArray[Any] | None) -> None:
        given: list[npt.NDArray[Any] | None] = [texts.data, texts.bounds, texts.lengths]
        self._call("postrisk_score", given, len(texts), outputs)

    def score_one(self, text: str) -> tuple[list[float], int]:
        """Give the logits and the language of one text, without a detour over arrays."""
        data = text.encode("utf-8", "surrogatepass")
        bounds, logits, language = _Two(0, len(data)), self._logits(), ctypes.c_int8()
        outputs = (logits, ctypes.byref(language), None, None)
        if self._library.postrisk_score(self._pointer, data, bounds, None, _ONE, *outputs):
            raise MemoryError
        return logits[:], language.value

    def strongest_spans(
        self, texts: Sequence[str], categories: Sequence[int]
    ) -> list[tuple[int, int]]:
        """Find each text's strongest span in one category; ``(-1, -1)`` where nothing raises it.

        Parameters
        ----------
        texts : sequence of str
        categories : sequence of int
            One per text, as index of the model's categories.

        Raises
        ------
        MemoryError
        """
        _SPAN_CLASSES.learn(texts)
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        data = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        bounds = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        wanted = np.array(categories, dtype=np.int64)
        starts, ends = (np.empty(len(texts), dtype=np.int64) for _ in range(2))
        given: list[npt.NDArray[Any] | None] = [_SPAN_CLASSES.table, data, bounds, wanted]
        self._call("postrisk_spans", given, len(texts), (starts, ends))
        return list(zip(starts.tolist(), ends.tolist(), strict=True))

    def _call(
        self,
        name: str,
        given: Sequence[npt.NDArray[Any] | None],
        rows: int,
        outputs: Sequence[npt.NDArray[Any] | None],
    ) -> None:
        inputs, results = map(_pointers, (given, outputs))
        if getattr(self._library, name)(self._pointer, *inputs, ctypes.c_int64(rows), *results):
            raise MemoryError


def _pointers(arrays: Sequence[npt.NDArray[Any] | None]) -> list[ctypes.c_void_p]:
    return [ctypes.c_void_p(None if array is None else _address(array)) for array in arrays]


def kernel_for(
    hashing: Hashing,
    windowing: Windowing,
    weights: npt.NDArray[np.int8],
    line: Line,
) -> Kernel | None:
    """Give the compiled kernel with a model's weights; None where numpy has to do."""
    found = library()
    return None if found is None else Kernel(found, hashing, windowing, weights, line)
