"""Measure how fast postrisk is on this machine, beside its peers and a plain C loop.

    python benchmarks/speed.py                      # some quarter of an hour
    python benchmarks/speed.py --largest 10000000   # the curve to ten million rows
    python benchmarks/speed.py --quick              # a minute, no network, not worth quoting

Writes ``speed.json``, ``speed.md``, ``rates.png`` and ``scaling.png`` to ``benchmarks/results``.
What is measured and how stands in ``benchmarks/README.md``.
"""

from speedlab.program import main

if __name__ == "__main__":
    main()
