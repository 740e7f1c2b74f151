"""Days read in columns are what `parse_time` reads of each time, errors included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from postrisk import timecolumn
from postrisk.errors import PostError
from postrisk.post import parse_time
from postrisk.timecolumn import read_days

FORMS = [*timecolumn._FORMS, *timecolumn._UNIX]
SIGNS = {sign: allowed.decode() for sign, allowed in timecolumn._SIGNS.items()}


@st.composite
def nearly_usual(draw):
    """Draw a time of a usual form, with numbers out of range or one wrong sign."""
    parts = [
        draw(st.sampled_from(["0000", "0001", "1900", "2000", "2014", "2023", "2024", "9999"])),
        f"{draw(st.integers(0, 13)):02d}",
        f"{draw(st.integers(0, 32)):02d}",
        *(f"{draw(st.sampled_from([0, 8, 23, 24, 25, 59, 60, 61, 99])):02d}" for _ in range(9)),
    ]
    digits = iter("".join(parts) * 2)
    form = draw(st.sampled_from(FORMS))
    text = "".join(
        next(digits) if sign == "0" else draw(st.sampled_from(SIGNS.get(sign, sign)))
        for sign in form
    )
    if draw(st.integers(0, 5)) == 0:
        place = draw(st.integers(0, len(text)))
        wrong = draw(st.sampled_from(["", " ", "x", "０", "é", "-", "T", "\0", "9", "+"]))
        text = text[:place] + wrong + text[place + draw(st.integers(0, 1)) :]
    return text


@st.composite
def from_twitter(draw):
    return "{} {} {} {}:{}:{} {} {}".format(
        draw(st.sampled_from(["Thu", "thu", "Fri", "Xyz", "Don"])),
        draw(st.sampled_from(["Jun", "Feb", "JUN", "Mai", "Sep"])),
        draw(st.sampled_from(["00", "01", "12", "29", "30", "31", "32", " 1"])),
        draw(st.sampled_from(["00", "08", "23", "24", " 8"])),
        draw(st.sampled_from(["00", "59", "60"])),
        draw(st.sampled_from(["00", "59", "60", "61", "62"])),
        draw(st.sampled_from(["+0000", "-0800", "+2359", "+2400", "+0860", "00000", "+08:0"])),
        draw(st.sampled_from(["0000", "0001", "2014", "2024", "9999", "20 4"])),
    )


others = st.sampled_from(
    ["", " ", "2014年6月12日 08:31", "2014-6-1", "20140612", "2014-W24-4", "2014-06-12T24:00:00",
     "2014-06-12 08:31:00,5", "１４０２５６１８６０", "1402561860.5", "1402531199.9999999",
     " 2014-06-12 ", "2014-06-12T08:31:00.1234567", "1402561860000", "yesterday", "nan",
     "0", "2023-02-29", "\x1f"]
)  # fmt: skip
times = nearly_usual() | from_twitter() | others | st.text(max_size=8)


def one_by_one(values):
    days, errors = [], {}
    for row, value in enumerate(values):
        try:
            time = parse_time(value)
        except PostError as error:
            time = None
            errors[row] = (error.field, error.reason)
        days.append(None if time is None else time.date())
    return days, errors


def together(values):
    days, errors = read_days(pa.array(values, pa.string()))
    return days.tolist(), {row: (error.field, error.reason) for row, error in errors.items()}


@given(st.lists(times, max_size=30))
@example(["2014-06-12", "1402561860", "Thu Jun 12 08:31:00 +0000 2014", "", "x"])
def test_days_are_read_as_each_time_is(values):
    assert together(values) == one_by_one(values)


@given(st.datetimes(datetime(1, 1, 2)), st.integers(-1439, 1439))
def test_every_day_and_zone_is_read(moment, minutes):
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    values = [
        f"{moment:%Y-%m-%d}".zfill(10),
        moment.isoformat(),
        moment.isoformat(" ", "seconds"),
        zoned.isoformat(),
        zoned.isoformat("T", "milliseconds"),
        zoned.strftime("%a %b %d %H:%M:%S %z ") + f"{moment.year:04d}",
    ]
    assert together(values) == one_by_one(values) == ([moment.date()] * 6, {})


def fields_of(form):
    """Give where the numbers of a form stand, with values on both sides of what exists."""
    clock, seconds = ["00", "23", "24", "25"], ["00", "59", "60", "61", "62"]
    if form == timecolumn._TWITTER:
        fields = {0: ["Thu", "Xyz"], 4: ["Jun", "Jux"], 21: clock, 23: seconds}
        fields[26] = ["0000", "0001", "2014", "9999"]
    else:
        fields = {0: ["0000", "0001", "2014", "9999"], 5: ["00", "01", "12", "13"]}
        if "+" in form:
            fields |= {form.index("+") + 1: clock, len(form) - 2: seconds}
    fields |= {8: ["00", "01", "28", "30", "31", "32"], 11: clock, 14: seconds, 17: seconds}
    return {place: values for place, values in fields.items() if place < len(form)}


def written(form, parts):
    for place, part in parts.items():
        form = form[:place] + part + form[place + len(part) :]
    return form.replace("/", "-").replace("_", " ")


@pytest.mark.parametrize("form", [*timecolumn._FORMS, timecolumn._TWITTER])
def test_numbers_that_do_not_exist_are_refused_in_every_form(form):
    fields = fields_of(form)
    usual = {place: values[1] for place, values in fields.items()}
    usual |= {0: "Thu", 4: "Jun"} if form == timecolumn._TWITTER else {}
    values = [written(form, usual)]
    values += [
        written(form, usual | {place: part}) for place, parts in fields.items() for part in parts
    ]
    days, errors = together(values)
    assert (days, errors) == one_by_one(values)
    assert 0 not in errors
    assert errors


def test_every_day_of_a_leap_year_and_the_days_that_are_none():
    values = [
        f"{year}-{month:02d}-{day:02d}"
        for year in (1900, 2000, 2023, 2024)
        for month in range(14)
        for day in range(33)
    ]
    assert together(values) == one_by_one(values)


def test_usual_forms_are_read_without_parse_time(monkeypatch):
    def never(value):
        raise AssertionError(value)

    monkeypatch.setattr(timecolumn, "parse_time", never)
    moment = datetime(2014, 6, 12, 8, 31, 5, 120_000, tzinfo=UTC)
    seconds = [str(int(moment.timestamp())), "140256186"]
    values = [
        form.replace("0000", "2014", 1).replace("00", "06", 1).replace("00", "12", 1)
        for form in timecolumn._FORMS
    ]
    days, errors = read_days(pa.array([*seconds, *values]))
    assert errors == {}
    assert days[0] == np.datetime64("2014-06-12")
    assert set(days[2:].tolist()) == {moment.date()}


def test_twitter_times_are_read_once_for_each_day(monkeypatch):
    read = []
    monkeypatch.setattr(
        timecolumn, "parse_time", lambda cell: read.append(cell) or parse_time(cell)
    )
    values = [f"Thu Jun 12 08:{minute:02d}:00 +0800 2014" for minute in range(60)]
    assert together(values) == one_by_one(values)
    assert len(read) == 1


@pytest.mark.parametrize("rows", [0, 1])
def test_empty_columns(rows):
    days, errors = read_days(pa.array([""] * rows, pa.string()))
    assert np.isnat(days).tolist() == [True] * rows
    assert errors == {}
