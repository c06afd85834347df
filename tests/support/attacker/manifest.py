"""Every file below some directories: kind, mode, owner, and the content's checksum or the link's target, as JSON.

manifest.py SKIPPED,NAMES DIRECTORY ...
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import sys
from pathlib import Path


def told(path: str) -> str:
    known = os.lstat(path)
    kind = stat.filemode(known.st_mode)
    content = ""
    if stat.S_ISLNK(known.st_mode):
        content = str(Path(path).readlink())
    elif stat.S_ISREG(known.st_mode):
        content = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
    return f"{kind} {known.st_uid}:{known.st_gid} {content}"


def manifest(skipped: set[str], directories: list[str]) -> dict[str, str]:
    found = {}
    for directory in directories:
        for place, names, files in os.walk(directory):
            names[:] = [name for name in names if name not in skipped]
            for path in (place, *(str(Path(place, name)) for name in (*names, *files) if name not in skipped)):
                # Something may have gone since it was listed.
                with contextlib.suppress(FileNotFoundError):
                    found[path] = told(path)
    return found


if __name__ == "__main__":
    print(json.dumps(manifest(set(sys.argv[1].split(",")), sys.argv[2:])))
