# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How programs run that copy and check data, so that what serves people is served first.

`nice` weighs programs within one control group, and each service of systemd has its own: a backup in a session takes as
much of a processor as the cluster that answers the apps. So such programs have a slice with a small share.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

#: What of it a slice weighs is in roles/release_engine/templates/onehost.slice.j2.
SLICE = "onehost.slice"
#: A scope is not ended with the service or the session that it comes from, so its program ends with the engine.
LEASH = ("setpriv", "--pdeathsig", "TERM")
#: Within that slice, and where systemd runs nothing.
LOW = ("nice", "-n", "10", "ionice", "-c", "3")
#: For what writes a copy that is thrown away: `fsync` returns at once. A gigabyte that is synced keeps the commits of
#: production waiting that are in the same journal of the file system. Where the library is missing, it is ignored.
UNSYNCED = ("env", "LD_PRELOAD=libeatmydata.so")
#: Where systemd is what runs the host, sd_booted(3).
BOOTED = "/run/systemd/system"


def gently(words: Sequence[str]) -> list[str]:
    """The command that runs this one behind all others. It stays the child of who starts it, and ends with it."""
    apart = ["systemd-run", "--scope", "--quiet", "--collect", f"--slice={SLICE}", "--"]
    return [*(apart if os.path.isdir(BOOTED) else []), *LEASH, *LOW, *words]
