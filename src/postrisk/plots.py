"""Pictures of how good a model is, in the manner of scikit-learn's displays.

Each display is made with ``from_predictions``, drawn again with ``plot(ax)`` and saved with
``display.figure_.savefig(...)``; a notebook shows it by itself. They need matplotlib, of which
no global state is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, precision_recall_curve

from postrisk.cutoffs import Cutoffs
from postrisk.errors import InputError, LabelError, shorten
from postrisk.evaluation import Mask, Rate, expected_calibration_error, rates_by_group
from postrisk.model import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    Place = Axes | None

Values = npt.ArrayLike
# Okabe and Ito's palette, which people with any colour vision can tell apart.
_BLUE, _PALE, _ORANGE, _RED = "#0072B2", "#A6CEE3", "#E69F00", "#D55E00"
_QUIET, _GRID = "#5F6368", "#DADCE0"
_HAN_FONTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "PingFang SC", "Microsoft YaHei", "SimHei")


def _families(names: Sequence[str]) -> list[str]:
    from matplotlib.font_manager import fontManager  # noqa: PLC0415 - an optional dependency

    installed = set() if "".join(names).isascii() else {*fontManager.get_font_names()}
    return ["sans-serif", *(font for font in _HAN_FONTS if font in installed)]


def tidy(ax: Axes, title: str = "", **settings: Any) -> None:
    """Give axes the looks that all pictures share."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(_QUIET)
    ax.tick_params(color=_QUIET, labelcolor=_QUIET)
    ax.set_axisbelow(True)
    ax.grid(color=_GRID)
    ax.set_title(title, loc="left", fontweight="bold", family=_families([title]), pad=14)
    ax.set(**settings)


def whiskers(rates: Sequence[Rate]) -> Floats:
    """Give the distances from each rate down and up to the ends of its interval."""
    return np.array([(max(r.rate - r.low, 0), max(r.high - r.rate, 0)) for r in rates]).T


def _as_mask(values: Values, name: str) -> Mask:
    found = np.asarray(values)
    if found.ndim != 1 or not len(found) or not np.isin(found, (0, 1)).all():
        raise LabelError(f"{name}: found {shorten(values)}, expected a row of 0 and 1")
    return found.astype(bool)


def _checked(y_true: Values, y_prob: Values) -> tuple[Mask, Floats]:
    positive = _as_mask(y_true, "y_true")
    probabilities = np.asarray(y_prob, dtype=float)
    inside = (probabilities >= 0) & (probabilities <= 1)
    if probabilities.shape != positive.shape or not inside.all():
        raise LabelError(f"y_prob: found {shorten(y_prob)}, expected {len(positive)} from 0 to 1")
    return positive, probabilities


