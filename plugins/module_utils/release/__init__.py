# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The release engine: plain Python 3.10+, standard library only, no Ansible inside.

Pure: `stack`, `fields`, `compose`, `env_file`, `release`, `history`, `plan`, `gates`, `cleanup`, `text`.
Touching the host, each behind a protocol of `seam`: `docker`, `switch`, `git`, `probe`, `store`, `lock`, `journal`,
`disk`.
Joining both: `road` (the steps of every release), `deploy`, `promote`, `rollback`, `recover`, `status`, `room`.
"""

from __future__ import annotations
