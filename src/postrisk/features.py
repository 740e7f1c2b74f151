"""scikit-learn's view of a post: the kernel's n-grams and named style features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, hstack, vstack
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from postrisk.errors import InputError, shorten
from postrisk.folding import Index, fold_batch
from postrisk.model import WHOLE
from postrisk.ngrams import Hashing, window_matrix
from postrisk.post import Post
from postrisk.style import STYLES, Style, style_features
from postrisk.utf8 import batches
from postrisk.windows import Windowing


def texts_of(posts: Sequence[str | Post]) -> list[str]:
    """Give the texts of posts, which may be strings already.

    Raises
    ------
    InputError
        When an item is neither, or when ``posts`` is one string.
    """
    if isinstance(posts, str):
        raise InputError("found one string, expected a sequence of posts; wrap it in a list")
    texts = [post.text if isinstance(post, Post) else post for post in posts]
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"post {index}: found {shorten(text)}, expected a string or a Post")
    return texts


class PostFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn posts into the matrix that the model is trained on.

    The n-gram columns hold counts per hash bucket over the square root of the number of
    n-grams, exactly what the scoring kernel sums. Author and reach are never features.

    Parameters
    ----------
    char_orders, word_orders, bits
        See `postrisk.ngrams.Hashing`.
    styles : sequence of str
        Style features to append, from `postrisk.style.STYLES`.

    Examples
    --------
    >>> features = PostFeatures(bits=10, styles=("links",)).fit(["a"])
    >>> features.transform(["see https://a.example", "no"]).shape
    (2, 1025)
    >>> features.get_feature_names_out()[-2:].tolist()
    ['ngram_1023', 'links']
    """

    def __init__(
        self,
        char_orders: tuple[int, ...] = (1, 2, 3, 4, 5),
        word_orders: tuple[int, ...] = (1, 2),
        bits: int = 18,
        styles: Sequence[Style] = (),
    ) -> None:
        self.char_orders = char_orders
        self.word_orders = word_orders
        self.bits = bits
        self.styles = styles

    def fit(self, posts: Sequence[str | Post], y: Any = None) -> Self:  # noqa: ARG002
        """Check the parameters; nothing is learnt from the posts.

        Raises
        ------
        InputError
            When an order, the number of bits or a style is not allowed.
        """
        texts_of(posts)
        unknown = [name for name in self.styles if name not in STYLES]
        if unknown:
            raise InputError(f"styles: found {unknown}, expected some of {list(STYLES)}")
        try:
            self.hashing_ = Hashing(
                char_orders=tuple(self.char_orders),
                word_orders=tuple(self.word_orders),
                bits=self.bits,
            )
        except (TypeError, InputError) as error:
            raise InputError(f"hashing: {error}") from None
        return self

    def transform(self, posts: Sequence[str | Post]) -> csr_matrix:
        """Give the features; sparse float64, shape (n_posts, n_buckets + n_styles)."""
        return self.transform_windows(posts, WHOLE)[0]

    def transform_windows(
        self, posts: Sequence[str | Post], windowing: Windowing
    ) -> tuple[csr_matrix, Index]:
        """Give the features of every window; styles are those of the whole post.

        Returns
        -------
        matrix : scipy.sparse.csr_matrix of float64, shape (n_windows, n_buckets + n_styles)
        owners : ndarray of int64, shape (n_windows,)
            Which post each row is a window of, ascending.
        """
        check_is_fitted(self)
        parts, owners, start = [], [np.zeros(0, dtype=np.int64)], 0
        for part in batches(texts_of(posts)):
            batch = fold_batch(part)
            ngrams, owner = window_matrix(batch, self.hashing_, windowing)
            style = style_features(batch, self.styles)[owner]
            parts.append(hstack([ngrams, style], format="csr"))
            owners.append(owner + start)
            start += len(part)
        empty = csr_matrix((0, self.hashing_.buckets + len(self.styles)))
        return vstack(parts, format="csr") if parts else empty, np.concatenate(owners)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:  # noqa: ARG002
        """Give ``ngram_<bucket>`` for each bucket, then the styles."""
        check_is_fitted(self)
        names = [f"ngram_{bucket}" for bucket in range(self.hashing_.buckets)]
        return np.array([*names, *self.styles], dtype=object)
