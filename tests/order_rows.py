"""Rows of orders, whose price decides the label."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any


def orders(n: int = 120) -> Iterator[dict[str, Any]]:
    """Orders as a CSV file has them; some lack a price, a country or a title."""
    draw = random.Random(0)
    for number in range(n):
        price = draw.choice([draw.uniform(0, 40), draw.uniform(60, 100)])
        yield {
            "id": number, "text": draw.choice(["please send it", "a parcel for you", "send the parcel"]),
            "label": "dear" if price > 50 else "cheap", "price": f"{price:.2f}" if number % 20 else "",
            "country": draw.choice(["US", "DE", ""]), "title": draw.choice(["gift", "order form", ""]),
        }  # fmt: skip
