"""A URL in an option that may lead to a local file."""

from __future__ import annotations

from pathlib import Path

SCHEME = "sqlite:///"


class FileUrl(str):
    """A URL that names a local file by a path, such as `sqlite:///reviews.db`.

    Annotate an option with `Annotated[str, AfterValidator(FileUrl)]`. The path is then relative to the recipe, as that
    of a `Path` option is, and must exist. A URL with another scheme stays as it is.
    """

    __slots__ = ()

    @property
    def path(self) -> Path | None:
        """The path of the file; None for a URL that names no local file."""
        return Path(self.removeprefix(SCHEME)) if self.startswith(SCHEME) else None

    def at(self, path: Path) -> FileUrl:
        """The URL of the same kind of file at another path."""
        return FileUrl(f"{SCHEME}{path}")
