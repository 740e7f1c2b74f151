"""Model cards: what a model learnt from, how good it is, and what it refuses to do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from postrisk.evaluation import Rate, rank
from postrisk.figures import Figures, Line
from postrisk.linear import UNKNOWN, Labels
from postrisk.model import Floats, RiskModel
from postrisk.sources import SOURCES

REFUSALS = """\
- **No political category.** Opinion, criticism, protest, journalism and satire are never a
  positive class. They are the protected speech on which over-blocking is measured.
- **No verdict.** It never says illegal, remove or report. The strongest recommendation is that
  a person should look first.
- **No dossiers.** No author features, no author history; reach never changes a score.
- **No truth.** `rumor` means “reads like posts that were later debunked”, not “false”.
"""
_CARD = """\
# {name} {version}

A linear model over hashed character and word n-grams that tells how much a post reads like
rumor, violence, terrorism or pornography, in English and Chinese.
{learnt}

It is a first model. It ranks usefully where its training data speak. It is weak on rumor
everywhere, and on Chinese posts, whose risky examples are synthetic alone. A person decides;
the model orders what they read.

## What it refuses to do
{refusals}
## How good it is
Cross-source figures come first: they are what to expect on posts from elsewhere. AUC .5 and an
AP equal to the share of positives are chance. Recall is at the shipped cut-offs.

{rankings}

`never trained on`: the whole set is for evaluation. `left out`: the model was trained again
without that source and measured on all of it. `same source, other groups`: held-out events,
accounts, subreddits or threads of a training source. `authored twins`: held-out pairs of
synthetic posts, each risky one beside a safe look-alike that shares its words. `weak labels`:
`fanboy` labels accounts, not posts, and most of its posts are news or chat, so a low figure there
is no error; `reddit-adult` holds titles of pictures.

Whose judgement the labels are: {judges}.

### Safe posts that would be shown to a person, or flagged
Share of safe posts whose strongest band is at least `review`, and `flag`, with exact 95 %
intervals. None of them should be.

{overblocking}

### Twins
Pairs of which the risky post reaches `review` and its safe twin does not; and pairs that are
ordered rightly, whatever the cut-off. Held-out pairs.

{twins}

## Cut-offs
{cutoffs}

Each cut-off is the lowest whose upper 95 % Clopper-Pearson bound on held-out safe posts of its
language (all of them, and look-alikes with protected speech by themselves) stays below 5 % for
`review` and 1 % for `flag`, category by category. Probabilities are calibrated (Platt) on
held-out groups of the training mixture; where risky posts are rarer, they are too high.

## Data
{data}

Links, mentions and repost marks were taken out of the training texts. {removed} training
posts with a near-copy (Jaccard similarity of character n-grams from .8) among held-out or
evaluation posts were removed. A fifth of the groups of each training
source is held out. Weights are int8, one scale per category; no text is in this folder.

Made by `postrisk train --shipped`; the same data give the same bytes.
"""


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _ranking_row(line: Line) -> list[str]:
    r = line.ranking
    recalls = (
        ["", ""] if line.split == "left out" else [f"{r.recall_review:.2f}", f"{r.recall_flag:.2f}"]
    )
    share = r.positives / (r.positives + r.negatives)
    return [
        line.split, line.source, line.language, line.category, f"{r.positives:,}",
        f"{r.negatives:,}", f"{r.auc:.3f}", f"{r.ap:.3f} ({share:.2f})", *recalls,
    ]  # fmt: skip


def _percent(rate: Rate) -> str:
    return f"{100 * rate.rate:.1f} % ({100 * rate.low:.1f}–{100 * rate.high:.1f})"


def _cutoffs(model: RiskModel) -> str:
    rows = []
    for name in model.categories:
        for language, cut in {
            **model.cutoffs[name].languages,
            "other": model.cutoffs[name],
        }.items():
            flag = f"never: {cut.why_never_flagged}" if cut.flag is None else f"{cut.flag:.3f}"
            rows.append([name, language, f"{cut.review:.3f}", flag])
    return _table(["category", "language", "review from", "flag from"], rows)


def _data(figures: Figures) -> str:
    rows = [["authored", "en, zh", "Apache-2.0, synthetic", "authored",
             f"{figures.used.get('authored', 0):,}"]]  # fmt: skip
    for source in SOURCES:
        if source.name in figures.used:
            used = f"{figures.used[source.name]:,}"
            rows.append([source.name, source.language, source.licence, source.judge, used])
    return _table(["source", "language", "licence", "labels by", "posts"], rows)


def _judges(figures: Figures) -> str:
    if figures.authored_only:
        return "the authors of the corpora"
    names: dict[str, list[str]] = {}
    for source in SOURCES:
        names.setdefault(source.judge, []).append(source.name)
    return "; ".join(f"{judge} ({', '.join(held)})" for judge, held in names.items())


def shipped_card(model: RiskModel, figures: Figures) -> str:
    """Write the card of the shipped model."""
    header = ["split", "source", "language", "category", "risky", "safe", "AUC",
              "AP (chance)", "recall at review", "at flag"]  # fmt: skip
    learnt = (
        "It learnt from the authored corpora of this project alone, which are synthetic."
        if figures.authored_only
        else "It learnt from permissively licensed public posts and from the authored corpora of"
        " this\nproject, which are synthetic."
    )
    return _CARD.format(
        name=model.name,
        version=model.version,
        learnt=learnt,
        refusals=REFUSALS,
        rankings=_table(header, [_ranking_row(line) for line in figures.lines]),
        judges=_judges(figures),
        overblocking=_table(
            ["safe posts", "posts", "at least review", "flag"],
            [
                [group, f"{review.total:,}", _percent(review), _percent(flag)]
                for group, (review, flag) in figures.overblocking.items()
            ],
        ),
        twins=_table(
            ["language", "category", "pairs", "both bands right", "ordered rightly"],
            [
                [language, category, f"{banded.total}", _percent(banded), _percent(ordered)]
                for (language, category), (banded, ordered) in figures.twins.items()
            ],
        ),
        cutoffs=_cutoffs(model),
        data=_data(figures),
        removed=f"{figures.removed:,}",
    )


def custom_card(model: RiskModel, labels: Labels, held_out: Floats) -> str:
    """Write the card of a model trained on a user's own labels."""
    rows = []
    for column, name in enumerate(model.categories):
        known = labels[:, column] != UNKNOWN
        found = rank(labels[known, column] == 1, held_out[known, column])
        rows.append([name, f"{found.positives:,}", f"{found.negatives:,}", f"{found.auc:.3f}",
                     f"{found.ap:.3f}", f"{found.ece:.3f}"])  # fmt: skip
    table = _table(["category", "risky", "safe", "AUC", "AP", "ECE"], rows)
    posts = int(np.any(labels != UNKNOWN, axis=1).sum())
    return (
        f"# {model.name} {model.version}\n\nA postrisk model trained on {posts:,} labelled posts"
        f" for {', '.join(model.categories)}.\n\n## What it refuses to do\n{REFUSALS}\n"
        "## How good it is\nOn held-out groups of its own training data, which flatters: posts"
        f" from elsewhere will do worse.\n\n{table}\n\n## Cut-offs\n{_cutoffs(model)}\n"
    )
