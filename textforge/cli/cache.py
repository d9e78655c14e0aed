"""`textforge cache`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from textforge.cli import options

if TYPE_CHECKING:
    from textforge.data.cache import CacheEntry

HOURS = {"h": 1, "d": 24, "w": 7 * 24}


class Age(click.ParamType[float]):
    """A time such as 12h, 30d or 8w, in seconds."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = re.fullmatch(r"(\d+)([hdw])", str(value))
        if not found:
            self.fail(f"'{value}' is no age. Write hours, days or weeks, as in 12h, 30d or 8w.", param, ctx)
        return int(found[1]) * HOURS[found[2]] * 3600.0


@click.group("cache", invoke_without_command=True)
@options.as_json
@options.debug
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Show what textforge has computed once and kept, or delete it.

    The cache is the folder in TEXTFORGE_CACHE, else 'textforge' in the cache folder of the user. If it exceeds
    TEXTFORGE_CACHE_SIZE ('500 MB', 'unlimited'; 20 GB by default), the entries that have not been used for the
    longest time are deleted. Everything in it can be computed again.
    """
    from textforge.cli.output import results, write_json

    if context.invoked_subcommand is not None:
        return
    found = described()
    with results() as stdout:
        write_json(stdout, found) if as_json else stdout.write(_text(found))


@command.command("clear")
@click.argument("kind", required=False)
@click.option("--older-than", metavar="AGE", type=Age(), help="Delete only what was not used for AGE: 12h, 30d, 8w.")
@options.as_json
@options.debug
def clear(kind: str | None, older_than: float | None, as_json: bool) -> None:
    """Delete the entries of the cache, or those of one KIND. Those that a process uses stay."""
    from textforge.cli.messages import write_message
    from textforge.cli.output import results, write_json
    from textforge.data.cache import cache_folder, cache_kinds, clear_cache
    from textforge.errors import RecipeError, did_you_mean, listed, shown_line

    kinds = cache_kinds()
    if kind is not None and kinds and kind not in kinds:
        raise RecipeError(f"the cache has no kind '{kind}'. Its kinds: {listed(kinds)}.{did_you_mean(kind, kinds)}")
    kept, count, freed = clear_cache(kind, unused_for=older_than or 0.0)
    if kept:
        stay = "entry stays because it is" if len(kept) == 1 else "entries stay because they are"
        write_message(f"warning: {len(kept):,} {stay} in use or cannot be deleted, such as {kept[0].path}.")
    with results() as stdout:
        if as_json:
            stays = [str(entry.path) for entry in kept]
            write_json(stdout, {"path": str(cache_folder()), "deleted": count, "size": freed, "kept": stays})
        else:
            what = f"{count:,} {'entry' if count == 1 else 'entries'}"
            stdout.write(f"deleted {what}, {_size(freed)}, from {shown_line(str(cache_folder()))}\n")


def described() -> dict[str, Any]:
    """Describe the cache as JSON values, sizes in bytes, the entries of each kind from the latest use on."""
    from textforge.data.cache import cache_entries, cache_folder, cache_limit, left_in_cache, size

    kinds = []
    for kind, entries in cache_entries().items():
        latest = [_entry(entry) for entry in sorted(entries, key=lambda entry: -entry.last_use)]
        n_bytes = sum(one["size"] for one in latest)
        about = {"kind": kind, "path": str(cache_folder() / kind), "size": n_bytes}
        kinds.append({**about, "last_use": latest[0]["last_use"], "entries": latest})
    left = left_in_cache()
    return {
        "path": str(cache_folder()),
        "size": sum(kind["size"] for kind in kinds),
        "limit": cache_limit(),
        "kinds": kinds,
        "unfinished": {"files": len(left), "size": sum(map(size, left))},
    }


def _entry(entry: CacheEntry) -> dict[str, Any]:
    used = datetime.fromtimestamp(entry.last_use, UTC).isoformat(timespec="seconds")
    return {"path": str(entry.path), "size": entry.n_bytes, "last_use": used}


def _text(found: dict[str, Any]) -> str:
    """Format the description for reading."""
    from textforge.cli.output import table
    from textforge.errors import shown_line

    limit = "without a limit" if found["limit"] is None else f"of at most {_size(found['limit'])}"
    parts = [f"{shown_line(found['path'])}: {_size(found['size'])} {limit}"]
    if rows := [(kind["kind"], shown_line(kind["path"]), str(len(kind["entries"])), _size(kind["size"]),
                 _local(kind["last_use"])) for kind in found["kinds"]]:  # fmt: skip
        parts.append(table(("kind", "path", "entries", "size", "last use"), rows, left=2))
    if left := found["unfinished"]["files"]:
        parts.append(
            f"{left:,} unfinished file{'s' * (left != 1)} of ended processes, {_size(found['unfinished']['size'])}; "
            "the next process that writes to the cache deletes them"
        )
    return "\n\n".join(parts) + "\n"


def _local(time: str) -> str:
    return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M")


def _size(n_bytes: int) -> str:
    """Format a size with three digits: `1.23 GB`."""
    size, unit = float(n_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    return f"{size:.3g} {unit}"
