"""The scikit-learn estimator whose ``fit`` yields a `RiskModel`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, vstack
from sklearn.base import BaseEstimator
from sklearn.model_selection import GroupKFold
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from postrisk.bands import Ceilings, calibrate, climb
from postrisk.cutoffs import OVERALL, Cutoffs, Step
from postrisk.errors import LabelError
from postrisk.explanation import Explanation, explain_texts
from postrisk.features import PostFeatures, texts_of
from postrisk.folding import Index, fold_batch
from postrisk.linear import UNKNOWN, Labels, LinearCore, quantise
from postrisk.model import WHOLE, Calibration, Floats, RiskModel, sigmoid
from postrisk.post import Category, Post
from postrisk.style import LANGUAGES, Style, script_languages
from postrisk.utf8 import batches
from postrisk.windows import Windowing

# Fewer held-out safe posts than this cannot prove a ceiling of 1 % (Clopper-Pearson).
_FEWEST_SAFE = 368


def _as_array(values: Any, name: str, kind: Any = None) -> npt.NDArray[Any]:
    try:
        return np.asarray(values, dtype=kind)
    except (TypeError, ValueError) as error:
        raise LabelError(f"{name}: {error}") from None


def _as_weights(values: Any, size: int, default: Floats) -> Floats:
    weights = default if values is None else _as_array(values, "weights", float)
    if weights.shape != (size,) or not (np.isfinite(weights) & (weights >= 0)).all():
        raise LabelError("weights: expected one finite number of 0 or more for each post")
    return weights


def texts_languages(texts: Sequence[str]) -> list[str]:
    """Tell the script language of each text, by which bands are set."""
    return [language for part in batches(texts) for language in script_languages(fold_batch(part))]


@dataclass(frozen=True, slots=True)
class _Rows:
    """What the weights are fitted on: whole posts, or their windows."""

    matrix: csr_matrix
    owners: Index
    weights: Floats

    def fit(self, core: LinearCore, labels: Labels, chosen: npt.NDArray[np.bool_]) -> LinearCore:
        """Fit on the rows of the chosen posts."""
        rows = np.flatnonzero(chosen[self.owners])
        return core.fit(self.matrix[rows], labels[self.owners[rows]], self.weights[rows])


class RiskClassifier(BaseEstimator):  # type: ignore[misc]
    """Learn the categories of posts; ``fit`` leaves a `RiskModel` in ``model_``.

    Decisions for calibration and bands come from held-out groups (``GroupKFold``), each the
    highest of a post's windows; the final weights come from all posts.

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
    idf : bool
        See `postrisk.linear.LinearCore`.
    folds : int
        Group-disjoint folds for calibration.
    windowing : Windowing
        Which windows of a post are scored. The weights are fitted on whole posts.
    negative_windows : bool
        Whether posts that have none of their known categories are learnt window by window
        instead, the windows of a post sharing its weight.
    review_ceiling, flag_ceiling : float
        Highest false-positive rates, see `postrisk.bands.Ceilings`. The model keeps the
        cut-offs for a ladder of others, see `RiskModel.with_ceilings`.
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
        idf: bool = False,  # noqa: FBT001, FBT002
        folds: int = 5,
        windowing: Windowing = WHOLE,
        negative_windows: bool = False,  # noqa: FBT001, FBT002 - scikit-learn's way
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
        self.idf = idf
        self.folds = folds
        self.windowing = windowing
        self.negative_windows = negative_windows
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
        calibration_weight: Any = None,
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
        calibration_weight : array-like of float, shape (n_posts,), optional
            The mixture of posts that probabilities are calibrated for; ``sample_weight`` when
            absent. A post of weight 0 takes no part in calibration.
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
        mixture = _as_weights(calibration_weight, len(texts), weights)
        for name, column in zip(self.categories, labels.T, strict=True):
            if not {0, 1} <= set(column[mixture > 0].tolist()):
                raise LabelError(f"{name}: needs posts of some weight that have it and that do not")
        for index, mask in enumerate(safe_groups):
            if np.shape(mask) != (len(texts),):
                raise LabelError(f"safe group {index}: expected one True or False for each post")
        self.features_ = self.make_features().fit(texts)
        with threadpool_limits(limits=1):
            rows = self._training_rows(texts, labels, weights)
            held_out = self._held_out_decisions(texts, rows, labels, groups)
            core = rows.fit(self._core(), self._as_matrix(labels), np.ones(len(texts), dtype=bool))
        languages = np.array(texts_languages(texts), dtype=object)
        overall, calibrations = calibrate(held_out, labels, mixture, languages)
        logits = overall.intercepts + overall.slopes * held_out
        for language, line in calibrations.items():
            spoken = languages == language
            logits[spoken] = line.intercepts + line.slopes * logits[spoken]
        self.held_out_ = sigmoid(logits)
        ladder = self._ladder(languages, labels, safe_groups)
        model = self._build_model(core, overall, calibrations)
        self.model_ = replace(model, ladder=ladder).with_ceilings(
            self.review_ceiling, self.flag_ceiling
        )
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
        weights = _as_weights(sample_weight, len(texts), np.ones(len(texts)))
        for name, column in zip(self.categories, labels.T, strict=True):
            if not {0, 1} <= set(column.tolist()):
                raise LabelError(f"{name}: needs posts that have it and posts that do not")
        return labels.astype(np.int8), weights

    @staticmethod
    def _as_matrix(labels: Labels) -> Labels:
        """Give one label a second, equal column, since a vector means classes to the core."""
        return np.hstack((labels, labels)) if labels.shape[1] == 1 else labels

    def _core(self) -> LinearCore:
        return LinearCore(self.C, self.max_iter, self.idf, n_jobs=-1)

    def _training_rows(self, texts: Sequence[str], labels: Labels, weights: Floats) -> _Rows:
        whole = self.features_.transform(texts)
        if not (self.negative_windows and self.windowing.widths):
            return _Rows(whole, np.arange(len(texts)), weights)
        is_safe = (labels != 1).all(axis=1) & (labels == 0).any(axis=1)
        safe, others = np.flatnonzero(is_safe), np.flatnonzero(~is_safe)
        windows, owners = self.features_.transform_windows(
            [texts[i] for i in safe.tolist()], self.windowing
        )
        owners = np.concatenate((others, safe[owners]))
        shared = weights / np.bincount(owners, minlength=len(texts))
        return _Rows(vstack([whole[others], windows], format="csr"), owners, shared[owners])

    def _held_out_decisions(
        self, texts: Sequence[str], rows: _Rows, labels: Labels, groups: Any
    ) -> Floats:
        n = len(texts)
        by_itself = np.arange(n) if groups is None else np.asarray(groups)
        if len(np.unique(by_itself)) < self.folds:
            raise LabelError(f"groups: need at least {self.folds}, one for each fold")
        decisions = np.zeros(labels.shape)
        for _, test in GroupKFold(self.folds).split(np.zeros((n, 1)), groups=by_itself):
            train = np.ones(n, dtype=bool)
            train[test] = False
            core = rows.fit(self._core(), self._as_matrix(labels), train)
            if self.windowing.widths:
                decided = self._decide_windows(core, [texts[i] for i in test])
            else:
                decided = core.decision_function(rows.matrix[test])
            decisions[test] = decided[:, : labels.shape[1]]
        return decisions

    def _decide_windows(self, core: LinearCore, texts: Sequence[str]) -> Floats:
        """Give the highest decision of each text's windows, a batch at a time to save memory."""
        decided = []
        for part in batches(texts):
            matrix, owners = self.features_.transform_windows(part, self.windowing)
            firsts = np.flatnonzero(np.diff(owners, prepend=-1))
            decided.append(np.maximum.reduceat(core.decision_function(matrix), firsts))
        return np.concatenate(decided)

    def _build_model(
        self,
        core: LinearCore,
        overall: Calibration,
        calibrations: dict[str, Calibration],
    ) -> RiskModel:
        n, hashing = len(self.categories), self.features_.hashing_
        coefficients = core.coef_[:n] * overall.slopes[:, np.newaxis]
        weights, scales = quantise(coefficients[:, : hashing.buckets])
        return RiskModel(
            name=self.name,
            version=self.version,
            categories=tuple(map(str, self.categories)),
            hashing=hashing,
            weights=weights,
            scales=scales,
            biases=overall.slopes * core.intercept_[:n] + overall.intercepts,
            cutoffs={str(name): Cutoffs(review=0.5) for name in self.categories},
            styles=tuple(self.styles),
            style_weights=coefficients[:, hashing.buckets :].T.copy()
            if self.styles
            else np.zeros((0, 0)),
            windowing=self.windowing,
            calibrations=calibrations,
        )

    def _ladder(
        self,
        languages: npt.NDArray[np.object_],
        labels: Labels,
        safe_groups: Sequence[npt.NDArray[np.bool_]],
    ) -> dict[str, dict[str, tuple[Step, ...]]]:
        ceilings = Ceilings(self.review_ceiling, self.flag_ceiling).ladder
        everyone = np.ones(len(labels), dtype=bool)
        spoken = {OVERALL: everyone, **{name: languages == name for name in LANGUAGES[1:]}}
        ladder: dict[str, dict[str, tuple[Step, ...]]] = {}
        for column, category in enumerate(self.categories):
            safe, risky = labels[:, column] == 0, labels[:, column] == 1
            masks = [safe, *(safe & np.asarray(mask, dtype=bool) for mask in safe_groups)]
            held_out = self.held_out_[:, column]
            ladder[str(category)] = {
                name: climb(ceilings, [held_out[m & own] for m in masks], held_out[risky & own])
                for name, own in spoken.items()
                if name == OVERALL or (safe & own).sum() >= _FEWEST_SAFE
            }
        return ladder

    def predict_proba(self, posts: Sequence[str | Post]) -> Floats:
        """Give calibrated probabilities; shape (n_posts, n_categories)."""
        check_is_fitted(self)
        return self.model_.predict_proba(texts_of(posts))

    def predict(self, posts: Sequence[str | Post]) -> npt.NDArray[np.int64]:
        """Give 1 where a person should look, that is where the band is not ``pass``."""
        probabilities = self.predict_proba(posts)
        cutoffs = [self.model_.cutoffs[name] for name in self.categories]
        languages = texts_languages(texts_of(posts))
        cuts = [[cut.of(language).review for cut in cutoffs] for language in languages]
        reached = probabilities >= np.reshape(cuts, probabilities.shape)
        return reached.astype(np.int64)

    def explain(self, posts: Sequence[str | Post]) -> list[dict[str, Explanation]]:
        """Explain each post in every category."""
        check_is_fitted(self)
        return explain_texts(self.model_, texts_of(posts))
