"""Measure everything and write the tables of docs/benchmarks.md.

Each section of the page is the output of one script. Needs the 20 Newsgroups corpus in scikit-learn's cache. The
comparisons with fastText need the variable FASTTEXT_PYTHON, the path of a Python with fasttext (docs/benchmarks.md).
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
    "optimizers": ("optimizers.py",),
    "breakdown": ("breakdown.py",),
    "vectorizers": ("vectorizers.py",),
    "prediction": ("prediction.py",),
    "serving": ("serving.py",),
    "streams": ("streams.py",),
    "compiling": ("compiling.py",),
    "growth": ("growth.py",),
    "startup": ("startup.py",),
    "plugins": ("plugins.py",),
    "machine": ("measuring.py",),
}
IN_PAIRS = {"compare.py", "vectorizers.py", "prediction.py", "startup.py", "plugins.py"}
"""Sections that measure alternately, with the number of turns in `--pairs`."""


def write_section(name: str, content: str, page: Path | None = None) -> None:
    """Replace the text between `<!-- name -->` and `<!-- end -->` in a page, by default docs/benchmarks.md."""
    page = page or PAGE
    text, found = re.subn(
        rf"(<!-- {name} -->\n).*?(<!-- end -->)",
        lambda marks: f"{marks[1]}{content.strip()}\n{marks[2]}",
        page.read_text(),
        flags=re.DOTALL,
    )
    if not found:
        sys.exit(f"{page}: has no markers for '{name}'")
    page.write_text(text)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)}; by default all")
    parser.add_argument("--pairs", type=int, help="number of turns of alternating measurements; default 5")
    given = parser.parse_args()
    if unknown := [name for name in given.sections if name not in SECTIONS]:
        parser.error(f"unknown section {', '.join(unknown)}; the sections are {', '.join(SECTIONS)}")
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
