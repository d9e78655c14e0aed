"""What messages show of a file's content: a file that is no data may hold a secret."""

import re
from collections.abc import Sequence

LONGEST = 40
NAME = re.compile(r"[^\W\d](?:[\w .,/()%&+#'-]*[\w.)%#])?")
"""What the name of a column looks like."""
TOKEN = re.compile(r"(?=\w*\d)(?=\w*[A-Za-z])[A-Za-z0-9+/]{16,}|[A-Za-z0-9+/]{32,}")
"""What a key or a password made by a machine looks like."""
WORD = re.compile(r"[A-Za-z_ ]{1,24}")


def shown_name(name: str) -> str:
    """A column's name, or how long it is where it does not look like a name."""
    if not name or (len(name) <= LONGEST and NAME.fullmatch(name) and not TOKEN.search(name)):
        return name
    return f"({len(name)} characters)"


def shown_names(names: Sequence[str]) -> list[str]:
    """The names of columns; a single one, which may be any line of any file, only where it is plain words."""
    if len(names) == 1 and not WORD.fullmatch(names[0]):
        return [f"({len(names[0])} characters)"]
    return [*map(shown_name, names)]
