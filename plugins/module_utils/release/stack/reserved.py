# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a definition cannot mean: directories and users of the system, names and ports that have another use."""

from __future__ import annotations

from ..paths import STATE_NAMES

#: Directories in which others keep theirs. A stack may be below them.
_PARENTS = (
    "/",
    "/home",
    "/media",
    "/mnt",
    "/opt",
    "/srv",
    "/tmp",
    "/var",
    "/var/lib",
    "/var/opt",
    "/var/tmp",
    "/var/www",
)
#: Directories of the system, with all that is below them.
_SYSTEM = (
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/lost+found", "/proc", "/root", "/run"),
    *("/sbin", "/snap", "/sys", "/usr", "/var/backups", "/var/cache", "/var/lib/apt", "/var/lib/containerd"),
    *("/var/lib/docker", "/var/lib/dpkg", "/var/lib/nginx", "/var/lib/onehost", "/var/lib/systemd", "/var/local"),
    *("/var/lock", "/var/log", "/var/mail", "/var/run", "/var/spool"),
)
#: Users that Debian, Ubuntu and usual programs bring along. The module `stack_home` knows others by their number.
_SYSTEM_USERS = frozenset(
    {
        *("root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy", "www-data"),
        *(
            "backup",
            "list",
            "irc",
            "gnats",
            "nobody",
            "_apt",
            "messagebus",
            "syslog",
            "sshd",
            "polkitd",
            "tss",
            "uuidd",
        ),
        *("systemd-network", "systemd-resolve", "systemd-timesync", "systemd-coredump", "landscape", "pollinate"),
        *("tcpdump", "dnsmasq", "fwupd-refresh", "usbmux", "lxd", "haproxy", "nginx", "docker", "postgres", "mysql"),
        *("redis", "mongodb", "memcache", "rabbitmq", "prometheus", "grafana", "ntp", "chrony", "_chrony", "postfix"),
    }
)
#: The first number of a person's user on Debian and Ubuntu, and a user's who owns nothing.
FIRST_PERSON = 1000
NOBODY = 65534
#: Unless the inventory says otherwise.
SSH_PORTS = (22,)


def directory_problem(path: str, owner: str) -> str:
    """Why a stack cannot live in this directory, or an empty string if it can."""
    if path in _PARENTS:
        return "is where others keep their directories"
    if any(path == place or path.startswith(f"{place}/") for place in _SYSTEM):
        return "belongs to the system"
    if path == f"/home/{owner}":
        return f"is the home of {owner}, with keys and settings of theirs"
    return ""


def owner_problem(owner: str) -> str:
    """Why this user cannot own a stack, or an empty string."""
    if owner == "root":
        return "is root: git and the scripts of a stack run as its owner"
    return "is a user of the system" if owner in _SYSTEM_USERS else ""


def user_problem(owner: str, number: int) -> str:
    """The same on a host, where the user's number is known: it has users of the system that nobody else has."""
    if FIRST_PERSON <= number != NOBODY:
        return owner_problem(owner)
    return owner_problem(owner) or f"is a user of the system (number {number})"


def name_problem(name: str) -> str:
    """Why a stack cannot have this name, or an empty string."""
    return "is a name that the platform uses itself" if name in STATE_NAMES else ""
