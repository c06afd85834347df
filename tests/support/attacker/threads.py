"""As many threads as this container may have, 3,000 at most. Prints how many there were."""

from __future__ import annotations

import threading

MOST = 3000


def main() -> int:
    done = threading.Event()
    made = 0
    try:
        while made < MOST:
            threading.Thread(target=done.wait, args=(20,), daemon=True).start()
            made += 1
    except RuntimeError:
        return made
    finally:
        done.set()
    return made


if __name__ == "__main__":
    print(main())
