"""Kill runs at random moments, take from others what they have not synced, and continue all of them.

The same as the sections `kills` and `power` of reliability.py; writes their tables to docs/reliability.md.
"""

from __future__ import annotations

from reliability import main

if __name__ == "__main__":
    main(("kills", "power"), __doc__)
