"""`textforge`, and `python -m textforge`."""

import os


def main() -> None:
    """The console script. Also an interrupt while the command line itself is imported ends with 130."""
    try:
        from textforge.cli import main as run
    except KeyboardInterrupt:
        os._exit(130)
    run()


if __name__ == "__main__":
    main()