class _Display:
    """What the displays share: `plot`, and their looks in a notebook."""

    ax_: Axes
    _draw: Callable[[Axes], None]
    name: str
    _size: tuple[float, float]

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw on the given matplotlib axes, or else on a new figure.

        Raises
        ------
        InputError
            When matplotlib is not installed.
        """
        try:
            from matplotlib.figure import Figure  # noqa: PLC0415 - an optional dependency
        except ImportError:
            raise InputError("matplotlib is not installed: pip install 'postrisk[plots]'") from None
        self.ax_ = ax or Figure(figsize=self._size, layout="constrained").subplots()
        self._draw(self.ax_)
        return self

    @property
    def figure_(self) -> Any:
        """The figure drawn on."""
        return self.ax_.figure

    def _titled(self, kind: str) -> str:
        return f"{kind}: {self.name}" if self.name else kind

    def _repr_png_(self) -> bytes | None:
        # A figure that pyplot manages is shown by pyplot.
        if self.figure_.canvas.manager is not None:
            return None
        self.figure_.savefig(buffer := BytesIO(), dpi=110)
        return buffer.getvalue()


@dataclass(kw_only=True, eq=False)
class ReliabilityDisplay(_Display):
    """How often posts of a given probability have the category: on the diagonal is calibrated.

    Parameters
    ----------
    mean_probabilities, shares : ndarray of float64, tuple of Rate
        Mean probability, and share of positives, of the posts in each bin that has any.
    counts : ndarray of int64, shape (n_bins,)
        Posts in each bin, the empty ones too; the bins are of equal width.
    ece : float
        Expected calibration error over these bins.
    name : str

    Examples
    --------
    >>> display = ReliabilityDisplay.from_predictions([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    >>> display.counts[[0, 1, 2, 8, 9]].tolist(), round(display.ece, 3)
    ([0, 1, 1, 1, 1], 0.15)
    """

    mean_probabilities: Floats
    shares: tuple[Rate, ...]
    counts: npt.NDArray[np.int64]
    ece: float
    name: str = ""
    _size = (6.0, 6.4)

    @classmethod
    def from_predictions(
        cls, y_true: Values, y_prob: Values, *, n_bins: int = 10, name: str = "", ax: Place = None
    ) -> Self:
        """Draw labelled posts of one category.

        Parameters
        ----------
        y_true, y_prob : array, shape (n_posts,)
            Labels of 0 and 1, and probabilities.
        n_bins : int
        name : str
            For the title, such as the category.
        ax : matplotlib Axes, optional

        Raises
        ------
        LabelError
            When labels and probabilities do not fit each other.
        """
        positive, probabilities = _checked(y_true, y_prob)
        if n_bins < 1:
            raise InputError(f"n_bins: found {n_bins}, expected at least 1")
        which = np.minimum((probabilities * n_bins).astype(int), n_bins - 1)
        counts = np.bincount(which, minlength=n_bins)
        used = np.flatnonzero(counts)
        return cls(
            mean_probabilities=np.array([probabilities[which == b].mean() for b in used]),
            shares=tuple(Rate.of(positive[which == b]) for b in used),
            counts=counts,
            ece=expected_calibration_error(positive, probabilities, n_bins),
            name=name,
        ).plot(ax)

    def _draw(self, ax: Axes) -> None:
        ax.plot([0, 1], [0, 1], color=_QUIET, linestyle="--", linewidth=1, label="calibrated")
        ax.errorbar(self.mean_probabilities, [s.rate for s in self.shares], whiskers(self.shares),
                    color=_BLUE, marker="o", markersize=6, linewidth=1.8, elinewidth=1.2,
                    capsize=3, label="model, 95 % intervals")  # fmt: skip
        tidy(ax, self._titled("Reliability"), xlim=(0, 1), ylim=(-0.28, 1.02),
              xlabel="Probability given by the model",
              ylabel="Share that has the category")  # fmt: skip
        ax.legend(loc="upper left", frameon=False, fontsize="small", alignment="left",
                  title=f"calibration error {self.ece:.3f}")  # fmt: skip
        # The counts stand below the zero line, so that they stay in whatever axes are given.
        width = 1 / len(self.counts)
        bars = ax.bar(np.arange(len(self.counts)) * width, 0.16 * self.counts / max(self.counts),
            width, bottom=-0.28, align="edge", color=_PALE, edgecolor="white")  # fmt: skip
        ax.bar_label(bars, [f"{n:,}" if n else "" for n in self.counts], padding=2,
                     fontsize="small", color=_QUIET)  # fmt: skip
        ax.set_yticks(
            [-0.24, *np.linspace(0, 1, 6)], ["posts", "0", "0.2", "0.4", "0.6", "0.8", "1"]
        )


@dataclass(kw_only=True, eq=False)
class PrecisionRecallDisplay(_Display):
    """What share of raised posts is right, against what share of risky posts is raised.

    Parameters
    ----------
    precision, recall : ndarray of float64
    average_precision, prevalence : float
        The prevalence is the precision of chance.
    marks : mapping of str to (float, Rate, Rate)
        For each cut-off its probability, precision and recall.
    name : str

    Examples
    --------
    >>> display = PrecisionRecallDisplay.from_predictions([0, 1, 1], [0.1, 0.7, 0.9])
    >>> display.average_precision
    1.0
    """

    precision: Floats
    recall: Floats
    average_precision: float
    prevalence: float
    marks: Mapping[str, tuple[float, Rate, Rate]]
    name: str = ""
    _size = (6.4, 5.2)

    @classmethod
    def from_predictions(
        cls, y_true: Values, y_prob: Values, *,
        cutoffs: Cutoffs | None = None, name: str = "", ax: Place = None,
    ) -> Self:  # fmt: skip
        """Draw labelled posts of one category, as `ReliabilityDisplay` takes them.

        Parameters
        ----------
        y_true, y_prob : array, shape (n_posts,)
        cutoffs : Cutoffs, optional
            Marked on the curve.
        name, ax

        Raises
        ------
        LabelError
            When the two do not fit each other, or no post is positive.
        """
        positive, probabilities = _checked(y_true, y_prob)
        if not positive.any():
            raise LabelError("y_true: found no positive post, expected at least one")
        precision, recall, _ = precision_recall_curve(positive, probabilities)
        bands = (("review", cutoffs.review), ("flag", cutoffs.flag)) if cutoffs else ()
        return cls(
            precision=precision,
            recall=recall,
            average_precision=float(average_precision_score(positive, probabilities)),
            prevalence=float(positive.mean()),
            marks={b: (c, Rate.of(positive[probabilities >= c]),
                       Rate.of(probabilities[positive] >= c)) for b, c in bands if c is not None},
            name=name,
        ).plot(ax)  # fmt: skip

    def _draw(self, ax: Axes) -> None:
        label = f"average precision {self.average_precision:.2f}"
        ax.step(self.recall, self.precision, where="post", color=_BLUE, linewidth=1.8, label=label)
        label = f"chance {self.prevalence:.2f}"
        ax.axhline(self.prevalence, color=_QUIET, linestyle="--", linewidth=1, label=label)
        for band, (cut, precision, recall) in self.marks.items():
            colour, marker = (_RED, "s") if band == "flag" else (_ORANGE, "D")
            label = f"{band} ≥ {cut:.2f}: "
            if not precision.total:
                ax.plot([], [], marker, color=colour, label=f"{label}raises no post")
                continue
            label += f"precision {precision.rate:.2f}, recall {recall.rate:.2f}"
            ax.errorbar(recall.rate, precision.rate, whiskers([precision]), whiskers([recall]),
                        marker, color=colour, markersize=9, markeredgecolor="white", capsize=3,
                        elinewidth=1.2, zorder=3, clip_on=False, label=label)  # fmt: skip
        tidy(ax, self._titled("Precision and recall"), xlim=(0, 1.02), ylim=(0, 1.04),
              xlabel="Recall: share of risky posts that is raised",
              ylabel="Precision: share of raised posts that is right")  # fmt: skip
        ax.legend(loc="upper left", bbox_to_anchor=(0, -0.13), frameon=False, fontsize="small")


@dataclass(kw_only=True, eq=False)
class OverblockingDisplay(_Display):
    """How often harmless posts of each group are raised, with exact 95 % intervals.

    Parameters
    ----------
    rates : mapping of str to Rate
    ceiling : float or None
        The highest rate allowed; it is drawn as a line.
    name : str

    Examples
    --------
    >>> display = OverblockingDisplay.from_predictions([1, 0, 0], ["news", "news", "satire"])
    >>> display.rates["news"].rate
    0.5
    """

    rates: Mapping[str, Rate]
    ceiling: float | None = None
    name: str = ""

    def __post_init__(self) -> None:
        self._size = (7.0, 1.7 + 0.42 * len(self.rates))

    @classmethod
    def from_predictions(
        cls, raised: Values, groups: Sequence[str], *,
        ceiling: float | None = None, name: str = "", ax: Place = None,
    ) -> Self:  # fmt: skip
        """Draw harmless posts, of which each one raised is a mistake.

        Parameters
        ----------
        raised : array of 0 and 1, shape (n_posts,)
            Whether the post's band is not ``pass``.
        groups : sequence of str, one a post
        ceiling, name, ax

        Raises
        ------
        LabelError
            When posts and groups differ in number.
        """
        mask = _as_mask(raised, "raised")
        if len(groups) != len(mask):
            raise LabelError(f"groups: found {len(groups)}, expected one for each of {len(mask)}")
        return cls(rates=rates_by_group(mask, groups), ceiling=ceiling, name=name).plot(ax)

    def _draw(self, ax: Axes) -> None:
        ordered = sorted(self.rates.items(), key=lambda item: (item[1].rate, item[0]))
        names, rates = zip(*ordered, strict=True)
        for row, rate in enumerate(rates):
            over = self.ceiling is not None and rate.rate > self.ceiling
            colour, marker = (_RED, "s") if over else (_BLUE, "o")
            ax.errorbar(rate.rate, row, xerr=whiskers([rate]), color=colour, marker=marker,
                        markersize=7, elinewidth=1.8, capsize=3, clip_on=False)  # fmt: skip
            ax.text(1.02, row, f"{rate.rate:.1%}  ({rate.hits:,} of {rate.total:,})", va="center",
                    transform=ax.get_yaxis_transform(), fontsize="small", color=_QUIET)  # fmt: skip
        if self.ceiling is not None:
            ax.axvline(self.ceiling, color=_QUIET, linestyle="--")
            ax.text(self.ceiling, 1.01, f"ceiling {self.ceiling:.1%}", ha="center",
                    transform=ax.get_xaxis_transform(), fontsize="small", color=_QUIET)  # fmt: skip
        widest = max(*(rate.high for rate in rates), self.ceiling or 0.0)
        tidy(ax, self._titled("Over-blocking"),
              xlim=(0, min(widest * 1.05, 1.0)), ylim=(-0.6, len(names) - 0.4),
              xlabel="Share of harmless posts that is raised, with 95 % intervals")  # fmt: skip
        ax.set_yticks(range(len(names)), names, family=_families(names), color="black")
        ax.tick_params(axis="y", length=0)
        ax.xaxis.set_major_formatter("{x:.0%}")
