# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of HAProxy for apps that have several containers in a slot.

Each backend has a second one beside it, with a server for each replica that there can be. All of these are disabled, so
an app with one container costs nothing; the map of ports says which apps go there. Their state is written to a file in
HAProxy's own format, from which a restarted HAProxy takes it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from ..releases.reach import Reach
from ..stack.model import EnvironmentName, Slot
from ..stack.replicas import MOST_REPLICAS, address

#: What follows the name of an app's usual backend.
SUFFIX = ":replicas"
#: The first version of the format: every HAProxy since 1.6 reads it. Without this head it warns of the file.
HEAD = (
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state "
    "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord\n"
)
#: What a row says of a server that is disabled in the configuration, and was enabled since.
ENABLED = "2 4 1 1 0 15 3 2 6 0 0 0 - 0 -"
Slots = Mapping[Slot, Mapping[str, Reach]]


def backend(stack: str, environment: EnvironmentName, app: str, slot: Slot) -> str:
    return f"{stack}-{environment}-{app}-{slot}{SUFFIX}"


def server(number: int) -> str:
    return f"app-{number}"


def many(slots: Slots) -> dict[tuple[Slot, str], int]:
    """The apps that the router sends to several containers, with their number."""
    return {
        (slot, app): at.replicas
        for slot, apps in slots.items()
        for app, at in sorted(apps.items())
        if at.replicas > 1 and not at.held
    }


def states(stack: str, environment: EnvironmentName, slots: Slots) -> str:
    """The file of states: these servers were enabled. The others stay as they are configured."""
    rows = [
        f"1 {backend(stack, environment, app, slot)} {number} {server(number)} {address(number)} {ENABLED}\n"
        for (slot, app), count in many(slots).items()
        for number in range(1, count + 1)
    ]
    return HEAD + "".join(rows)


def commands(stack: str, environment: EnvironmentName, slots: Slots, before: str) -> list[str]:
    """What makes HAProxy use these servers, and no others of the same backends, nor of those that the file of `before`
    names. One that is disabled gets no new request and is not asked for its health; the requests that it has go on."""
    counts = {backend(stack, environment, app, slot): count for (slot, app), count in many(slots).items()}
    names = dict.fromkeys([*counts, *(row.split()[1] for row in before.splitlines()[2:] if len(row.split()) > 1)])
    return [
        f"set server {name}/{server(number)} state {'ready' if number <= counts.get(name, 0) else 'maint'}"
        for name in names
        for number in range(1, MOST_REPLICAS + 1)
    ]


def trusting(stack: str, environment: EnvironmentName, slot: Slot, counts: Mapping[str, int]) -> list[str]:
    """What makes HAProxy use these replicas of a slot at once, and not after its own next look at them."""
    return [
        f"set server {backend(stack, environment, app, slot)}/{server(number)} health up"
        for app, count in sorted(counts.items())
        for number in range(1, count + 1)
    ]


def sessions(stat: str, stack: str, environment: EnvironmentName, slot: Slot, app: str) -> dict[int, int]:
    """How many requests are in progress on each replica, by the table of HAProxy's counters."""
    name, numbers = backend(stack, environment, app, slot), {server(n): n for n in range(1, MOST_REPLICAS + 1)}
    rows = csv.DictReader(io.StringIO(stat.lstrip("# ")))
    return {
        numbers[row["svname"]]: int(row["scur"] or 0)
        for row in rows
        if row["pxname"] == name and row["svname"] in numbers
    }
