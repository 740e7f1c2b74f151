"""Scores on Spark: the pure core over Arrow batches, and one real run."""

import importlib.util
import math
import shutil
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_spark_helpers import tiny_model
from postrisk import spark
from postrisk.columns import Columns
from postrisk.errors import PostError, TableError
from postrisk.post import Category
from postrisk.recordbatches import ERROR_COLUMN, score_batches
from postrisk.scorer import Scorer
from postrisk.tables import added_columns, score_table
from rowwise import added_values

HEADER = ["微博id", "正文", "转发数", "阅读数", "posted_at", "extra"]
SCORER = Scorer(tiny_model())
ADDED = [*added_columns(HEADER, SCORER.model.categories), "postrisk_error"]

texts = st.one_of(
    st.none(),
    st.text(max_size=40).filter(lambda text: text.isprintable()),
    st.sampled_from(
        ["", " \n", "Doctors hide it: garlic cures the flu!!", "我今晚打死你", "I will beat you"]
    ),
)
counts = st.sampled_from([None, "", "0", "499", "500", "1万+", "5,000", "many", "-1", "1.5"])
times = st.sampled_from([None, "2014-06-12 08:31", "1402561860", "yesterday"])
rows = st.tuples(st.text("0123456789", max_size=20), texts, counts, counts, times, texts)


def batch_of(values, header=HEADER):
    arrays = [pa.array(column, type=pa.string()) for column in zip(*values, strict=True)]
    arrays = arrays or [pa.array([], type=pa.string())] * len(header)
    return pa.RecordBatch.from_arrays(arrays, names=header)


def score_all(batches, columns=None):
    scored = list(score_batches(iter(batches), SCORER, columns))
    return [row for batch in scored for row in batch.to_pylist()]


def score_column(values, name, kind=None, text="hello"):
    arrays = {"text": pa.array([text] * len(values)), name: pa.array(values, type=kind)}
    return score_all([pa.RecordBatch.from_pydict(arrays)])


def expected_row(values):
    row = dict(zip(HEADER, values, strict=True))
    try:
        post = Columns(HEADER).post([value or "" for value in values])
        return row | dict(zip(ADDED, [*added_values(SCORER.score_one(post)), None], strict=True))
    except PostError as error:
        return row | dict.fromkeys(ADDED) | {"postrisk_error": str(error)}


@settings(max_examples=60, deadline=None)
@given(st.lists(rows, max_size=25), st.lists(st.integers(0, 25), max_size=4))
def test_any_batching_gives_what_the_scorer_gives_row_by_row(values, cuts):
    bounds = [0, *sorted(min(cut, len(values)) for cut in cuts), len(values)]
    batches = [batch_of(values[a:b]) for a, b in pairwise(bounds)]
    assert score_all(batches) == [expected_row(row) for row in values]


def test_the_columns_are_those_of_the_command_line(tmp_path):
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("text,reposts\nDoctors hide it: garlic cures the flu!!,612\nsoup,\n")
    score_table(SCORER, source, target)
    header, *lines = target.read_text("utf-8").splitlines()
    values = [("Doctors hide it: garlic cures the flu!!", "612"), ("soup", None)]
    scored = score_all([batch_of(values, ["text", "reposts"])])
    assert [*scored[0]] == [*header.split(","), "postrisk_error"]
    for row, line in zip(scored, lines, strict=True):
        for name, cell in zip(header.split(","), line.split(","), strict=True):
            if name in [*Category]:
                assert f"{row[name]:.6f}" == cell
            else:
                assert (row[name] or "") == cell


def test_types_and_what_came_in_are_kept():
    schema = pa.schema(
        [pa.field("text", pa.large_string()), pa.field("tags", pa.list_(pa.int8()))],
        metadata={"from": "elsewhere"},
    )
    batch = pa.RecordBatch.from_arrays(
        [pa.array(["soup", None], pa.large_string()), pa.array([[1], None], pa.list_(pa.int8()))],
        schema=schema,
    )
    (scored,) = score_batches(iter([batch]), SCORER)
    assert scored.select(["text", "tags"]).equals(batch.select(["text", "tags"]))
    assert scored.schema.metadata == {b"from": b"elsewhere"}
    for one in list(scored.schema)[2:]:
        assert one.type == (pa.float64() if one.name in [*Category] else pa.string())


def test_no_batches_and_an_empty_batch():
    assert list(score_batches(iter([]), SCORER)) == []
    (scored,) = score_batches(iter([batch_of([])]), SCORER)
    assert scored.schema.names == [*HEADER, *ADDED]
    assert scored.num_rows == 0


@pytest.mark.parametrize(
    ("value", "kind", "outcome"),
    [
        (612, pa.int64(), "met"),
        (612.0, pa.float64(), "met"),
        (499, pa.int16(), "unknown"),
        (Decimal("500.00"), pa.decimal128(10, 2), "met"),
        (math.nan, pa.float64(), "unknown"),
        (None, pa.int32(), "unknown"),
        (None, pa.null(), "unknown"),
        ("1万+", pa.dictionary(pa.int8(), pa.string()), "met"),
    ],
)
def test_counts_of_any_type(value, kind, outcome):
    text = "Doctors hide it: garlic cures the flu, share before they delete it!!"
    (row,) = score_column([value], "reposts", kind, text)
    assert row["rumor_band"] != "pass"
    assert row["reach"] == outcome
    assert row["postrisk_error"] is None


