"""The sections of a docstring become its labels, and their headings leave it."""

import pytest

from textforge_standard.datasets.docstring_sections import parted_docstring

NUMPYDOC = """Add two numbers.

Parameters
----------
a, b : float
    What to add.

Returns
-------
float
    Their sum.

Examples
--------
>>> add(1, 2)
3
"""
GOOGLE = """Add two numbers.

Args:
    a: one.
Returns:
    Their sum.
Example::

    >>> add(1, 2)
"""


@pytest.mark.parametrize("text", [NUMPYDOC, GOOGLE])
def test_headings_are_taken_out_and_named(text):
    rest, sections = parted_docstring(text)
    assert sections == ("parameters", "returns", "examples")
    assert not any(word in rest for word in ("Parameters", "Args", "Returns", "Example", "---"))
    assert all(word in rest for word in ("Add two numbers.", "Their sum.", ">>> add(1, 2)"))


def test_a_text_without_headings_has_no_label_and_stays_as_it_is():
    text = "Returns: the sum.\nParameters are numbers.\nExamples\nfollow."
    assert parted_docstring(text) == (text, ())


def test_real_docstrings_have_several_labels_each():
    from textforge_standard.datasets.docstrings import docstrings

    data = docstrings(0, packages=["numpy", "sklearn"], per_package=80, labels="sections")
    assert data.multi_label
    labels = data.labels()
    assert {"parameters", "returns", "examples"} <= set(labels)
    assert max(map(len, data.train[1])) > 2
    assert len(set(data.groups)) < len(data.train[0]), "several docstrings a file"
