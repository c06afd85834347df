"""Runs the installed engine's command as root and tells which files of somebody's home it opened or changed.

    opened.py HOME OUTPUT -- status --stack shop

OUTPUT gets one line for each: what was done, and the path. Only what this process does with root's rights counts: a
child that gave them up may open what its user may.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

sys.path.insert(0, "/usr/local/lib/onehost")

WATCHED = {
    *("open", "os.listdir", "os.scandir", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink"),
    *("os.chmod", "os.chown", "os.truncate", "os.utime", "shutil.rmtree", "os.walk", "glob.glob", "os.setxattr"),
}


def main(home: str, output: str, words: list[str]) -> int:
    # Before the watch begins: imports are not what is looked for.
    cli = importlib.import_module("release.entrypoints.cli")
    target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in WATCHED or os.geteuid() != 0:
            return
        for argument in arguments[:2]:
            path = os.fsdecode(argument) if isinstance(argument, (str, bytes)) else ""
            if path == home or path.startswith(f"{home}/"):
                os.write(target, f"{event} {path}\n".encode())

    sys.addaudithook(watch)
    return int(cli.main(words))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[4:]))