@pytest.mark.parametrize(
    ("value", "kind", "reason"),
    [
        (-1, pa.int64(), "reach.reposts: found '-1'"),
        (0.5, pa.float64(), "reach.reposts: found '0.5'"),
        (math.inf, pa.float64(), "reach.reposts: found 'inf'"),
        (Decimal("0.50"), pa.decimal128(10, 2), "reach.reposts: found '0.50'"),
        (True, pa.bool_(), "reach.reposts: found 'true'"),
        ([1], pa.list_(pa.int8()), "reposts: found a list, expected text"),
        (b"7", pa.binary(), "reposts: found a bytes, expected text"),
    ],
)
def test_a_value_that_cannot_be_read_costs_its_row_alone(value, kind, reason):
    bad, good = score_column([value, None], "reposts", kind)
    assert bad["postrisk_error"].startswith(reason)
    assert bad["reposts"] == value
    assert {bad[name] for name in ADDED[:-1]} == {None}
    assert good["postrisk_error"] is None
    assert good["rumor"] is not None


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (datetime(2014, 6, 12, 8, 31, tzinfo=UTC), pa.timestamp("us", "UTC")),
        (datetime(2014, 6, 12, 8, 31, 5, 12), pa.timestamp("us")),
        (date(2014, 6, 12), pa.date32()),
        (1402561860, pa.int64()),
        (1402561860.0, pa.float64()),
    ],
)
def test_times_of_any_type(value, kind):
    (row,) = score_column([value], "created_at", kind)
    assert row["postrisk_error"] is None


def test_what_arrow_cannot_turn_into_python_costs_its_row_alone():
    # 0xff is never UTF-8; Spark lets such strings through.
    offsets, data = pa.py_buffer(b"\0\0\0\0\1\0\0\0\5\0\0\0"), pa.py_buffer(b"\xffsoup")
    text = pa.StringArray.from_buffers(2, offsets, data)
    time = pa.array([0, 2**62], type=pa.timestamp("us"))
    batch = pa.RecordBatch.from_pydict({"text": text, "time": time})
    (scored,) = score_batches(iter([batch]), SCORER)
    bad_text, bad_time = scored["postrisk_error"].to_pylist()
    assert bad_text.startswith("text: a value that cannot be read")
    assert bad_time.startswith("time: a value that cannot be read")
    assert scored["text"].equals(text)


def test_columns_can_be_named():
    values = [("Doctors hide it: garlic cures the flu", "612")]
    batch = batch_of(values, ["what", "how often"])
    (row,) = score_all([batch], {"text": "what", "reposts": "how often"})
    assert row["postrisk_error"] is None
    with pytest.raises(TableError, match="no column with the text"):
        score_all([batch])
    with pytest.raises(TableError, match="no column 'which'"):
        score_all([batch], {"text": "which"})


def test_a_clash_of_names_is_avoided_and_a_second_scoring_refused():
    batch = batch_of([("soup", "zh")], ["text", "Language"])
    (once,) = score_batches(iter([batch]), SCORER)
    assert once["postrisk_language"].to_pylist() == ["zh"]
    with pytest.raises(TableError, match="exist already"):
        score_all([once])


def test_one_scorer_per_worker():
    recipes = [spark._Recipe.of(Scorer(tiny_model())) for _ in range(2)]
    assert spark._worker_scorer(recipes[0]) is spark._worker_scorer(recipes[0])
    # A model that is not stored may have changed between two calls.
    assert spark._worker_scorer(recipes[0]) is not spark._worker_scorer(recipes[1])


def test_without_pyspark_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(
        ImportError, match=r"^pyspark is not installed: pip install 'postrisk\[spark\]'$"
    ):
        spark.score(object())


@pytest.fixture(scope="module")
def session():
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("pyspark is not installed")
    if shutil.which("java") is None:
        pytest.skip("java is not installed")
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").appName("postrisk-test")
    for key, value in {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "3",
    }.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
def test_a_real_run_equals_the_pure_core(session):
    header = ["微博.id", "正文", "转发数", "when"]
    when = datetime(2014, 6, 12, 8, 31)
    values = [
        (f"{index}", text, index * 100, when)
        for index, text in enumerate(
            ["Doctors hide it: garlic cures the flu!!", " ", "我今晚打死你", None, "soup"] * 4
        )
    ]
    schema = "`微博.id` string, `正文` string, `转发数` bigint, `when` timestamp"
    df = session.createDataFrame(values, schema).repartition(3)
    given_columns = {"posted_at": "when"}
    scored = spark.score(df, model=tiny_model(), columns=given_columns)
    assert scored.columns == [
        *header,
        *added_columns(header, SCORER.model.categories),
        ERROR_COLUMN,
    ]
    assert dict(scored.dtypes)["rumor"] == "double"
    found = sorted((row.asDict() for row in scored.collect()), key=lambda row: int(row["微博.id"]))
    batch = pa.RecordBatch.from_pylist([dict(zip(header, row, strict=True)) for row in values])
    assert found == score_all([batch], given_columns)
    assert sum(row["postrisk_error"] is not None for row in found) == 8
