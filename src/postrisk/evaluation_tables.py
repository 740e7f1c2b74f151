"""The tables of an evaluation report, the same in Markdown and on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from postrisk.evaluation import Rate
from postrisk.findings import Findings
from postrisk.intervals import Gap
from postrisk.overblocking import SafeLine
from postrisk.ranking import Ranked
from postrisk.robustness import ANY


@dataclass(frozen=True, slots=True)
class Table:
    """A table in words.

    Attributes
    ----------
    title, about : str
    header : tuple of str
    rows : tuple of tuple of str
    names : int
        How many of the first columns hold names; the others hold figures.
    """

    title: str
    about: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int


def _percent(rate: Rate) -> str:
    if not rate.total:
        return "–"
    return f"{100 * rate.rate:.1f} % ({100 * rate.low:.1f}–{100 * rate.high:.1f})"


def _points(gap: Gap) -> str:
    d = gap.difference
    return f"{100 * d.value:+.1f} ({100 * d.low:+.1f} to {100 * d.high:+.1f})"


def _posts(report: Findings) -> Table:
    return Table(
        "Posts measured on",
        "A post that has none of the categories is safe; one whose labels are partly unknown"
        " may be neither.",
        ("split", "source", "language", "posts", "risky", "safe"),
        tuple(
            (p.split, p.source, p.language, f"{p.posts:,}", f"{p.risky:,}", f"{p.safe:,}")
            for p in report.posts
        ),
        names=3,
    )


def _ranking(ranked: Ranked, fewest: int) -> Table:
    about = (
        "AUC with DeLong's 95 % interval; .5 is chance. AP is average precision, beside the share"
        " of risky posts, which chance reaches. Recall is the share of risky posts in at least"
        " that band, with exact 95 % intervals."
    )
    if ranked.skipped:
        about += f" Fewer than {fewest} posts of a kind, so no line: {'; '.join(ranked.skipped)}."
    rows = []
    for r in ranked.lines:
        share = r.positives / (r.positives + r.negatives)
        rows.append(
            (r.split, r.source, r.language, r.category, f"{r.positives:,}", f"{r.negatives:,}",
             str(r.auc), f"{r.ap:.3f} ({share:.2f})", _percent(r.recall_review),
             _percent(r.recall_flag))
        )  # fmt: skip
    header = ("split", "source", "language", "category", "risky", "safe", "AUC", "AP (chance)",
              "recall at review", "at flag")  # fmt: skip
    return Table("Ranking", about, header, tuple(rows), names=4)


def _calibration(ranked: Ranked) -> Table:
    return Table(
        "Calibration",
        "ECE over ten bins of equal width, and of equal mass; the debiased root mean square"
        " error over those of equal mass; Brier score. Sets with more risky posts than the"
        " training mixture look badly calibrated for that reason alone.",
        ("split", "language", "category", "posts", "ECE", "equal mass", "debiased", "Brier"),
        tuple(
            (line.split, line.language, line.category, f"{line.posts:,}", f"{c.ece:.3f}",
             f"{c.ece_mass:.3f}", f"{c.rms:.3f}", f"{c.brier:.3f}")
            for line in ranked.calibration
            for c in (line.calibration,)
        ),
        names=3,
    )  # fmt: skip


def _safe(report: Findings) -> Table | None:
    found = report.overblocking
    if found is None:
        return None

    def row(line: SafeLine, mark: str = "") -> tuple[str, ...]:
        return (line.language, line.source, line.kind + mark, f"{line.review.total:,}",
                _percent(line.review), _percent(line.flag))  # fmt: skip

    rows = [row(line) for line in found.overall]
    rows += [row(g, " (worst)" if g in found.worst else "") for g in found.groups]
    return Table(
        "Safe posts raised",
        "Share of safe posts whose strongest band is at least review, and flag, with exact 95 %"
        " intervals. None of them should be. The worst group is the one whose interval starts"
        " highest.",
        ("language", "source", "kind", "posts", "at least review", "flag"),
        tuple(rows),
        names=3,
    )


def _gate(report: Findings) -> Table | None:
    if report.gate is None:
        return None
    rows = [
        (g.language, g.source, band, f"{gap.first.total:,}", _percent(gap.first),
         f"{gap.second.total:,}", _percent(gap.second), _points(gap))
        for g in report.gate
        for band, gap in (("review", g.review), ("flag", g.flag))
    ]  # fmt: skip
    return Table(
        "Civic posts against other safe posts",
        "False positives among safe posts about public affairs (by their kind), and among the"
        " others; the gap is in points, with Newcombe's 95 % score interval. A release should"
        " not raise civic posts more.",
        ("language", "source", "band", "civic", "raised", "others", "raised", "gap, points"),
        tuple(rows),
        names=3,
    )


def _twins(report: Findings) -> Table | None:
    if report.twins is None:
        return None
    return Table(
        "Twins",
        "Pairs of a risky post and a safe look-alike that shares its words: both bands right"
        " (risky at least review, safe below), and ordered rightly whatever the cut-off.",
        ("language", "category", "pairs", "both right", "ordered"),
        tuple(
            (t.language, t.category, f"{t.ordered.total:,}", _percent(t.both_right),
             _percent(t.ordered))
            for t in report.twins
        ),
        names=2,
    )  # fmt: skip


def _robustness(report: Findings) -> Table | None:
    flips = report.robustness
    if flips is None:
        return None
    categories = list(dict.fromkeys(f.category for f in flips if f.category != ANY))
    by_key = {(f.perturbation, f.language, f.category): f.lost for f in flips}
    rows = []
    for f in sorted((f for f in flips if f.category == ANY), key=lambda f: f.invariant):
        lost = [by_key[f.perturbation, f.language, name] for name in categories]
        rows.append(
            (f.perturbation + (" (folded)" if f.invariant else ""), f.language,
             f"{f.lost.total:,}", _percent(f.lost), f"{f.raised.total:,}", _percent(f.raised),
             *(f"{rate.hits} of {rate.total}" if rate.total else "–" for rate in lost))
        )  # fmt: skip
    header = ("perturbation", "language", "risky", "lost", "safe", "raised",
              *(f"{name} lost" for name in categories))  # fmt: skip
    return Table(
        "Rewritten posts",
        "Of the risky posts that the model found and that the perturbation changes, those whose"
        " strongest category falls to pass; of the safe posts that passed, those raised. It"
        f" changes {report.share:.0%} of the characters or words that it applies to. What is"
        " marked as folded cannot change a score.",
        header,
        tuple(rows),
        names=2,
    )


def _dilution(report: Findings) -> Table | None:
    if report.dilution is None:
        return None
    rows = [
        (d.language, f"{d.words:,}", d.place, f"{d.kept.total:,}", _percent(d.kept),
         _percent(d.review), _percent(d.filler))
        for d in report.dilution
    ]  # fmt: skip
    return Table(
        "Risky posts among safe words",
        "Risky posts that the model found, put among words of safe posts: those that keep the"
        " band of their strongest category, those still at least review, and the safe words"
        " alone. In Chinese, 1.6 characters stand for a word.",
        (
            "language",
            "words",
            "place",
            "posts",
            "keep their band",
            "at least review",
            "words alone",
        ),
        tuple(rows),
        names=3,
    )


def _learning(report: Findings) -> Table | None:
    if report.learning is None:
        return None
    shares = sorted({p.share for p in report.learning})
    posts = {p.share: p.posts for p in report.learning}
    keys = dict.fromkeys((p.split, p.language, p.category) for p in report.learning)
    found = {(p.split, p.language, p.category, p.share): str(p.auc) for p in report.learning}
    return Table(
        "Learning curve",
        "AUC on held-out posts of the recipe trained on a share of the training groups, with"
        " DeLong's 95 % interval. It is about the recipe, whatever model was given.",
        ("split", "language", "category", *(f"{s:.0%} ({posts[s]:,} posts)" for s in shares)),
        tuple((*key, *(found.get((*key, share), "–") for share in shares)) for key in keys),
        names=3,
    )


def _made(report: Findings) -> Iterator[Table | None]:
    ranked: Sequence[Ranked] = () if report.ranked is None else (report.ranked,)
    yield from (_ranking(found, report.fewest) for found in ranked)
    yield from (part(report) for part in (_safe, _gate, _twins))
    yield from (_calibration(found) for found in ranked)
    yield from (part(report) for part in (_robustness, _dilution, _learning))
    yield _posts(report)


def tables_of(report: Findings) -> list[Table]:
    """Give the tables of the suites that ran."""
    return [table for table in _made(report) if table is not None]
