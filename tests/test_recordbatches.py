"""A Parquet file scores as the same rows do in a CSV file."""

from __future__ import annotations

import csv

import pyarrow as pa
import pyarrow.parquet as pq

from postrisk import Scorer
from postrisk.recordbatches import ERROR_COLUMN, score_batches
from postrisk.tables import score_table
from tiny import tiny_model

ROWS = {
    "id": ["1", "2", "3", "4"],
    "text": ["onion sock cure hidden by doctors 3", 'soup, and "bread"', " ", "打死 adult videos"],
    "reposts": ["612", "1万+", "3", "many"],
    "posted_at": ["2014-06-12 08:31:00", "", "", "2014-06-12"],
}


def test_a_parquet_file_scores_as_a_csv_file(tmp_path):
    table = pa.table(ROWS)
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=3)
    with (tmp_path / "in.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(ROWS)
        writer.writerows(zip(*ROWS.values(), strict=True))
    scorer = Scorer(tiny_model())
    batches = pq.ParquetFile(tmp_path / "in.parquet").iter_batches(batch_size=2)
    found = pa.Table.from_batches(list(score_batches(batches, scorer))).to_pylist()
    score_table(scorer, tmp_path / "in.csv", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        expected = list(csv.DictReader(file))
    kept = [row for row in found if row[ERROR_COLUMN] is None]
    assert [row["id"] for row in kept] == [row["id"] for row in expected] == ["1", "2"]
    for row, other in zip(kept, expected, strict=True):
        shown = {name: f"{v:.6f}" if isinstance(v, float) else v for name, v in row.items()}
        del shown[ERROR_COLUMN]
        assert shown == other
    assert [row[ERROR_COLUMN].partition(":")[0] for row in found if row[ERROR_COLUMN]] == [
        "text",
        "reach.reposts",
    ]
