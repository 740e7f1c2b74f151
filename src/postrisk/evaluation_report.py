"""An evaluation report: tables in words, and a folder with pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from postrisk.charts import save_charts
from postrisk.evaluation_tables import Table, tables_of
from postrisk.findings import Findings
from postrisk.outputs import new_file


@dataclass(frozen=True, kw_only=True)
class EvaluationReport(Findings):
    """What `postrisk.suites.evaluate` found; its fields are those of `Findings`."""

    def tables(self) -> list[Table]:
        """Give the report as tables, cross-source figures first."""
        return tables_of(self)

    def to_markdown(self) -> str:
        """Give the tables as Markdown."""
        parts = [
            f"## {table.title}\n\n{table.about}\n\n{_markdown(table)}\n" for table in self.tables()
        ]
        return "\n".join([f"# How good {self.model} is\n", *parts])

    def save(
        self,
        folder: str | Path,
        *,
        plots: bool | None = None,
        formats: Sequence[str] = ("svg",),
    ) -> list[Path]:
        """Write ``report.json``, ``report.md`` and a picture of each suite into a folder.

        Parameters
        ----------
        folder : str or Path
        plots : bool, optional
            Whether to draw; when None, only where matplotlib is installed.
        formats : sequence of str
            ``svg``, ``png`` or both.

        Returns
        -------
        list of Path
            The files written.

        Raises
        ------
        TableError
            When a file cannot be written.
        InputError
            When pictures are wanted and matplotlib is not installed.
        """
        home = Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        written = []
        for name, text in (("report.json", self.to_json()), ("report.md", self.to_markdown())):
            with new_file(home / name, errors="backslashreplace") as file:
                file.write(text)
            written.append(home / name)
        if plots or (plots is None and find_spec("matplotlib")):
            written += save_charts(self, home, formats)
        return written


def _markdown(table: Table) -> str:
    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(' '.join(c.replace('|', chr(92) + '|').split()) for c in cells)} |"

    rule = ["---:" if index >= table.names else "---" for index in range(len(table.header))]
    return "\n".join([line(table.header), line(rule), *map(line, table.rows)])
