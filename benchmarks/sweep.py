"""Choose the authored posts' weight and the regularisation on validation data alone.

    POSTRISK_DATA=… python benchmarks/sweep.py

Validation is a quarter of the authored training groups, held out here, and three public sources
left out of training. Neither the held-out test posts nor an evaluation set is looked at. Prints
AUC / AP for the authored folds and AUC for the left-out sources.
"""

from __future__ import annotations

import zlib

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from postrisk.corpora import CATEGORIES, data_folder
from postrisk.linear import LinearCore
from postrisk.recipe import AUTHORED, all_rows, joined_groups, make_classifier, split_rows

SOURCES = ("edos", "hatemoji-build", "automod-nsfw")
GRID = ((4.0, 3.0), (4.0, 10.0), (12.0, 3.0), (12.0, 10.0), (4.0, 30.0), (4.0, 100.0))
_FEWEST = 20


def main() -> None:
    """Fit each setting once and print a line for it."""
    split = split_rows(all_rows(data_folder()), leave_out=SOURCES)
    rows = split.train
    authored = np.array(rows.sources) == AUTHORED
    quarter = [zlib.crc32(str(g).encode()) % 4 == 0 for g in joined_groups(rows).tolist()]
    fold = np.array(quarter) & authored
    held_out = rows.take(fold)
    languages = np.array(held_out.languages)
    features = make_classifier().make_features().fit([])
    matrix = features.transform(rows.texts)
    unseen = {name: features.transform(part.texts) for name, part in split.unseen.items()
              if name in SOURCES}  # fmt: skip
    for strength, weight in GRID:
        weights = np.where(authored, weight, rows.weights)
        core = LinearCore(C=strength, idf=True).fit(
            matrix[~fold], rows.labels[~fold], weights[~fold]
        )
        scores = core.decision_function(matrix[fold])
        found = []
        for language in ("en", "zh"):
            mask = languages == language
            for column, name in enumerate(CATEGORIES):
                y, s = held_out.labels[mask, column], scores[mask, column]
                auc, ap = roc_auc_score(y, s), average_precision_score(y, s)
                found.append(f"{language} {name} {auc:.3f} / {ap:.3f}")
        for name, part in unseen.items():
            predicted = core.decision_function(part)
            for column, category in enumerate(CATEGORIES):
                labels = split.unseen[name].labels[:, column]
                known = labels >= 0
                if (labels == 1).sum() >= _FEWEST:
                    auc = roc_auc_score(labels[known], predicted[known, column])
                    found.append(f"{name} {category} {auc:.3f}")
        print(f"C {strength:g}, weight {weight:g}: {'; '.join(found)}", flush=True)


if __name__ == "__main__":
    main()
