"""A person who types at a terminal while a command runs there.

    at_terminal.py TEXT -- COMMAND ...

Types the text with a line end twice a second until the command ends. Prints all that appeared on the terminal.
"""

from __future__ import annotations

import contextlib
import os
import pty
import select
import sys
import time

MOST_SECONDS = 80.0


def main(text: str, command: list[str]) -> int:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    shown, end, next_line = b"", time.monotonic() + MOST_SECONDS, 0.0
    while time.monotonic() < end:
        if time.monotonic() > next_line:
            with contextlib.suppress(OSError):
                os.write(terminal, text.encode() + b"\n")
            next_line = time.monotonic() + 0.5
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                break
            shown += data
    sys.stdout.buffer.write(shown)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[3:]))
