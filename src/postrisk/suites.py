"""Measure a model in one call: which posts, which suites, and one report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from postrisk.corpora import data_folder
from postrisk.errors import DataError, InputError
from postrisk.evaluation_report import EvaluationReport
from postrisk.findings import PostCount
from postrisk.learning import learning_curve
from postrisk.model import RiskModel
from postrisk.overblocking import measure_gate, measure_overblocking, measure_twins
from postrisk.perturb import SHARE
from postrisk.ranking import by_split, rank_sample
from postrisk.recipe import Split, all_rows, split_rows
from postrisk.registry import Model
from postrisk.robustness import measure_dilution, measure_flips
from postrisk.samples import Sample, as_model, authored_sample, band, make_sample, split_sample
from postrisk.scorer import Scorer, model_version
from postrisk.shipping import read_labelled
from postrisk.training import RiskClassifier

SUITES = ("ranking", "overblocking", "gate", "twins", "robustness", "dilution", "learning")
# A learning curve trains the recipe four times, so it runs only when it is asked for.
DEFAULT_SUITES = SUITES[:-1]
FEWEST = 20
_COLUMNS = {"source": "sources", "group": "groups", "kind": "kinds", "language": "languages"}


def read_sample(path: str | Path) -> Sample:
    """Read your own labelled posts.

    Parameters
    ----------
    path : str or Path
        A CSV file with a text column, a column of 0, 1 or nothing for each category, and, if
        you have them, ``source``, ``group``, ``kind`` and ``language``.

    Raises
    ------
    TableError, LabelError
        With the line and what was found.
    """
    data = read_labelled(path, extras=tuple(_COLUMNS))
    if not data.texts:
        raise InputError(f"{path}: found no post, expected at least one")
    columns = {_COLUMNS[name]: cells for name, cells in data.extras.items()}
    return make_sample(data.texts, data.labels, data.categories, **columns)


def public_split(model: Model = "base") -> Split:
    """Give the recipe's split of the authored and the public sets.

    Parameters
    ----------
    model : {"base", "research"}
        What may have been learnt from, so that nothing else is measured on.

    Raises
    ------
    DataError
        When there is no data folder.
    """
    root = data_folder()
    if root is None:
        raise DataError("public data sets: no data folder; set POSTRISK_DATA to the one you have")
    return split_rows(all_rows(root, model))


def _counts(sample: Sample) -> tuple[PostCount, ...]:
    sources = sample.column("sources")
    found = []
    for split, language, inside in by_split(sample):
        for source in sorted(set(sources[inside].tolist())):
            part = sample.take(inside & (sources == source))
            risky, safe = int(part.risky.sum()), int(part.safe.sum())
            found.append(PostCount(split, source, language, len(part), risky, safe))
    return tuple(found)


def _checked(suites: Sequence[str]) -> set[str]:
    unknown = [name for name in suites if name not in {*SUITES, "all"}]
    if unknown:
        raise InputError(f"suites: found {unknown[0]!r}, expected {', '.join(SUITES)} or all")
    return set(SUITES) if "all" in suites else set(suites)


def _sample_of(posts: Sample | Split | str | Path | None) -> tuple[Sample, Split | None]:
    if posts is None:
        return authored_sample(), None
    if isinstance(posts, Split):
        return split_sample(posts), posts
    return (posts if isinstance(posts, Sample) else read_sample(posts)), None


def evaluate(
    model: RiskModel | RiskClassifier | Scorer | str | Path | None = None,
    posts: Sample | Split | str | Path | None = None,
    *,
    suites: Sequence[str] = DEFAULT_SUITES,
    fewest: int = FEWEST,
    share: float = SHARE,
) -> EvaluationReport:
    """Measure a model on labelled posts.

    Parameters
    ----------
    model : RiskModel, RiskClassifier, Scorer, str or Path, optional
        A model, what holds one, a model folder, or the shipped one.
    posts : Sample, Split, str or Path, optional
        Your own posts (`postrisk.samples.make_sample`) or their CSV file (`read_sample`); the
        recipe's split (`public_split`); or the authored test posts.
    suites : sequence of str
        Some of `SUITES`, or ``all``. A learning curve is about the recipe and takes long, so
        it runs only by name, and not on your own posts.
    fewest : int
        Risky and safe posts that a source needs for a line of its own.
    share : float
        Share of characters or words that perturbations change.

    Returns
    -------
    EvaluationReport

    Raises
    ------
    InputError
        When a suite is unknown, or the model lacks a category of the posts.

    Examples
    --------
    >>> report = evaluate(suites=["twins"])
    >>> [(t.language, t.category, t.ordered.total) for t in report.twins][0]
    ('en', 'rumor', 78)
    """
    wanted = _checked(suites)
    sample, split = _sample_of(posts)
    if "learning" in suites and posts is not None and split is None:
        raise InputError("learning: a curve of the recipe; it cannot be drawn on your own posts")
    used = as_model(model)
    banded = band(used, sample.texts, sample.categories)
    learns = "learning" in wanted and (posts is None or split is not None)
    return EvaluationReport(
        model=model_version(used),
        fewest=fewest,
        share=share,
        posts=_counts(sample),
        ranked=rank_sample(sample, banded, fewest) if "ranking" in wanted else None,
        overblocking=measure_overblocking(sample, banded) if "overblocking" in wanted else None,
        gate=measure_gate(sample, banded) if "gate" in wanted else None,
        twins=measure_twins(sample, banded) if "twins" in wanted else None,
        robustness=measure_flips(used, sample, banded, share=share)
        if "robustness" in wanted
        else None,
        dilution=measure_dilution(used, sample, banded) if "dilution" in wanted else None,
        learning=learning_curve(split or split_rows(all_rows(None)), fewest=fewest)
        if learns
        else None,
    )
