"""The scikit-learn estimator whose ``fit`` yields a `RiskModel`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator
from sklearn.model_selection import GroupKFold
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from postrisk.bands import Ceilings, choose_cutoffs, fit_sigmoid
from postrisk.errors import LabelError
from postrisk.explanation import Explanation, explain_texts
from postrisk.features import PostFeatures, texts_of
from postrisk.folding import fold_batch
from postrisk.linear import UNKNOWN, Labels, LinearCore, quantise
from postrisk.model import Cutoffs, Floats, RiskModel, batches, sigmoid
from postrisk.post import Category, Post
from postrisk.style import Style, script_languages

_LANGUAGES = ("en", "zh")
# Fewer held-out safe posts than this cannot prove a ceiling of 1 % (Clopper-Pearson).
_FEWEST_SAFE = 368


def _as_array(values: Any, name: str, kind: Any = None) -> npt.NDArray[Any]:
    try:
        return np.asarray(values, dtype=kind)
    except (TypeError, ValueError) as error:
        raise LabelError(f"{name}: {error}") from None


def texts_languages(texts: Sequence[str]) -> list[str]:
    """Tell the script language of each text, by which bands are set."""
    return [language for part in batches(texts) for language in script_languages(fold_batch(part))]


class RiskClassifier(BaseEstimator):  # type: ignore[misc]
    """Learn the categories of posts; ``fit`` leaves a `RiskModel` in ``model_``.

    Decisions for calibration and bands come from held-out groups (``GroupKFold``); the final
    weights come from all posts.

    Parameters
    ----------
    categories : sequence of str
    char_orders, word_orders, bits
        See `postrisk.ngrams.Hashing`.
    styles : sequence of str
        Style features that may enter the model.
    C : float
        Inverse strength of the regularisation.
    max_iter : int
    folds : int
        Group-disjoint folds for calibration.
    review_ceiling, flag_ceiling : float
        Highest false-positive rates, see `postrisk.bands.Ceilings`.
    name, version : str
        What the model is called.

    Attributes
    ----------
    model_ : RiskModel
    held_out_ : ndarray of float64, shape (n_posts, n_categories)
        Calibrated probabilities of each post by a model that did not see its group.

    Examples
    --------
    >>> posts = [f"{word} {i}" for i in range(30) for word in ("good soup", "bad hoax")]
    >>> classifier = RiskClassifier(categories=("rumor",), bits=10, folds=3)
    >>> classifier.fit(posts, [[0], [1]] * 30).predict(["hoax", "soup"]).tolist()
    [[1], [0]]
    """

    def __init__(
        self,
        categories: Sequence[str] = tuple(Category),
        char_orders: tuple[int, ...] = (1, 2, 3, 4, 5),
        word_orders: tuple[int, ...] = (1, 2),
        bits: int = 18,
        styles: Sequence[Style] = (),
        C: float = 4.0,
        max_iter: int = 1000,
        folds: int = 5,
        review_ceiling: float = 0.05,
        flag_ceiling: float = 0.01,
        name: str = "custom",
        version: str = "1",
    ) -> None:
        self.categories = categories
        self.char_orders = char_orders
        self.word_orders = word_orders
        self.bits = bits
        self.styles = styles
        self.C = C
        self.max_iter = max_iter
        self.folds = folds
        self.review_ceiling = review_ceiling
        self.flag_ceiling = flag_ceiling
        self.name = name
        self.version = version

    def fit(
        self,
        posts: Sequence[str | Post],
        y: Any,
        *,
        groups: Any = None,
        sample_weight: Any = None,
        safe_groups: Sequence[npt.NDArray[np.bool_]] = (),
    ) -> Self:
        """Train, calibrate and set the bands.

        Parameters
        ----------
        posts : sequence of str or Post
        y : array-like of int, shape (n_posts, n_categories)
            1, 0, or -1 where it is not known.
        groups : array-like, shape (n_posts,), optional
            Posts that share an event, a source or near-identical words; a group is held out
            whole. Each post by itself when absent.
        sample_weight : array-like of float, shape (n_posts,), optional
        safe_groups : sequence of boolean masks, shape (n_posts,)
            Posts on which the ceilings must hold, each mask by itself, such as protected
            speech. All posts known not to have the category always make one group.

        Raises
        ------
        LabelError
            When labels, groups or weights do not fit the posts.
        """
        texts = texts_of(posts)
        labels, weights = self._check(texts, y, groups, sample_weight)
        for index, mask in enumerate(safe_groups):
            if np.shape(mask) != (len(texts),):
                raise LabelError(f"safe group {index}: expected one True or False for each post")
        self.features_ = self.make_features()
        matrix = self.features_.fit(texts).transform(texts)
        with threadpool_limits(limits=1):
            held_out = self._held_out_decisions(matrix, labels, groups, weights)
            core = LinearCore(self.C, self.max_iter).fit(matrix, self._as_matrix(labels), weights)
        lines = [
            fit_sigmoid(held_out[known, c], labels[known, c] == 1, weights[known])
            for c, known in enumerate((labels != UNKNOWN).T)
        ]
        slopes, intercepts = np.array(lines).T
        self.held_out_ = sigmoid(slopes * held_out + intercepts)
        cutoffs = self._choose_cutoffs(texts, labels, safe_groups)
        self.model_ = self._build_model(core, slopes, intercepts, cutoffs)
        return self

    def make_features(self) -> PostFeatures:
        """Give the transformer with this estimator's parameters, not fitted."""
        return PostFeatures(self.char_orders, self.word_orders, self.bits, self.styles)

    def _check(
        self, texts: Sequence[str], y: Any, groups: Any, sample_weight: Any
    ) -> tuple[Labels, Floats]:
        labels = _as_array(y, "labels")
        shape = (len(texts), len(self.categories))
        if not self.categories:
            raise LabelError("categories: found none, expected at least one")
        if labels.shape != shape:
            raise LabelError(f"labels: found shape {labels.shape}, expected {shape}")
        if not np.isin(labels, (0, 1, UNKNOWN)).all():
            raise LabelError("labels: expected 0, 1, or -1 where it is not known")
        if groups is not None and len(groups) != len(texts):
            raise LabelError(f"groups: found {len(groups)}, expected {len(texts)}")
        given = np.ones(len(texts)) if sample_weight is None else sample_weight
        weights = _as_array(given, "weights", float)
        if weights.shape != (len(texts),) or not (np.isfinite(weights) & (weights >= 0)).all():
            raise LabelError("weights: expected one finite number of 0 or more for each post")
        for name, column in zip(self.categories, labels.T, strict=True):
            if not {0, 1} <= set(column.tolist()):
                raise LabelError(f"{name}: needs posts that have it and posts that do not")
        return labels.astype(np.int8), weights

    @staticmethod
    def _as_matrix(labels: Labels) -> Labels:
        """Give one label a second, equal column, since a vector means classes to the core."""
        return np.hstack((labels, labels)) if labels.shape[1] == 1 else labels

    def _held_out_decisions(
        self, matrix: csr_matrix, labels: Labels, groups: Any, weights: Floats
    ) -> Floats:
        by_itself = np.arange(matrix.shape[0]) if groups is None else np.asarray(groups)
        if len(np.unique(by_itself)) < self.folds:
            raise LabelError(f"groups: need at least {self.folds}, one for each fold")
        decisions = np.zeros(labels.shape)
        for train, test in GroupKFold(self.folds).split(matrix, groups=by_itself):
            core = LinearCore(self.C, self.max_iter)
            core.fit(matrix[train], self._as_matrix(labels[train]), weights[train])
            decisions[test] = core.decision_function(matrix[test])[:, : labels.shape[1]]
        return decisions

    def _build_model(
        self,
        core: LinearCore,
        slopes: Floats,
        intercepts: Floats,
        cutoffs: dict[str, Cutoffs],
    ) -> RiskModel:
        n, hashing = len(self.categories), self.features_.hashing_
        coefficients = core.coef_[:n] * slopes[:, np.newaxis]
        weights, scales = quantise(coefficients[:, : hashing.buckets])
        return RiskModel(
            name=self.name,
            version=self.version,
            categories=tuple(map(str, self.categories)),
            hashing=hashing,
            weights=weights,
            scales=scales,
            biases=slopes * core.intercept_[:n] + intercepts,
            cutoffs=cutoffs,
            styles=tuple(self.styles),
            style_weights=coefficients[:, hashing.buckets :].T.copy()
            if self.styles
            else np.zeros((0, 0)),
        )

    def _choose_cutoffs(
        self,
        texts: Sequence[str],
        labels: Labels,
        safe_groups: Sequence[npt.NDArray[np.bool_]],
    ) -> dict[str, Cutoffs]:
        ceilings = Ceilings(self.review_ceiling, self.flag_ceiling)
        languages = np.array(texts_languages(texts))
        cutoffs = {}
        for column, name in enumerate(self.categories):
            safe = labels[:, column] == 0
            masks = [safe, *(safe & np.asarray(mask, dtype=bool) for mask in safe_groups)]
            held_out = self.held_out_[:, column]
            by_language = {
                language: choose_cutoffs(ceilings, *(held_out[m & spoken] for m in masks))
                for language in _LANGUAGES
                if (safe & (spoken := languages == language)).sum() >= _FEWEST_SAFE
            }
            overall = choose_cutoffs(ceilings, *(held_out[mask] for mask in masks))
            cutoffs[str(name)] = overall.model_copy(update={"languages": by_language})
        return cutoffs

    def predict_proba(self, posts: Sequence[str | Post]) -> Floats:
        """Give calibrated probabilities; shape (n_posts, n_categories)."""
        check_is_fitted(self)
        return self.model_.predict_proba(texts_of(posts))

    def predict(self, posts: Sequence[str | Post]) -> npt.NDArray[np.int64]:
        """Give 1 where a person should look, that is where the band is not ``pass``."""
        probabilities = self.predict_proba(posts)
        cuts = np.array([self.model_.cutoffs[name].review for name in self.categories])
        return (probabilities >= cuts).astype(np.int64)

    def explain(self, posts: Sequence[str | Post]) -> list[dict[str, Explanation]]:
        """Explain each post in every category."""
        check_is_fitted(self)
        return explain_texts(self.model_, texts_of(posts))
