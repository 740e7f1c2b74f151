"""The compiled kernel and numpy's beside a plain C loop."""

from __future__ import annotations

from speedlab.measures import LARGE, Bench, Section, must_agree
from speedlab.own import COMPILED, NO_KERNEL
from speedlab.timing import Contender, NotAvailableError, interleave, ratio

_COMPARED = 100_000
_PAIRS = (
    ("native", "plain"), ("native", "fold_plain"), ("list", "fold_plain"), ("list", "plain"),
    ("kernel", "plain"),
)  # fmt: skip


def _ours(bench: Bench, posts: str) -> tuple[list[Contender], dict[str, str]]:
    """Give what is ours; the compiled kernel is compared with the list before it is timed."""
    label = f"`predict_proba` on a list ({bench.kernel}): all, and joining strings"
    ours = [
        bench.own_work("list", label, posts, "list"),
        bench.own_work("fold", "`fold_batch` alone (numpy)", posts, "fold"),
        bench.own_work("kernel", "`sum_weights` on folded posts (numpy)", posts, "kernel"),
    ]
    label = (
        "`Kernel.score` on UTF-8 (compiled kernel): decoding, folding, hashing, sums, windows,"
        " calibration"
    )
    if bench.kernel != COMPILED:
        return ours, {label: NO_KERNEL}
    must_agree(bench.own.ask("check_native", posts, bench.sets[posts]), "the compiled kernel")
    return [bench.own_work("native", label, posts, "native"), *ours], {}


def _plain(bench: Bench, posts: str) -> tuple[list[Contender], dict[str, int]]:
    """Give the plain C loop and how many posts' sums were compared."""
    compared = {
        name: must_agree(
            bench.own.ask("check_plain", name, min(size, _COMPARED)), "the plain C loop"
        )["compared"]
        for name, size in bench.sets.items()
        if name != LARGE
    }
    plain = [
        bench.own_work("plain", "plain C on folded posts", posts, "plain"),
        bench.own_work("fold_plain", "`fold_batch` (numpy), then plain C", posts, "fold_plain"),
    ]
    return plain, compared


def kernel(bench: Bench, posts: str) -> Section:
    """Time the kernels beside the plain C loop, whose sums are compared to the bit first.

    Raises
    ------
    WrongResultError
        When a sum or a logit differs.
    """
    contenders, absent = _ours(bench, posts)
    bench.own.ask("prepare_folded", posts, bench.sets[posts])
    compared: dict[str, int] = {}
    try:
        plain, compared = _plain(bench, posts)
        contenders += plain
    except NotAvailableError as reason:
        absent["plain C loop"] = str(reason)
    found, more = interleave(contenders, bench.repeats)
    ratios = {}
    for first, second in _PAIRS:
        if first in found and second in found:
            pair = (found[name]["per_second"]["runs"] for name in (first, second))
            ratios[f"{first} over {second}"] = ratio(*pair)
    return {
        "rates": found, "absent": absent | more, "ratios": ratios,
        "texts_with_the_same_sums": compared,
    }  # fmt: skip
