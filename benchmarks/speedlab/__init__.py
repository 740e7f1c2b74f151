"""What ``benchmarks/speed.py`` is made of; see ``benchmarks/README.md``.

- `posts`: the posts that everything is measured on, and their files;
- `machine`, `processes`: what the figures hold for, and how programs are run and watched;
- `own`, `plain`, `peers`, `workers`: who is timed, each in a process of its own;
- `timing`, `measures`, `kernels`, `startup`, `stages`, `instructions`: what is measured of them;
- `progress`: how far a run is;
- `goals`, `writeup`, `markdown`, `pictures`: goals, page and plots from the JSON alone.
"""
