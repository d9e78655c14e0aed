"""A Chromium for tests of pages, and what a test of any page needs.

Tests of pages are skipped where no Chromium is installed; `make browser` installs one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
HOSTILE = "<img src=http://evil.test/x onerror=document.title='owned'>"


def browser() -> str | None:
    """The path of a Chromium of the system or of Playwright; None if there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found:
        return found
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache/ms-playwright")
    return next((str(path) for name in ("chrome", "headless_shell", "chrome-headless-shell")
                 for path in sorted(cache.glob(f"chromium*/*/{name}"))), None)  # fmt: skip


@contextmanager
def opened_browser(profile: Path) -> Iterator[BrowserContext]:
    """A browser with an empty profile, and one page."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=browser(), headless=True, args=QUIET
        )
        yield context
        context.close()
