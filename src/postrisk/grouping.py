"""Near-identical posts as one message.

A post is reduced to its message, and equal messages are together from the start. Others are
compared by the Jaccard similarity of their hashed character n-grams: pairs that agree in a
band of MinHash values are candidates, each is verified, and verified pairs are joined. All of
it runs over the *set* of messages in alphabetical order, so that neither the order of the rows
nor copying a row can change a group.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from postrisk.counts import LARGEST, Count
from postrisk.errors import InputError, shorten
from postrisk.folding import FoldedBatch, Index, fold, fold_batch
from postrisk.ngrams import Hashing, grams
from postrisk.post import Reach
from postrisk.utf8 import batches

Keys = npt.NDArray[np.uint64]
Sets = npt.NDArray[np.int32]

_NAME = r"@[\w-]{1,30}"
_HEAD = re.compile(rf"(?:rt ?{_NAME} ?:? ?|转发微博[ .,!:;]*|// ?@[^:]{{1,30}}: ?)+")
_TAIL = re.compile(r"// ?@[^:]{1,30}:.*")
# Folding has made "ww." of "www."; a link also ends where a forward tail starts.
_LINK = re.compile(
    r"(?<![a-z0-9])(?:https?://|ww\.|pic\.twitter\.com/|t\.c[on]/)(?:(?!// ?@)[!-~])*"
)
_MENTION = re.compile(rf"(?<![a-z0-9_.]){_NAME}(?![\w-])")
_WORD = re.compile(r"\w")

_DENSE_ORDER, _SPARSE_ORDER = 3, 5
_SHINGLES = Hashing(char_orders=(_DENSE_ORDER, _SPARSE_ORDER), word_orders=(), bits=24)
# Above this block (CJK radicals) a character says about as much as half a word.
_FIRST_DENSE = 0x2E80

_LOWEST_THRESHOLD = 0.3
_HASHES = 128
_MOST_ROWS = 16
_MISSED = 1e-3
_KEY_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_WINDOW = 16
_CHUNK = 1 << 22


def message_text(text: str) -> str:
    """Give what a post says, folded, without what forwarding it adds.

    Links, @mentions, a leading ``RT @x:``, ``转发微博`` or ``//@name:``, and all from a later
    ``//@name:`` on are left out. A post that has no word beside these is its own message, so
    that two bare links do not become one.

    Examples
    --------
    >>> message_text("RT @bob: Onions CURE the flu http://t.co/x @ann")
    'onions cure the flu'
    >>> message_text("洋葱能治流感//@张三：转发微博"), message_text("http://t.cn/a")
    ('洋葱能治流感', 'http://t.cn/a')
    """
    return _message(fold(text))


def _strip(folded: str) -> str:
    text = _HEAD.sub("", folded, count=1) if _HEAD.match(folded) else folded
    text = _LINK.sub(" ", _TAIL.sub("", text))
    if "@" in text:
        text = _MENTION.sub(" ", text)
    return " ".join(text.split())


def _message(folded: str) -> str:
    stripped = _strip(folded)
    return stripped if _WORD.search(stripped) else folded.strip()


def _messages(texts: Iterable[str]) -> list[str]:
    if isinstance(texts, str):
        raise InputError(f"found one text {shorten(texts)}, expected a sequence; give [text]")
    found = list(texts)
    for index, text in enumerate(found):
        if not isinstance(text, str):
            raise InputError(f"texts[{index}]: found {shorten(text)}, expected a string or ''")
    folded = (batch.text(i) for batch in map(fold_batch, batches(found)) for i in range(len(batch)))
    return [_message(text) for text in folded]


def _text_shingles(batch: FoldedBatch) -> tuple[Index, Sets]:
    """Give each text's set of shingles, one after the other, and how many each has.

    The order goes by the character that starts the shingle rather than by the text, so that
    no edit can tip a mixed text over and make it unlike its copy.
    """
    parts = []
    for order, found in zip(_SHINGLES.char_orders, grams(batch, _SHINGLES), strict=True):
        dense = batch.codes[found.starts] >= _FIRST_DENSE
        kept = dense == (order == _DENSE_ORDER)
        row = np.searchsorted(batch.edges, found.starts[kept], side="right") - 1
        parts.append((row << _SHINGLES.bits) | found.buckets[kept])
    distinct = np.unique(np.concatenate(parts))
    sizes = np.bincount(distinct >> _SHINGLES.bits, minlength=len(batch))
    return sizes, (distinct & (_SHINGLES.buckets - 1)).astype(np.int32)


def _banding(threshold: float) -> tuple[int, int]:
    """Choose bands and rows: the strictest that miss at most 0.1 % of pairs at the threshold."""
    choices = ((_HASHES // rows, rows) for rows in range(_MOST_ROWS, 0, -1))
    return next(
        (bands, rows) for bands, rows in choices if (1 - threshold**rows) ** bands <= _MISSED
    )


def _band_keys(sizes: Index, shingles: Sets, bands: int, rows: int) -> Keys:
    """Hash each band of MinHash values of the texts to one key; shape (bands, n_texts)."""
    keys = np.zeros((bands, len(sizes)), dtype=np.uint64)
    filled = np.flatnonzero(sizes)
    starts = (np.cumsum(sizes) - sizes)[filled]
    values = shingles.astype(np.uint32)
    random = np.random.default_rng(20140609)
    multipliers = random.integers(0, 2**32, size=(bands, rows), dtype=np.uint32) | np.uint32(1)
    addends = random.integers(0, 2**32, size=(bands, rows), dtype=np.uint32)
    hashed = np.empty_like(values)
    for band in range(bands if filled.size else 0):
        key = np.zeros(len(filled), dtype=np.uint64)
        for multiplier, addend in zip(multipliers[band], addends[band], strict=True):
            np.multiply(values, multiplier, out=hashed)
            hashed += addend
            key = key * _KEY_MULTIPLIER + np.minimum.reduceat(hashed, starts)
        keys[band, filled] = key
    return keys


class _Messages:
    """Distinct messages, their shingles and, in ``labels``, which are joined so far."""

    def __init__(self, messages: Sequence[str], threshold: float) -> None:
        self.threshold = threshold
        # A post with no words of its own (a link) is like nothing but itself.
        comparable = [text if _WORD.search(_strip(text)) else "" for text in messages]
        bands, rows = _banding(threshold)
        sizes, shingles, keys = [], [], []
        for part in batches(comparable):
            part_sizes, part_shingles = _text_shingles(fold_batch(part))
            sizes.append(part_sizes)
            shingles.append(part_shingles)
            keys.append(_band_keys(part_sizes, part_shingles, bands, rows))
        self.sizes = np.concatenate(sizes)
        self.keys = np.concatenate(keys, axis=1)
        self.members = np.flatnonzero(self.sizes)
        self.labels = np.arange(len(messages))
        columns, bounds = np.concatenate(shingles), np.concatenate(([0], np.cumsum(self.sizes)))
        ones = np.ones(len(columns), dtype=np.int8)
        shape = (len(messages), _SHINGLES.buckets)
        self._sets = csr_matrix((ones, columns, bounds), shape=shape)

    def join_candidates(self) -> None:
        """Join all verified pairs, band by band, so that joined pairs need no second look."""
        for band, keys in enumerate(self.keys):
            # Within a bucket those that agree in the next band too are neighbours, which
            # matters where a bucket is larger than the window.
            after = self.keys[(band + 1) % len(self.keys)]
            order = self.members[np.lexsort((after[self.members], keys[self.members]))]
            for left, right in _bucket_pairs(order, keys[order]):
                self._join(left, right)

    def _join(self, left: Index, right: Index) -> None:
        apart = self.labels[left] != self.labels[right]
        left, right = left[apart], right[apart]
        low, high = np.sort((self.sizes[left], self.sizes[right]), axis=0)
        # Sets that differ more in size cannot be similar enough.
        possible = low / high >= self.threshold
        left, right = left[possible], right[possible]
        similar = self._similarities(left, right) >= self.threshold
        if not similar.any():
            return
        ends = self.labels[left[similar]], self.labels[right[similar]]
        ones, size = np.ones(len(ends[0]), dtype=np.int8), len(self.labels)
        _, joined = connected_components(csr_matrix((ones, ends), (size, size)), directed=False)
        self.labels = joined[self.labels]

    def _similarities(self, left: Index, right: Index) -> npt.NDArray[np.float64]:
        """Give the Jaccard similarity of pairs, in chunks to bound the memory."""
        both = self.sizes[left] + self.sizes[right]
        limits = np.arange(0, both.sum() + _CHUNK, _CHUNK)
        cuts = np.searchsorted(np.cumsum(both), limits, side="right")
        shared = np.empty(len(left), dtype=np.int64)
        for chunk in map(slice, cuts[:-1], cuts[1:]):
            common = self._sets[left[chunk]].multiply(self._sets[right[chunk]])
            shared[chunk] = np.diff(common.indptr)
        return shared / (both - shared)


def _bucket_pairs(order: Index, keys: Keys) -> Iterator[tuple[Index, Index]]:
    """Yield pairs within each bucket, given members sorted by key.

    First every member with the bucket's first; then every member with the next sixteen. So
    a bucket of up to 17 is covered whole, and a giant one costs 17 looks a member.
    """
    fresh = np.concatenate(([True], keys[1:] != keys[:-1]))
    first = np.flatnonzero(fresh)[np.cumsum(fresh) - 1]
    follows = np.flatnonzero(~fresh)
    yield order[first[follows]], order[follows]
    for distance in range(1, _WINDOW + 1):
        # The first has been compared with all of its bucket already.
        follows = follows[follows - first[follows] > distance]
        yield order[follows - distance], order[follows]


def near_duplicate_groups(texts: Sequence[str], *, threshold: float = 0.8) -> Index:
    """Give near-identical texts the same group number.

    Texts with the same `message_text` are always together. Two others are joined when the
    Jaccard similarity of their character 5-grams (3-grams where Han, kana or Hangul start
    them) is ``threshold`` or more, and a group is whatever such pairs link together: its
    ends may be less alike than the threshold. A text too short for an n-gram is only like
    its equals.

    Parameters
    ----------
    texts : sequence of str
    threshold : float
        From 0.3 to 1. 99.9 % of pairs at the threshold become candidates, more above it.
        Where thousands of posts are alike but not quite enough, about 1 % of the pairs may be
        missed. Colliding hashes may move a similarity by a shingle, once in thousands of posts.

    Returns
    -------
    ndarray of int64, shape (n_texts,)
        Groups are numbered from 0 in the order in which they appear. They depend neither on
        the order of the texts nor on how often each occurs.

    Raises
    ------
    InputError
        When an element is not a string or the threshold is out of range.

    Examples
    --------
    >>> near_duplicate_groups([
    ...     "Doctors hide it: onions in your socks cure the flu! http://t.co/a",
    ...     "Lovely weather for a walk today",
    ...     "RT @bob: Doctors hide it: onions in your socks cure the flu!!",
    ... ]).tolist()
    [0, 1, 0]
    """
    if not _LOWEST_THRESHOLD <= threshold <= 1:
        raise InputError(f"threshold: found {threshold!r}, expected {_LOWEST_THRESHOLD} to 1")
    messages = _messages(texts)
    if not messages:
        return np.zeros(0, dtype=np.int64)
    distinct = sorted(set(messages))
    number = {message: index for index, message in enumerate(distinct)}
    found = _Messages(distinct, threshold)
    found.join_candidates()
    labels = found.labels[[number[message] for message in messages]]
    _, firsts, groups = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(firsts))[groups].astype(np.int64)


def near_duplicate_rate(texts: Sequence[str], threshold: float = 0.8) -> float:
    """Give the share of texts that have a near-copy among the others.

    Examples
    --------
    >>> near_duplicate_rate(["see you tomorrow", "See you tomorrow", "good night", "hello"])
    0.5
    """
    groups = near_duplicate_groups(texts, threshold=threshold)
    if not groups.size:
        raise InputError("found no texts, expected at least one; a rate of nothing is not 0")
    return float(np.mean(np.bincount(groups)[groups] > 1))


@dataclass(frozen=True, slots=True)
class GroupReach:
    """How far a message has spread over all of its copies.

    Each counter is a lower bound when any copy's count is missing or is one, for that copy
    may have had more; it is missing when it is missing on all copies.

    Attributes
    ----------
    group, size : int
        The group's number and how many posts are in it.
    total, largest : Reach
        Per counter, the sum over the copies and the largest single count.
    """

    group: int
    size: int
    total: Reach
    largest: Reach


def _combine(counts: Sequence[Count | None]) -> tuple[Count | None, Count | None]:
    """Give the sum and the largest of one counter over a group."""
    known = [count for count in counts if count is not None]
    if not known:
        return None, None
    at_least = len(known) < len(counts) or any(count.at_least for count in known)
    values = [count.value for count in known]
    exact = sum(values)
    total = Count(value=min(exact, LARGEST), at_least=at_least or exact > LARGEST)
    return total, Count(value=max(values), at_least=at_least)


def _group(number: int, copies: Sequence[Reach]) -> GroupReach:
    total, largest = {}, {}
    for name in Reach.model_fields:
        total[name], largest[name] = _combine([getattr(reach, name) for reach in copies])
    return GroupReach(number, len(copies), Reach(**total), Reach(**largest))


def group_reach(reaches: Sequence[Reach], groups: npt.ArrayLike) -> list[GroupReach]:
    """Add up the reach of the posts of each group.

    Parameters
    ----------
    reaches : sequence of Reach
    groups : array-like of int, shape (n_posts,)

    Returns
    -------
    list of GroupReach
        In ascending order of group number.

    Examples
    --------
    >>> copies = [Reach(reposts=300), Reach(reposts=250, views="1万+"), Reach()]
    >>> [message] = group_reach(copies, [0, 0, 0])
    >>> message.total.reposts, message.largest.reposts
    (Count(value=550, at_least=True), Count(value=300, at_least=True))
    """
    numbers = np.asarray(groups)
    if numbers.shape != (len(reaches),) or (numbers.size and numbers.dtype.kind not in "iu"):
        found = f"found {numbers.dtype.name} of shape {numbers.shape}"
        raise InputError(f"groups: {found}, expected {len(reaches):,} whole numbers, one a post")
    members: dict[int, list[Reach]] = {}
    for number, reach in zip(numbers.tolist(), reaches, strict=True):
        members.setdefault(number, []).append(reach)
    return [_group(number, members[number]) for number in sorted(members)]
