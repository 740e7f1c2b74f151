"""Windows of a text: a long post is as risky as its riskiest passage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from postrisk.errors import InputError, shorten
from postrisk.folding import Index

_MOST_STEPS = 8


@dataclass(frozen=True, slots=True)
class Windowing:
    """Which windows of a text are scored; a text's score is that of its riskiest window.

    A text with at most ``width`` folded characters has one window of that width: itself. A longer
    one has windows at every ``width // steps`` characters and one that ends with the text.
    An n-gram belongs to the windows that it starts in, so the last ones of a window look a few
    characters beyond its border.

    Attributes
    ----------
    widths : tuple of int
        In folded characters, ascending; none means the whole text only.
    steps : int
        How many windows of one width cover a character.
    whole : bool
        Whether the whole text is a window too, however long.

    Raises
    ------
    InputError
        When widths do not ascend, or there are fewer than 1 or more than 8 steps.

    Examples
    --------
    >>> found = Windowing(widths=(4,), whole=False).of(np.array([0, 8, 10]))
    >>> found.owners.tolist(), found.starts.tolist(), found.ends.tolist()
    ([0, 0, 0, 1], [0, 3, 4, 8], [5, 7, 8, 10])
    """

    widths: tuple[int, ...] = ()
    steps: int = 2
    whole: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        widths = self.widths
        fit = all(type(width) is int and 0 < width < 1 << 20 for width in widths)
        if not fit or list(widths) != sorted(set(widths)):
            expected = "ascending ones of 1 to 1,048,575"
            raise InputError(f"widths: found {shorten(widths)}, expected {expected}")
        if type(self.steps) is not int or not 1 <= self.steps <= _MOST_STEPS:
            raise InputError(f"steps: found {shorten(self.steps)}, expected 1 to {_MOST_STEPS}")
        if widths and widths[0] < self.steps:
            raise InputError("a width must not be below steps")

    def splits(self, edges: Index) -> bool:
        """Tell whether any text of a batch has more windows than itself."""
        return bool(self.widths) and int(np.diff(edges).max(initial=0)) - 1 > self.widths[0]

    def of(self, edges: Index) -> Windows:
        """Give the windows of all texts of a batch.

        Parameters
        ----------
        edges : ndarray of int64, shape (n_texts + 1,)
            As `postrisk.folding.FoldedBatch.edges`.
        """
        lengths = np.diff(edges) - 1
        widest = self.widths[-1] if self.widths else 0
        itself = np.flatnonzero(self.whole | (lengths <= widest) | (not self.widths))
        owners, starts, ends = [itself], [edges[itself]], [edges[itself + 1]]
        for width in self.widths:
            long = np.flatnonzero(lengths > width)
            stride = width // self.steps
            last = lengths[long] - width
            counts = -(-last // stride) + 1
            within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            offsets = np.minimum(within * stride, np.repeat(last, counts))
            owner = np.repeat(long, counts)
            first = edges[owner] + 1 + offsets
            owners.append(owner)
            # The blank before the text belongs to its first windows.
            starts.append(np.where(offsets > 0, first, edges[owner]))
            ends.append(first + width)
        return Windows(*map(np.concatenate, (owners, starts, ends))).in_order()


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of the texts of a batch, by text, start and end.

    Attributes
    ----------
    owners : ndarray of int64, shape (n_windows,)
        Which text a window is of, ascending; every text has one at least.
    starts, ends : ndarray of int64, shape (n_windows,)
        Positions in ``FoldedBatch.codes``.
    """

    owners: Index
    starts: Index
    ends: Index

    @classmethod
    def whole(cls, edges: Index) -> Windows:
        """Give each text of a batch as its only window."""
        return cls(np.arange(len(edges) - 1), edges[:-1], edges[1:])

    def in_order(self) -> Windows:
        """Sort by text, then by start, then by end."""
        order = np.lexsort((self.ends, self.starts, self.owners))
        return Windows(self.owners[order], self.starts[order], self.ends[order])

    @property
    def firsts(self) -> Index:
        """Index of each text's first window."""
        firsts: Index = np.flatnonzero(np.diff(self.owners, prepend=-1))
        return firsts
