# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the router's maps whole. systemd calls it before it starts HAProxy, which does not start without them."""

from __future__ import annotations

import argparse

from ...operations import router_maps
from ...ports import Host
from ..access import Caller
from .output import all_stacks, say


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    readable = {stack.name: stack for stack in all_stacks(host, caller)[0]}
    for name in host.stacks.names():
        for text in router_maps.provide(host, name, readable.get(name)):
            say(f"{name} {text}: this map was missing or damaged, and was made anew")
    return 0
