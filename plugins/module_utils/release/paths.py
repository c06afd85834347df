# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the engine keeps its files on the host."""

from __future__ import annotations

from dataclasses import dataclass

# What it keeps.
STATE = "/var/lib/onehost"
#: HAProxy's maps of what is live.
ROUTER_MAPS = f"{STATE}/switch"
#: The last delivery to each target, without its address.
NOTIFICATIONS = f"{STATE}/notifications"

#: Names directly below STATE, where each stack has a directory of its name: no stack can be called so.
STATE_NAMES = frozenset({"switch", "runs", "notifications", "searches", "onehost", "ballast", "disk", "recovery"})

# What provisioning wrote.
SETTINGS = "/etc/onehost"
STACKS = f"{SETTINGS}/stacks"
#: Which group may act on all stacks.
ACCESS_SETTINGS = f"{SETTINGS}/access.json"
#: How much of the disk is to be free.
CLEANUP_SETTINGS = f"{SETTINGS}/cleanup.json"
#: For root alone: the addresses are secrets.
NOTIFICATION_SETTINGS = f"{SETTINGS}/notifications.json"
#: A person's own rules and exceptions; without it gitleaks uses its own.
GITLEAKS_CONFIG = f"{SETTINGS}/gitleaks.toml"

#: Who reaches the port of which database: rules of nftables, which each cluster loads before it starts.
DATABASE_GUARD = f"{SETTINGS}/databases.nft"

#: One file for each cluster that is backed up: for root and postgres, as it holds keys.
BACKUP_SETTINGS = f"{SETTINGS}/pgbackrest"
#: Where backups go, with the keys to a bucket, and the passphrase of all of them: for root alone.
BACKUP_PLACES = f"{SETTINGS}/backups.json"
BACKUP_PASSPHRASE = f"{SETTINGS}/backups.key"
#: The usual place of backups on the host itself. postgres writes a part of it, so it is not below STATE.
BACKUPS = "/var/lib/onehost-backups"

#: While a lost host is brought back, and afterwards: what came from where, and what is done of it.
RECOVERY = f"{STATE}/recovery"

#: Timers of jobs and what they start: what systemd reads, so that they survive a reboot.
SYSTEMD_UNITS = "/etc/systemd/system"

# In memory: gone after a reboot.
LOCKS = "/run/onehost"
#: Results matter to whoever waits for them; what must outlive a reboot is in the journal.
RESULTS = f"{LOCKS}/results"

# Of one stack. People see these through links in the stack's directory, which its owner can rename and replace; so
# nothing here is ever reached by such a link.


def releases_of(stack: str, state: str = STATE) -> str:
    """The history: one directory for each release."""
    return f"{state}/{stack}/releases"


#: The error pages of a release, below its own directory.
PAGES = "pages"


def routes_of(stack: str, state: str = STATE) -> str:
    """The routes of the edge: the wanted ones, and in `live` those that nginx has."""
    return f"{state}/{stack}/nginx"


def keys_of(stack: str, state: str = STATE) -> str:
    """The key pair for tokens."""
    return f"{state}/{stack}/keys"


def env_of(stack: str, state: str = STATE) -> str:
    """The env files, one for each layer."""
    return f"{state}/{stack}/env"


def source_of(stack: str, state: str = STATE) -> str:
    """What builds come from: the mirror of the repository, which is the owner's, and root's tree of a commit."""
    return f"{state}/{stack}/source"


def services_of(stack: str, state: str = STATE) -> str:
    """What each service was created from, with its values."""
    return f"{state}/{stack}/services"


def runs_of(stack: str, state: str = STATE) -> str:
    """One-off runs: a record of each, and what those that go on were created from."""
    return f"{state}/{stack}/runs"


def logs_of(stack: str, state: str = STATE) -> str:
    """The logs of containers that are gone, and of builds."""
    return f"{state}/{stack}/logs"


def databases_of(stack: str, state: str = STATE) -> str:
    """Where the clusters of its databases are, and the passwords for them."""
    return f"{state}/{stack}/databases.json"


# Programs.
COMMAND = "/usr/local/bin/onehost"
#: There when this host is its own control node.
CONTROL_COMMAND = "/usr/local/bin/onehost-control"
#: The installed engine's own program for `remote.main`. People have no rule of sudo for it: a question may name any
#: person.
EXCHANGE_COMMAND = "/usr/local/lib/onehost/exchange"

# In the container of an app.
#: Its feature flags, read-only.
FLAGS_MOUNT = "/run/onehost-flags"

# Of the programs that it works with.
DOCKER_SOCKET = "/var/run/docker.sock"
HAPROXY_SOCKETS = "/run/haproxy"
HAPROXY_ADMIN_SOCKET = f"{HAPROXY_SOCKETS}/admin.sock"
#: There while nginx has yet to load what was written; the role `edge` then has it reloaded.
EDGE_PENDING = "/etc/nginx/onehost/reload.pending"
NGINX_PID = "/run/nginx.pid"
NGINX_LOG = "/var/log/nginx/error.log"
#: One file for each environment holds the certificate and its key, so that they change in one step.
EDGE_CERTIFICATES = "/etc/nginx/onehost/tls"
#: For root alone: one socket for each port of an environment that asks visitors for a password or sends them to https.
EDGE_SOCKETS = "/run/onehost-edge"
APT_CACHE = "/var/cache/apt"
SYSTEM_LOG = "/var/log/journal"


@dataclass(frozen=True)
class Paths:
    """Where locks and journals are kept; tests use directories of their own."""

    state: str = STATE
    locks: str = LOCKS

    @property
    def searches(self) -> str:
        """Where images are laid out to be searched: not in /tmp, which may be memory."""
        return f"{self.state}/searches"
