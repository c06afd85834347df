# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotating the key pair for tokens, with a grace period for the previous public key.

Running containers keep the files they were started with, so the new pair goes live with the next deploy or promote,
for all apps of an environment at once. The end of the grace period works differently: it overwrites the previous
public key in place, which running containers do see. `key_grace_period` decides when.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from typing import TypedDict, cast

from ..errors import OperationError, Problem, RefusedError
from ..hints import hint
from ..releases.compose import PREVIOUS_KEY, PRIVATE_KEY, PUBLIC_KEY
from ..util.files import read, write_atomically, write_in_place

NOTE = "rotation.json"


class RotationNote(TypedDict, total=False):
    """rotation.json beside the keys. `since` and `until` bound the grace period, in seconds since the epoch.

    `half` is present while the new pair is incomplete, `ended` once the grace period is over.
    """

    since: float
    until: float
    half: bool
    ended: float


OPENSSL_SECONDS = 120


#: Runs openssl with these arguments and this input, and returns its output.
Openssl = Callable[[list[str], bytes], bytes]


def openssl(arguments: list[str], data: bytes) -> bytes:
    """Keys pass through pipes only, so they never appear in argv or in a file with the wrong mode."""
    done = subprocess.run(
        ["openssl", *arguments], input=data, capture_output=True, timeout=OPENSSL_SECONDS, check=False
    )
    if done.returncode or not done.stdout:
        raise OperationError("openssl failed", f"openssl {arguments[0]}", done.stderr.decode(errors="replace")[-300:])
    return done.stdout


def new_pair(run: Openssl = openssl) -> tuple[bytes, bytes]:
    private = run(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], b"")
    return private, run(["pkey", "-pubout"], private)


def last(directory: str) -> RotationNote | None:
    """The last rotation: `since`, `until`, `ended` once its grace period is over, `half` if it was interrupted."""
    try:
        note = json.loads(read(os.path.join(directory, NOTE)) or b"null")
    except (OSError, ValueError):
        return None
    return (
        cast(RotationNote, note)
        if isinstance(note, dict) and all(isinstance(note.get(key), (int, float)) for key in ("since", "until"))
        else None
    )


def pending(directory: str) -> RotationNote | None:
    """The rotation whose grace period has not ended yet."""
    note = last(directory)
    return None if note is None or "ended" in note else note


def check(directory: str) -> None:
    """Raises RefusedError while the grace period of another rotation is running."""
    known = pending(directory)
    if known is not None and not known.get("half"):
        what = "a rotation is in progress: the previous public key is still valid"
        raise RefusedError([Problem(what, directory, hint("rotate_jwt", state="finished"))])


def rotate(directory: str, user: int, now: float, grace_seconds: float, run: Openssl = openssl) -> RotationNote:
    """Put a new pair in place. Completes a rotation that was killed half-way."""

    def path(name: str) -> str:
        return os.path.join(directory, name)

    check(directory)
    public = _read(path(PUBLIC_KEY))
    if pending(directory) is None:
        write_atomically(path(PREVIOUS_KEY), public, 0o644)
    note: RotationNote = {"since": now, "until": now + grace_seconds, "half": True}
    _note(directory, note)
    private, new_public = new_pair(run)
    write_atomically(path(PRIVATE_KEY), private, 0o600, user)
    write_atomically(path(PUBLIC_KEY), new_public, 0o644)
    note = {"since": now, "until": now + grace_seconds}
    _note(directory, note)
    return note


def finish(directory: str, now: float) -> bool:
    """End the grace period: from now on only the new public key is valid. Returns False if none was running."""
    note = pending(directory)
    if note is None:
        return False
    if note.get("half"):
        raise RefusedError(
            [
                Problem(
                    "the rotation was interrupted before the new key pair was complete", directory, hint("rotate_jwt")
                )
            ]
        )
    # In place, not by a rename: running containers have this very file mounted.
    write_in_place(os.path.join(directory, PREVIOUS_KEY), _read(os.path.join(directory, PUBLIC_KEY)), 0o644)
    _note(directory, {**note, "ended": now})
    return True


def _note(directory: str, note: RotationNote) -> None:
    write_atomically(os.path.join(directory, NOTE), (json.dumps(note) + "\n").encode(), 0o644)


def _read(path: str) -> bytes:
    data = read(path)
    if data is None:
        raise RefusedError([Problem("key file is missing", path, hint("provision"))])
    return data
