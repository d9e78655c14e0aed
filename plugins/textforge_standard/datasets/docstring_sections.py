"""The sections of a docstring, in numpydoc's and in Google's style."""

import re

SECTIONS = {
    "parameters": ("Parameters", "Args", "Arguments", "Keyword args", "Keyword Args", "Keyword Arguments"),
    "attributes": ("Attributes",),
    "returns": ("Returns", "Return", "Yields"),
    "raises": ("Raises",),
    "see also": ("See Also", "See also"),
    "notes": ("Notes", "Note"),
    "references": ("References",),
    "examples": ("Examples", "Example"),
}
"""Label to the headings that stand for it."""
LABEL = {heading: label for label, headings in SECTIONS.items() for heading in headings}
HEADING = re.compile(
    rf"^[ \t]*({'|'.join(map(re.escape, LABEL))})(?:[ \t]*\n[ \t]*-{{3,}}[ \t]*|[ \t]*::?[ \t]*)$", re.MULTILINE
)
"""A heading underlined (numpydoc), or followed by a colon (Google)."""


def parted_docstring(text: str) -> tuple[str, tuple[str, ...]]:
    """The text without the headings of its sections, and the sections that it has, in the order of `SECTIONS`."""
    found = {LABEL[heading] for heading in HEADING.findall(text)}
    return HEADING.sub("", text), tuple(label for label in SECTIONS if label in found)
