"""Find the sections of a docstring in numpydoc or Google style."""

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
"""Headings of each label."""
LABEL = {heading: label for label, headings in SECTIONS.items() for heading in headings}
HEADING = re.compile(
    rf"^[ \t]*({'|'.join(map(re.escape, LABEL))})(?:[ \t]*\n[ \t]*-{{3,}}[ \t]*|[ \t]*::?[ \t]*)$", re.MULTILINE
)
"""A heading underlined (numpydoc), or followed by a colon (Google)."""


def parted_docstring(text: str) -> tuple[str, tuple[str, ...]]:
    """Remove the section headings; return the text and the labels of its sections, in the order of `SECTIONS`."""
    found = {LABEL[heading] for heading in HEADING.findall(text)}
    return HEADING.sub("", text), tuple(label for label in SECTIONS if label in found)
