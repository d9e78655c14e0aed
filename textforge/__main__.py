"""`python -m textforge`."""

from textforge.cli import main

main()
