"""Limit what messages show of a file: a file that is not data may contain a secret."""

import re
from collections.abc import Sequence

LONGEST = 40
NAME = re.compile(r"[^\W\d](?:[\w .,/()%&+#'-]*[\w.)%#])?")
"""Pattern of a column name."""
TOKEN = re.compile(r"(?=\w*\d)(?=\w*[A-Za-z])[A-Za-z0-9+/]{16,}|[A-Za-z0-9+/]{32,}")
"""Pattern of a generated key or password."""
WORD = re.compile(r"[A-Za-z_ ]{1,24}")


def shown_name(name: str) -> str:
    """The name of a column, or only its length if it does not look like a name."""
    if not name or (len(name) <= LONGEST and NAME.fullmatch(name) and not TOKEN.search(name)):
        return name
    return f"({len(name)} characters)"


def shown_names(names: Sequence[str]) -> list[str]:
    """Column names for a message; a single name may be any line of any file, so show it only if it is plain words."""
    if len(names) == 1 and not WORD.fullmatch(names[0]):
        return [f"({len(names[0])} characters)"]
    return [*map(shown_name, names)]
