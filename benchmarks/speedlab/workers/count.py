"""Do one piece of our own work on so many posts, for a counter of instructions to watch.

python -m speedlab.workers.count FOLDER CACHE WORK ROWS
"""

from __future__ import annotations

import sys
from pathlib import Path

from speedlab.own import Own


def main() -> None:
    """Prepare, and do it once."""
    folder, cache, work, rows = sys.argv[1:]
    own = Own(Path(folder), Path(cache))
    own.prepare_folded("counted", int(rows))
    own.works()[work]("counted", int(rows))


if __name__ == "__main__":
    main()
