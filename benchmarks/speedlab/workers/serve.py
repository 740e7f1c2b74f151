"""The worker's side: orders come in as JSON lines, and seconds go out."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

Work = Callable[[str, int], Any]


def serve(prepare: Callable[[], tuple[dict[str, Any], Mapping[str, Work]]]) -> None:
    """Prepare, say what was prepared, and then do each order once and say how long it took.

    Parameters
    ----------
    prepare : callable
        Gives facts for the first reply and the works by name. A work takes the name of a set of
        posts and how many of them; what it gives goes into the reply when it is a dict.
    """
    # Libraries print where they like: standard output is kept for replies alone.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def reply(found: dict[str, Any]) -> None:
        replies.write(json.dumps(found) + "\n")
        replies.flush()

    try:
        facts, works = prepare()
    except Exception as error:  # noqa: BLE001 - whatever a library raises is the answer
        reply({"error": f"{type(error).__name__}: {error}"})
        return
    reply(facts)
    for line in sys.stdin:
        order = json.loads(line)
        try:
            start = time.perf_counter()
            result = works[order["work"]](order["posts"], order["rows"])
            seconds = time.perf_counter() - start
        except Exception as error:  # noqa: BLE001
            reply({"error": f"{type(error).__name__}: {error}"})
        else:
            found = {"result": result} if isinstance(result, dict) else {}
            reply({"seconds": seconds, **found})
