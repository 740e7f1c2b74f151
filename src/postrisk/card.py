"""Model cards: what a model learnt from, how good it is, and what it refuses to do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from postrisk.annotation import shipped_readings, shipped_records
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
_LEARNT = {
    "authored": """\
It learnt from the authored corpora of this project alone, which are synthetic.""",
    "base": """\
It learnt from permissively licensed public posts, some of them relabelled by reading, and from the
authored corpora of this project, which are synthetic. It may be used for any purpose.""",
    "research": """\
It learnt from what the base model learnt from, and from sets whose licence is not stated, is
share-alike or allows non-commercial use only (see Data). Weights are all that is here. Whether
weights inherit the terms of their data is unsettled, so use this model **for research and
teaching only**; the base model is there for everything else.""",
}
_CARD = """\
# {name} {version}

A linear model over hashed character and word n-grams that tells how much a post reads like
rumor, violence, terrorism or pornography, in English and Chinese. A long post is scored by its
riskiest window. {learnt}

It orders what a person reads; a person decides. It is weakest on rumor, whose wording does not
carry over from one event to the next, and where risky examples are synthetic alone: Chinese
violence and terrorism, and in the base model Chinese pornography and rumor.

## What it refuses to do
{refusals}
## How good it is
Cross-source figures come first: they are what to expect on posts from elsewhere. AUC .5 and an
AP equal to the share of positives are chance. Recall is at the shipped cut-offs.

{rankings}

`never trained on`: the whole set is for evaluation. `left out`: the category was trained again
without that source and measured on all of it. `same source, other groups`: held-out events,
accounts, subreddits or threads of a training source. `authored twins`: held-out pairs of
synthetic posts, each risky one beside a safe look-alike that shares its words. `weak labels`:
`reddit-adult` holds titles of pictures. Posts that were read carry the reader's label here too.

Whose judgement the labels are: {judges}.

### Safe posts that would be shown to a person, or flagged
Share of safe posts whose strongest band is at least `review`, and `flag`, with exact 95 %
intervals. None of them should be.

{overblocking}

### Twins
Pairs of which the risky post reaches `review` and its safe twin does not; and pairs that are
ordered rightly, whatever the cut-off. Held-out pairs.

{twins}

### Calibration
Expected calibration error (ten bins) and Brier score on all held-out groups and held-out authored
posts together, by language. Probabilities are calibrated (Platt, one line for each category and
language) for the mixture of training posts; where risky posts are rarer, they are too high.

{calibration}

## Cut-offs
{cutoffs}

Each cut-off is the lowest whose upper 95 % Clopper-Pearson bound on held-out safe posts of its
language stays below 2 % for `review` and 1 % for `flag`, category by category, on each of three
groups: all of them; protected speech; and the authored ones, most of which are look-alikes.
Rewritten copies of them count too. Rumor is for review only in a language where its AUC on any
set that the model never learnt from is below .70, and any category where fewer than 20 real posts
of it were there to learn from or to measure on.

What other ceilings cost: recall on held-out risky posts of the training mixture. Choose one with
`--review-ceiling` and `--flag-ceiling`, `Scorer(review_ceiling=…)` or `RiskModel.with_ceilings`.

{ladder}

## How the labels were made
Public sets come with their own labels, whose judges are named above. {read} posts of them were
read under `datasets/annotation/GUIDE.md` and relabelled: **machine-assisted reading by a language
model, not a panel of human moderators**. {twice} were read twice, independently; agreement and what
was decided are in `datasets/annotation/README.md`. Both passes share the blind spots of one kind
of reader. A reading never makes a rumor: that needs the set's own verdict and a reader who finds
that the post states such a claim. Posts that criticise, report on or joke about authorities are
no positives.

The authored posts were written by a language model under a brief. For some of it, errors of an
earlier model on `chineseharm` were read to learn which genres were missing, and the grammar of
functional tests such as `hatecheck-zh` was known; no post was copied, but figures on these two
are no longer blind to their genre.

## Data
{data}

Links, mentions and repost marks were taken out of the training texts. {removed} training
posts with a near-copy (Jaccard similarity of character n-grams from .8) among held-out or
evaluation posts were removed. A tenth of the groups of each training
source is held out, more where its card in `datasets/registry/` says so. Weights are int8, one scale
per category; no text is in this folder.

Made by `{command}`; the same data give the same bytes.
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


def _ladder(model: RiskModel) -> str:
    rows = []
    for name in model.categories:
        for language, steps in model.ladder[name].items():
            cells = ["–" if s.recall is None or not s.proven else f"{s.recall:.2f}" for s in steps]
            rows.append([name, language, *cells])
    ceilings = [step.ceiling for step in next(iter(model.ladder[model.categories[0]].values()))]
    return _table(["category", "language", *(f"{100 * c:g} %" for c in ceilings)], rows)


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
    kind = "research" if model.name.endswith("research") else "base"
    command = "postrisk train --shipped" + (" --research" if kind == "research" else "")
    return _CARD.format(
        name=model.name,
        version=model.version,
        learnt=_LEARNT["authored" if figures.authored_only else kind],
        command=command,
        read=f"{len(shipped_readings()):,}",
        twice=f"{sum(record.turn == 'second' for record in shipped_records()):,}",
        ladder=_ladder(model),
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
        calibration=_table(
            ["language", "category", "risky", "safe", "ECE", "Brier"],
            [
                [
                    line.language,
                    line.category,
                    f"{line.ranking.positives:,}",
                    f"{line.ranking.negatives:,}",
                    f"{line.ranking.ece:.3f}",
                    f"{line.ranking.brier:.4f}",
                ]
                for line in figures.calibration
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
