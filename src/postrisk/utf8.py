"""Texts end to end in one UTF-8 buffer: what the kernel reads, from a list or an Arrow column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from postrisk.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

Index = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
# What one pass of numpy's kernel over so many characters needs fits a processor's caches.
BATCH_CHARS = 1 << 16
_BATCH_TEXTS = 1024
Texts: TypeAlias = "Sequence[str] | pa.Array | pa.ChunkedArray"


@dataclass(frozen=True, slots=True)
class Utf8:
    """Texts end to end.

    Attributes
    ----------
    data : ndarray of uint8
        UTF-8; lone surrogates are encoded as other code points are.
    bounds : ndarray of int64
        Where the texts' bytes start and end in ``data``: shape (n_texts + 1,), or (2,) for all
        of them where ``lengths`` tells them apart.
    lengths : ndarray of int64, shape (n_texts,), or None
        Numbers of characters.
    """

    data: Bytes
    bounds: Index
    lengths: Index | None

    def __len__(self) -> int:
        return len(self.bounds) - 1 if self.lengths is None else len(self.lengths)

    @classmethod
    def of_list(cls, texts: Sequence[str]) -> Utf8:
        """Join strings.

        >>> joined = Utf8.of_list(["soup", "谣言"])
        >>> joined.data.tobytes().decode(), joined.lengths.tolist()
        ('soup谣言', [4, 2])
        """
        data = np.frombuffer("".join(texts).encode("utf-8", "surrogatepass"), dtype=np.uint8)
        lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
        return cls(data, np.array([0, len(data)]), lengths)

    @classmethod
    def of_arrow(cls, column: pa.Array) -> Utf8:
        """Take an Arrow column of strings as it lies in memory.

        Raises
        ------
        InputError
            When it is no column of strings or has nulls.
        """
        import pyarrow as pa  # noqa: PLC0415 - scoring strings must not import it

        kinds = {pa.string(): np.int32, pa.large_string(): np.int64}
        if column.type not in kinds:
            plain = getattr(column.type, "value_type", column.type)
            if plain not in {*kinds, pa.string_view()}:
                raise InputError(f"texts: found a column of {column.type}, expected strings")
            column = column.cast(pa.large_string())
        if column.null_count:
            raise InputError(f"texts: found {column.null_count:,} nulls, expected none")
        _, offsets, data = column.buffers()
        if not len(column) or offsets is None:
            return cls.of_list([])
        all_offsets = np.frombuffer(offsets, dtype=kinds[column.type])
        bounds = all_offsets[column.offset : column.offset + len(column) + 1].astype(np.int64)
        found = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, dtype=np.uint8)
        return cls(found, bounds, None)

    def to_list(self) -> list[str]:
        """Give the strings.

        >>> Utf8.of_list(["soup", "谣言"]).to_list()
        ['soup', '谣言']
        """
        if self.lengths is None:
            raw, ends = self.data.tobytes(), self.bounds.tolist()
            return [raw[a:b].decode("utf-8", "surrogatepass") for a, b in pairwise(ends)]
        joined = self.data.tobytes().decode("utf-8", "surrogatepass")
        return [joined[a:b] for a, b in pairwise([0, *np.cumsum(self.lengths).tolist()])]


def batches(texts: Texts, max_chars: int = BATCH_CHARS) -> Iterator[Any]:
    """Cut texts into runs of at most ``max_chars`` characters, at least one text each.

    A list gives lists and an Arrow column gives arrays, whose size is told from their bytes.

    >>> [len(part) for part in batches(["a" * 5, "b", "c" * 9, "d"], 7)]
    [2, 1, 1]
    """
    parts = texts.chunks if hasattr(texts, "chunks") else [texts]
    for part in parts:
        for start in range(0, len(part), _BATCH_TEXTS):
            yield from _halves(part[start : start + _BATCH_TEXTS], max_chars)


def _halves(texts: Any, max_chars: int) -> Iterator[Any]:
    if hasattr(texts, "buffers"):
        size = int(np.subtract(*Utf8.of_arrow(texts).bounds[[-1, 0]]))
    else:
        size = sum(map(len, texts))
    if size <= max_chars or len(texts) == 1:
        yield texts
        return
    half = len(texts) // 2
    yield from _halves(texts[:half], max_chars)
    yield from _halves(texts[half:], max_chars)
