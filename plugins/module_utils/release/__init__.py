# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The release engine: plain Python 3.10+, standard library only, no Ansible inside.

The packages are layers; docs/architecture.md says what each may import.
"""

from __future__ import annotations
