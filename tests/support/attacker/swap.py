"""Exchanges names in a directory with links to somewhere else, again and again at random moments, for a bounded time.

    swap.py SECONDS TARGET NAME ...

Each name is now what it was, now a link to TARGET or to a file below it. In the end all are what they were.
"""

from __future__ import annotations

import contextlib
import random
import sys
import time
from pathlib import Path

MOST_SECONDS = 300.0


def main(seconds: float, target: str, names: list[Path]) -> int:
    choose = random.Random(20260115)
    end = time.monotonic() + min(seconds, MOST_SECONDS)
    turns = 0
    try:
        while time.monotonic() < end:
            name = choose.choice(names)
            with contextlib.suppress(OSError):
                name.rename(away(name))
                name.symlink_to(target)
                turns += 1
                # A random moment is the attack: root may come by before, in or after it.
                time.sleep(choose.uniform(0, 0.01))
            give_back(name)
            time.sleep(choose.uniform(0, 0.005))
    finally:
        for name in names:
            give_back(name)
    print(turns)
    return 0


def away(name: Path) -> Path:
    return name.with_name(f"{name.name}.away")


def give_back(name: Path) -> None:
    """Put the thing itself in the place of the link, or of what was made there meanwhile."""
    with contextlib.suppress(OSError):
        away(name).lstat()
        if name.is_symlink():
            name.unlink()
        elif name.exists():
            name.rename(name.with_name(f"{name.name}.{time.monotonic_ns()}"))
        away(name).rename(name)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2], [Path(name) for name in sys.argv[3:]]))
