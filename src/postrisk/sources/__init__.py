"""The public data sets as posts: each card of the registry with the loader that it names.

Labels follow one rule: a source speaks only of the categories that its annotators looked at,
and of those that its topic makes implausible. Anything else is left unknown. What a reader said
of a post overrides its source.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from pathlib import Path

from postrisk.annotation import (
    Reading,
    Readings,
    shipped_readings,
    with_reading,
    without_positives,
)
from postrisk.corpora import Example, Known, Loader
from postrisk.errors import DataError
from postrisk.registry import Card, Model, Purpose, cards
from postrisk.sources import benign, chinese, english

ANNOTATORS = "annotators paid for the set"
LOADERS: dict[str, Loader] = {**english.LOADERS, **benign.LOADERS, **chinese.LOADERS}


@dataclass(frozen=True, slots=True)
class Source:
    """One data set.

    Attributes
    ----------
    card : Card
    load : callable
        Takes the set's folder and yields `Example`s with the set's own labels.
    """

    card: Card
    load: Loader

    @property
    def name(self) -> str:
        """The set's name."""
        return self.card.name

    @property
    def language(self) -> str:
        """``en`` or ``zh``."""
        return self.card.language

    @property
    def licence(self) -> str:
        """A short name of the licence."""
        return self.card.licence

    @property
    def judge(self) -> str:
        """Whose judgement the labels are."""
        return self.card.judge

    @property
    def weight(self) -> float:
        """Weight of each row in training."""
        return self.card.weight

    @property
    def limit(self) -> int:
        """Most rows taken; 0 for all."""
        return self.card.limit

    @property
    def folder(self) -> str:
        """Below the data folder."""
        return self.card.folder

    @property
    def use(self) -> str:
        """``train`` where the base model may learn from the set, else ``evaluation``."""
        return "train" if self.may("base") else "evaluation"

    @property
    def official_test(self) -> bool:
        """Whether another set is its official test part, so that no group is held out."""
        return bool(self.card.test_set)

    def may(self, purpose: Purpose) -> bool:
        """Tell whether the licence and the registry allow a purpose."""
        return not self.card.refusal(purpose)

    def learns(self, model: Model, readings: Readings | None = None) -> bool:
        """Tell whether a model learns from the set: it may, and there is something to learn."""
        readings = shipped_readings() if readings is None else readings
        read = not self.card.needs_reading or readings.knows(self.name)
        return self.may(model) and self.card.purpose in {"train", "unlabelled"} and read

    def examples(
        self, root: Path, purpose: Purpose, readings: Readings | None = None
    ) -> list[Example]:
        """Load the rows for a purpose.

        Posts that nobody read lose their positive labels in training where the card says so,
        and keep the set's own labels in evaluation. The limit spares posts that were read.

        Parameters
        ----------
        root : Path
        purpose : {"base", "research", "evaluation"}
        readings : Readings, optional
            Those that come with the package by default; ``Readings()`` for none.

        Raises
        ------
        DataError
            When the set is absent or may not be used this way.
        """
        if refusal := self.card.refusal(purpose):
            raise DataError(refusal)
        path = root / self.folder
        if not path.exists():
            raise DataError(f"{self.name}: no folder {path}; set POSTRISK_DATA")
        readings = shipped_readings() if readings is None else readings
        rows: list[tuple[tuple[bool, bool, int, str], Example]] = []
        n_read = 0
        for row in self.load(path):
            if not row.text or row.text.isspace():
                continue
            reading = readings.of(self.name, row.text)
            labels = self._labels(row.labels, reading, training=purpose != "evaluation")
            if labels is None:
                continue
            n_read += reading is not None
            crc = zlib.crc32(row.text.encode("utf-8", "surrogatepass"))
            order = (reading is None, not row.labels, crc, row.text)
            rows.append((order, replace(row, labels=labels)))
        if self.limit and len(rows) > self.limit:
            rows.sort(key=lambda pair: pair[0])
            rows = rows[: max(self.limit, n_read)]
        return [row for _, row in rows]

    def _labels(self, own: Known, reading: Reading | None, *, training: bool) -> Known | None:
        if self.card.official and own.get("rumor") == 1:
            own = _without_rumor(own)
        if reading is not None:
            # A set that is not about rumor only presumes that its posts are none.
            judged = "rumor" in self.card.categories
            read = with_reading(own if judged else _without_rumor(own), reading)
            return self._agreed(own, read)
        return without_positives(own) if training and self.card.needs_reading else own

    def _agreed(self, own: Known, read: Known | None) -> Known | None:
        """Leave unknown what a reader and the set's own annotators judge differently.

        Annotators who judged each post for the category are no weaker witness than a reader.
        """
        if read is None or self.card.judge != ANNOTATORS:
            return read
        judged = set(self.card.categories)
        return {n: y for n, y in read.items() if n not in judged or own.get(n, y) == y}


def _without_rumor(labels: Known) -> Known:
    return {name: label for name, label in labels.items() if name != "rumor"}


def _source(card: Card) -> Source:
    if card.loader not in LOADERS:
        raise DataError(f"{card.name}: loader: no loader is named {card.loader!r}")
    return Source(card, LOADERS[card.loader])


SOURCES: tuple[Source, ...] = tuple(_source(card) for card in cards() if card.loader)
BY_NAME = {source.name: source for source in SOURCES}
