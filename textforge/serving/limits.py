"""Limits of a server: how much it holds, how long it waits."""

from __future__ import annotations

from dataclasses import dataclass, fields

from textforge.errors import RecipeError

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """What bounds the memory and the time of a server. Sizes are in bytes, times in seconds.

    Raises:
        RecipeError: a limit is not a number above 0; `max_wait` may be 0.
    """

    max_batch: int = 64
    """Most texts that are computed together."""
    max_wait: float = 0.0
    """Longest wait for more texts when a batch has ended and fewer than `max_batch` wait. An idle one never waits."""
    queue: int = 2048
    """Most texts that may wait; further requests get 503."""
    max_body: int = 8 * MIB
    """Largest body of a request, and longest line of a stream of lines."""
    max_bodies: int = 128 * MIB
    """Most bytes that the bodies of all requests may hold together; further requests get 503."""
    max_table: int = 512 * MIB
    """Largest table; it is stored in a temporary file while it is answered."""
    tables: int = 2
    """Most tables that are answered at the same time; further ones get 503."""
    body_timeout: float = 20.0
    """Longest time for a body to arrive, and, in a stream, for the next bytes of it, or for answers to be taken."""
    header_timeout: float = 10.0
    """Longest time for the head of a request to arrive."""
    compute_timeout: float = 30.0
    """Longest time from accepting texts to their answer; then the request gets 503."""
    keep_alive: float = 60.0
    """How long a connection without requests stays open."""
    connections: int = 1000
    """Most open connections; further ones get 503."""
    explain_queue: int = 32
    """Most requests for explanations that may wait."""
    explain_characters: int = 20_000
    """Longest text to explain, in characters."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0 or value != value:
                raise RecipeError(f"{field.name} must be a number above 0, not {value!r}.")
            if not value and field.name != "max_wait":
                raise RecipeError(f"{field.name} must be above 0.")
