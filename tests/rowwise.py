"""The way of a table row by row: what files in blocks and columns must equal to the byte."""

from __future__ import annotations

import csv
import io
from collections import Counter

from postrisk.columns import Columns
from postrisk.rows import Lines, Rejected, open_table, read_header
from postrisk.tables import added_columns, read_posts


def added_values(assessment):
    """Give the values for `added_columns`."""
    return [
        assessment.language,
        *assessment.scores.values(),
        *(band.value for band in assessment.bands.values()),
        assessment.reach.outcome.value,
        assessment.recommendation.value,
        assessment.reason,
    ]


def score_by_rows(scorer, source, encoding=None, delimiter=None):
    """Score a file and give the bytes of the output, rejected rows and counts."""
    counts = Counter()
    with open_table(source, encoding) as (file, chosen, _):
        lines = Lines(file)
        header, separator = read_header(lines, source, delimiter)
        out, aside = io.StringIO(), io.StringIO()
        write, reject = csv.writer(out).writerow, csv.writer(aside).writerow
        write([*header, *added_columns(header, scorer.model.categories)])
        rows = [out.getvalue()]
        for item in read_posts(lines, Columns(header), separator, max_chars=scorer.max_chars):
            if isinstance(item, Rejected):
                counts["rejected"] += 1
                reject((item.line, item.column, item.value, item.reason, item.row))
                continue
            row, post = item
            found = scorer.score_one(post)
            cells = [v if isinstance(v, str) else f"{v:.6f}" for v in added_values(found)]
            out.seek(0)
            out.truncate()
            write([*row, *cells])
            rows.append(out.getvalue())
            counts["scored"] += 1
            counts.update((name, band.value) for name, band in found.bands.items())
            counts[found.reach.outcome.value, ""] += 1
            counts[found.recommendation.value, "look"] += 1
    written = "".join(f"{row[:-2]}\n" for row in rows)
    mark = "utf-8-sig" if chosen == "utf-8-sig" else "utf-8"
    kept = aside.getvalue().encode("utf-8", "backslashreplace")
    if kept:
        kept = b"line,column,value,reason,row\r\n" + kept
    return written.encode(mark), kept, counts
