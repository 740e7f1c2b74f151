"""Score a CSV file in this process and say, as JSON, in which functions its CPU time went.

    python sample.py SOURCE TARGET

A timer interrupts the program every millisecond of CPU time. The time since the last interrupt
goes to the innermost function of postrisk on the stack, with whatever it called outside the
package: numpy, pyarrow, pydantic. Unlike a tracing profiler it costs the same for a program of
many small calls as for one of few large ones.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from operator import itemgetter
from pathlib import Path
from types import FrameType

import postrisk
from postrisk.tables import score_table

_INTERVAL = 0.001
# The one door to the compiled kernel: who goes through it tells what for.
_PASS_ON = {("native", "_call")}
_PACKAGE = Path(postrisk.__file__).parent


class Sampler:
    """Counts CPU seconds by module and function of postrisk."""

    def __init__(self) -> None:
        self.seconds: dict[tuple[str, str], float] = {}
        self._last = 0.0

    def start(self) -> None:
        """Begin with the time that passes from here on."""
        self._last = time.process_time()
        signal.signal(signal.SIGPROF, self._add)
        signal.setitimer(signal.ITIMER_PROF, _INTERVAL, _INTERVAL)

    def stop(self) -> None:
        """End; the time since the last interrupt is left out."""
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _add(self, _signal: int, frame: FrameType | None) -> None:
        now = time.process_time()
        place = _place(frame)
        self.seconds[place] = self.seconds.get(place, 0.0) + now - self._last
        self._last = now


def _place(frame: FrameType | None) -> tuple[str, str]:
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_PACKAGE):
            module = ".".join(path.relative_to(_PACKAGE).with_suffix("").parts)
            if (module, frame.f_code.co_name) not in _PASS_ON:
                return module, frame.f_code.co_name
        frame = frame.f_back
    return "", ""


def main() -> None:
    """Score once to warm up and once under the sampler."""
    source, target = sys.argv[1:]
    scorer = postrisk.Scorer()
    score_table(scorer, source, target)  # on one core, so that no thread works unseen
    sampler = Sampler()
    sampler.start()
    score_table(scorer, source, target)
    sampler.stop()
    ranked = sorted(sampler.seconds.items(), key=itemgetter(1), reverse=True)
    found = [[*place, seconds] for place, seconds in ranked]
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
