"""Soft targets: a hashed student that learns from a teacher's probabilities and from labels.

For experiments; the shipped model is fitted on labels alone. Hinton, Vinyals and Dean,
"Distilling the Knowledge in a Neural Network", 2015, https://arxiv.org/abs/1503.02531.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from sklearn.utils.validation import validate_data

from postrisk.errors import LabelError
from postrisk.linear import UNKNOWN, Labels, LinearCore
from postrisk.model import Floats, sigmoid

_GRADIENT = 1e-4
_MEMORY = 10
_EPSILON = 64 * float(np.finfo(float).eps)


def soft_rows(labels: Labels, teacher_probability: Floats, share: float) -> Floats:
    """Mix labels with what a teacher says.

    Parameters
    ----------
    labels : ndarray of int, shape (n_posts, n_categories)
        1, 0, or -1 where it is not known.
    teacher_probability : ndarray of float64, shape (n_posts, n_categories)
        NaN where the teacher says nothing.
    share : float
        The teacher's part where the label is known; where it is not, the teacher has all.

    Returns
    -------
    ndarray of float64, shape (n_posts, n_categories)
        In [0, 1]; the label alone where the teacher says nothing, NaN where nobody does.

    Raises
    ------
    LabelError
        When shapes differ, or a probability or the share is outside [0, 1].

    Examples
    --------
    >>> soft_rows(np.array([[1, 0, -1]]), np.array([[0.5, 0.5, 0.9]]), share=0.5).tolist()
    [[0.75, 0.25, 0.9]]
    """
    labels, taught = np.asarray(labels), np.asarray(teacher_probability, dtype=np.float64)
    if labels.shape != taught.shape:
        found = f"{labels.shape} and {taught.shape}"
        raise LabelError(f"labels and teacher: found shapes {found}, expected the same")
    if not (0 <= share <= 1 and (np.isnan(taught) | ((taught >= 0) & (taught <= 1))).all()):
        raise LabelError("teacher and share: expected probabilities from 0 to 1")
    known, silent = labels != UNKNOWN, np.isnan(taught)
    mixed = np.where(silent, labels, (1 - share) * labels + share * taught)
    return np.where(known, mixed, taught)


class SoftCore(LinearCore):
    """`LinearCore` for targets between 0 and 1, one logistic regression per column.

    The loss is the cross-entropy with the target, which is that of two rows, one of each class,
    weighted by the target and by what it lacks to 1. L-BFGS over single precision products,
    with scikit-learn's scale and stopping rule, took 9 s for 30,000 posts where scikit-learn
    took 20 to 24 s on such doubled rows, and needs half their memory.

    Parameters
    ----------
    C, max_iter
        As in `LinearCore`.

    Examples
    --------
    >>> core = SoftCore(C=1e4).fit(csr_matrix(np.eye(3)), np.array([[0.9], [0.2], [np.nan]]))
    >>> core.predict_proba(np.eye(3))[:2, 0].round(2).tolist()
    [0.9, 0.2]
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit each column on the posts whose target is not NaN.

        Parameters
        ----------
        X : matrix, shape (n_posts, n_features)
        y : array-like of float, shape (n_posts, n_labels)
            In [0, 1], or NaN where it is not known, as `soft_rows` gives them.
        sample_weight : array-like of float, shape (n_posts,), optional

        Raises
        ------
        LabelError
            When a target is outside [0, 1] or a column has none.
        """
        X = csr_matrix(validate_data(self, X, accept_sparse="csr", dtype=np.float32))
        targets = np.asarray(y, dtype=np.float32)
        weights = np.ones(X.shape[0]) if sample_weight is None else np.asarray(sample_weight)
        if targets.ndim != X.ndim or not len(targets) == len(weights) == X.shape[0]:
            raise LabelError(f"targets: found shape {targets.shape}, expected a row a post")
        unknown = np.isnan(targets)
        if unknown.all(axis=0).any() or not (unknown | ((targets >= 0) & (targets <= 1))).all():
            raise LabelError("targets: expected numbers from 0 to 1 in every column, or NaN")
        fitted = [
            self._fit_soft(X[known], column[known], weights[known])
            for column, known in zip(targets.T, ~unknown.T, strict=True)
        ]
        self.coef_ = np.stack([solution[:-1] for solution, _ in fitted])
        self.intercept_ = np.array([solution[-1] for solution, _ in fitted])
        self.n_iter_ = np.array([iterations for _, iterations in fitted])
        self.classes_ = np.array([0, 1])
        self.is_multilabel_ = True
        return self

    def _fit_soft(self, X: csr_matrix, target: Any, weight: Any) -> tuple[Floats, int]:
        """Give the coefficients with the intercept behind them, and the iterations it took."""
        weight = weight.astype(np.float32)
        total = self.C * float(weight.sum())

        def loss(solution: Floats) -> tuple[float, Floats]:
            """Give the mean loss, as scikit-learn scales it, and its gradient."""
            coefficients = solution[:-1].astype(np.float32)
            logits = X @ coefficients + np.float32(solution[-1])
            entropy = np.logaddexp(0, logits) - target * logits
            residual = weight * (sigmoid(logits) - target).astype(np.float32)
            value = self.C * np.dot(weight, entropy) + 0.5 * np.dot(solution[:-1], solution[:-1])
            gradient = np.append(
                self.C * (X.T @ residual) + solution[:-1],
                self.C * residual.sum(dtype=np.float64),
            )
            return float(value) / total, gradient / total

        options = {"maxiter": self.max_iter, "maxcor": _MEMORY, "gtol": _GRADIENT, "ftol": _EPSILON}
        found = minimize(
            loss, np.zeros(X.shape[1] + 1), jac=True, method="L-BFGS-B", options=options
        )
        return found.x, int(found.nit)
