"""Lets ``python -m postrisk`` run the command line."""

from postrisk.cli import main

if __name__ == "__main__":
    main()
