"""A small model that knows a few words, for tests that need bands to differ."""

from __future__ import annotations

import zlib
from functools import cache

import numpy as np

from postrisk.cutoffs import Cutoffs
from postrisk.training import RiskClassifier

CATEGORIES = ("rumor", "violence", "terrorism", "pornography")
WORDS = {
    "rumor": "onion sock cure hidden by doctors",
    "violence": "break your legs tonight",
    "terrorism": "join the glorious column brothers",
    "pornography": "hot adult videos in my profile",
}


@cache
def tiny_model():
    posts, labels = [], []
    for turn in range(12):
        for row, words in enumerate(WORDS.values()):
            posts += [f"{words} {turn}", f"soup and bread for lunch {turn} {row}"]
            labels += [[int(c == row) for c in range(4)], [0] * 4]
    classifier = RiskClassifier(CATEGORIES, bits=14, folds=3, C=50.0, name="tiny")
    model = classifier.fit(posts, labels).model_
    return model.with_cutoffs(dict.fromkeys(CATEGORIES, Cutoffs(review=0.5, flag=0.9)))


def bag_of_words(texts):
    """Stand in for the sentence encoder: hashed words, of unit length."""
    vectors = np.zeros((len(texts), 512), dtype=np.float32)
    for row, text in enumerate(texts):
        for word in text.split():
            vectors[row, zlib.crc32(word.encode()) % 512] += 1
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1)
