# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-commands of `onehost`, one module each: `run(host, options, caller)` returns the exit code.

`entrypoints/cli.py` imports the one that was typed, so that `status` does not load what a promote needs.
"""

from __future__ import annotations
