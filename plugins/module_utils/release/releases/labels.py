# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How containers and images are labelled."""

from __future__ import annotations

LABEL = "release.onehost"
#: Which of the equal containers of its app a container is; the first has no such label, as before there were others.
REPLICA = f"{LABEL}.replica"
