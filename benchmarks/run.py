"""Measure everything and write the tables of docs/benchmarks.md.

Each section of the page is what one script prints. Needs the 20 Newsgroups corpus in scikit-learn's cache, and for
the comparisons with fastText the variable FASTTEXT_PYTHON: a Python that has it (docs/benchmarks.md says how).
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from measuring import ROOT, arguments

HERE = Path(__file__).resolve().parent
PAGE = ROOT / "docs" / "benchmarks.md"
SECTIONS: dict[str, tuple[str, ...]] = {
    "article": ("compare.py", "article"),
    "three-groups": ("compare.py", "three-groups"),
    "twenty-groups": ("compare.py", "twenty-groups"),
    "mlp": ("compare.py", "mlp"),
    "recipes": ("recipes.py",),
    "seeds": ("recipes.py", "newsgroups.yaml", "--seeds", "20", "--each"),
    "breakdown": ("breakdown.py",),
    "vectorizers": ("vectorizers.py",),
    "prediction": ("prediction.py",),
    "streams": ("streams.py",),
    "growth": ("growth.py",),
    "startup": ("startup.py",),
    "plugins": ("plugins.py",),
    "machine": ("measuring.py",),
}
IN_PAIRS = {"compare.py", "vectorizers.py", "prediction.py", "startup.py", "plugins.py"}
"""Those that measure in turns, whose number `--pairs` sets."""


def write_section(name: str, content: str, page: Path | None = None) -> None:
    """Replace what is between `<!-- name -->` and `<!-- end -->` in a page; by default the benchmarks' page."""
    page = page or PAGE
    text, found = re.subn(
        rf"(<!-- {name} -->\n).*?(<!-- end -->)",
        lambda marks: f"{marks[1]}{content.strip()}\n{marks[2]}",
        page.read_text(),
        flags=re.DOTALL,
    )
    if not found:
        sys.exit(f"{page}: has no marks for '{name}'")
    page.write_text(text)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)}; by default all")
    parser.add_argument("--pairs", type=int, help="how often, where things are measured in turns; 5 is the rule")
    given = parser.parse_args()
    if unknown := [name for name in given.sections if name not in SECTIONS]:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    for name in given.sections or SECTIONS:
        script, *rest = SECTIONS[name]
        print(f"--- {name}", file=sys.stderr, flush=True)
        if given.pairs is not None and script in IN_PAIRS:
            rest += ["--pairs", str(given.pairs)]
        done = subprocess.run(
            [sys.executable, str(HERE / script), *rest], check=True, stdout=subprocess.PIPE, text=True
        )
        write_section(name, done.stdout)
        print(done.stdout)


if __name__ == "__main__":
    main()
