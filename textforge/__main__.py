"""`textforge`, and `python -m textforge`."""

import os


def main() -> None:
    """The console script. An interrupt while the command line is being imported ends with 130, too."""
    try:
        from textforge.cli import main as run
    except KeyboardInterrupt:
        os._exit(130)
    run()


if __name__ == "__main__":
    main()
