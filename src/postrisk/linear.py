"""The numeric core of training: logistic regressions, and their weights as whole numbers."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
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

    Attributes
    ----------
    coef_ : ndarray of float64, shape (n_labels, n_features)
    intercept_ : ndarray of float64, shape (n_labels,)
    classes_ : ndarray
    """

    def __init__(self, C: float = 1.0, max_iter: int = 1000) -> None:
        self.C = C
        self.max_iter = max_iter

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the labels one by one."""
        targets = np.asarray(y)
        self.is_multilabel_ = targets.ndim == 2 and targets.shape[1] > 1  # noqa: PLR2004
        if not self.is_multilabel_:
            X, y = validate_data(self, X, y, accept_sparse="csr")
            check_classification_targets(y)
            fitted = [self._solver().fit(X, y, sample_weight)]
            self.classes_ = fitted[0].classes_
        else:
            X = validate_data(self, X, accept_sparse="csr")
            fitted = [self._fit_label(X, column, sample_weight) for column in targets.T]
            self.classes_ = np.array([0, 1])
        self.coef_ = np.concatenate([model.coef_ for model in fitted])
        self.intercept_ = np.concatenate([model.intercept_ for model in fitted])
        self.n_iter_ = np.concatenate([np.atleast_1d(model.n_iter_) for model in fitted])
        return self

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
