"""The numeric core of training: logistic regressions, and their weights as whole numbers."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from scipy.sparse import csr_matrix, issparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from postrisk.bands import UNKNOWN as UNKNOWN
from postrisk.bands import Labels as Labels
from postrisk.errors import LabelError
from postrisk.model import Floats, sigmoid

_LARGEST_WEIGHT = 127


class LinearCore(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The numeric part: one L2-regularised logistic regression per label.

    ``y`` is either a vector of classes, as any scikit-learn classifier takes, or a matrix
    of 0, 1 and -1 for unknown, one column a label, each fitted on its known rows.

    Parameters
    ----------
    C : float
        Inverse strength of the regularisation.
    max_iter : int
        Most iterations of L-BFGS.
    idf : bool
        Whether features are scaled by their inverse document frequency while fitting, so that
        rare n-grams are held back less than common ones (Spärck Jones, 1972). The scale goes into
        the coefficients: they are for features as they come.
    n_jobs : int, optional
        Labels fitted at a time, in threads; -1 for one a core. It changes no result.

    Attributes
    ----------
    coef_ : ndarray of float64, shape (n_labels, n_features)
    intercept_ : ndarray of float64, shape (n_labels,)
    classes_ : ndarray
    """

    def __init__(
        self,
        C: float = 1.0,
        max_iter: int = 1000,
        idf: bool = False,  # noqa: FBT001, FBT002 - scikit-learn's way
        n_jobs: int | None = None,
    ) -> None:
        self.C = C
        self.max_iter = max_iter
        self.idf = idf
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the labels one by one."""
        targets = np.asarray(y)
        self.is_multilabel_ = targets.ndim == 2 and targets.shape[1] > 1  # noqa: PLR2004
        if not self.is_multilabel_:
            X, y = validate_data(self, X, y, accept_sparse="csr")
            check_classification_targets(y)
            scale = self._scale(X)
            fitted = [self._solver().fit(_scaled(X, scale), y, sample_weight)]
            self.classes_ = fitted[0].classes_
        else:
            X = validate_data(self, X, accept_sparse="csr")
            scale = self._scale(X)
            X = _scaled(X, scale)
            fitted = Parallel(self.n_jobs, prefer="threads")(
                delayed(self._fit_label)(X, column, sample_weight) for column in targets.T
            )
            self.classes_ = np.array([0, 1])
        self.coef_ = np.concatenate([model.coef_ for model in fitted]) * scale
        self.intercept_ = np.concatenate([model.intercept_ for model in fitted])
        self.n_iter_ = np.concatenate([np.atleast_1d(model.n_iter_) for model in fitted])
        return self

    def _scale(self, X: Any) -> Floats:
        """Give each feature's factor; their mean square over the entries is 1."""
        if not self.idf:
            return np.ones(X.shape[1])
        counts = np.bincount(X.indices, minlength=X.shape[1]) if issparse(X) else (X != 0).sum(0)
        scale = np.log((X.shape[0] + 1) / (counts + 1)) + np.finfo(float).tiny
        entries = max(counts.sum(), 1)
        return np.asarray(scale / max(np.sqrt(counts @ scale**2 / entries), np.finfo(float).tiny))

    def _solver(self) -> LogisticRegression:
        return LogisticRegression(C=self.C, max_iter=self.max_iter)

    def _fit_label(self, X: csr_matrix, column: Any, weight: Any) -> LogisticRegression:
        known = np.flatnonzero(column != UNKNOWN)
        if len(np.unique(column[known])) < 2:  # noqa: PLR2004
            raise LabelError("a label needs posts that have it and posts that do not")
        weight = None if weight is None else np.asarray(weight)[known]
        return self._solver().fit(X[known], column[known], weight)

    def decision_function(self, X: Any) -> Floats:
        """Give logits; one column a label, or as scikit-learn has it for classes."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", reset=False)
        scores = X @ self.coef_.T + self.intercept_
        flat = not self.is_multilabel_ and scores.shape[1] == 1
        return np.asarray(scores).ravel() if flat else np.asarray(scores)

    def predict_proba(self, X: Any) -> Floats:
        """Give probabilities per label, or per class when ``y`` was a vector."""
        scores = self.decision_function(X)
        if self.is_multilabel_:
            return sigmoid(scores)
        if scores.ndim == 1:
            positive = sigmoid(scores)
            return np.column_stack((1 - positive, positive))
        shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Give 0 or 1 per label, or the class when ``y`` was a vector."""
        scores = self.decision_function(X)
        if self.is_multilabel_:
            return (scores > 0).astype(int)
        if scores.ndim == 1:
            return np.asarray(self.classes_[(scores > 0).astype(int)])
        return np.asarray(self.classes_[scores.argmax(axis=1)])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _scaled(X: Any, scale: Floats) -> Any:
    if not issparse(X):
        return X * scale
    scaled = X.copy()
    scaled.data = X.data * scale[X.indices].astype(X.dtype)
    return scaled


def quantise(coefficients: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Round weights to whole numbers of at most 127, one scale per category.

    Parameters
    ----------
    coefficients : ndarray of float64, shape (n_categories, n_buckets)

    Returns
    -------
    weights : ndarray of int8, shape (n_buckets, n_categories)
    scales : ndarray of float64, shape (n_categories,)
    """
    largest = np.abs(coefficients).max(axis=1)
    scales = np.where(largest > 0, largest, 1.0) / _LARGEST_WEIGHT
    return np.ascontiguousarray(np.rint(coefficients.T / scales).astype(np.int8)), scales
