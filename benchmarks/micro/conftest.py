"""What the micro-benchmarks share: a batch of the benchmark's posts, and the shipped model."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest

import postrisk
from postrisk.columnreader import read_columns
from postrisk.columns import Columns
from postrisk.folding import FoldedBatch, fold_batch
from postrisk.model import RiskModel
from postrisk.postcolumns import PostColumns
from postrisk.rules import Rulebook

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from speedlab import posts

_ROWS = 2000


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """Give 2,000 ordinary posts."""
    return posts.take(posts.make_posts(posts.authored_pools()), _ROWS)


@pytest.fixture(scope="session")
def batch(texts: list[str]) -> FoldedBatch:
    """Give them folded."""
    return fold_batch(texts)


@pytest.fixture(scope="session")
def model() -> RiskModel:
    """Give the shipped model."""
    return postrisk.load()


@pytest.fixture(scope="session")
def rulebook() -> Rulebook:
    """Give the shipped rulebook."""
    return Rulebook.load()


@pytest.fixture(scope="session")
def table(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give them as a CSV export."""
    path = tmp_path_factory.mktemp("table") / "posts.csv"
    posts.write_csv(path, texts)
    return path


@pytest.fixture(scope="session")
def arrays(table: Path) -> list[pa.Array]:
    """Give the cells of the export as Arrow columns of strings."""
    types = dict.fromkeys(posts.HEADER, pa.string())
    options = pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    found = pyarrow.csv.read_csv(table, convert_options=options)
    return [column.combine_chunks() for column in found.columns]


@pytest.fixture(scope="session")
def columns(arrays: list[pa.Array]) -> PostColumns:
    """Give them checked."""
    return read_columns(Columns(posts.HEADER), arrays).posts
