# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a cluster say who may connect from where, and how much it may take."""

from __future__ import annotations

import dataclasses

from release.planning.databases import files
from release.planning.databases.clusters import Cluster
from release.releases.databases import Kept, Login
from release.stack.backups import Backup
from release.stack.databases import Database

CLUSTER = Cluster(
    "shop",
    "staging",
    Database("user-data", "postgresql", ("staging",), memory="1g", connections=50),
    Kept("17", 5433, 1, Login("owner-password", "00"), Login("app-password", "00")),
    "172.16.224.0/26",
    "172.17.0.1",
)


def test_apps_may_connect_from_their_own_addresses_alone() -> None:
    rows = [line.split() for line in files.access(CLUSTER).splitlines() if not line.startswith("#")]
    assert [row for row in rows if row[0] != "local"] == [
        ["host", "user_data", "owner,app_1,app_2", "172.16.224.0/26", "scram-sha-256"]
    ]
    assert all(row[3] == "peer" for row in rows if row[0] == "local")


def test_memory_is_shared_out() -> None:
    values = dict(line.split(" = ") for line in files.settings(CLUSTER).splitlines() if " = " in line)
    assert values["listen_addresses"] == "'172.17.0.1'"
    assert (values["shared_buffers"], values["work_mem"], values["max_connections"]) == ("256MB", "5MB", "55")
    assert "MemoryMax=1024M" in files.unit(CLUSTER)


def test_it_starts_before_containers_and_never_without_its_guard() -> None:
    unit = files.unit(CLUSTER)
    assert "Before=docker.service" in unit and "ExecStartPre=/usr/sbin/nft --file /etc/onehost/databases.nft" in unit


def test_each_port_is_for_one_block() -> None:
    rules = files.guard({5434: "172.16.224.64/26", 5433: "172.16.224.0/26"})
    assert 'iifname != "lo" tcp dport 5433 ip saddr != 172.16.224.0/26 counter reject with tcp reset' in rules
    assert rules.index("5433") < rules.index("5434")
    assert rules.index("delete table inet onehost_databases") > rules.index("table inet onehost_databases")


def test_no_password_is_in_any_file() -> None:
    for text in (files.settings(CLUSTER), files.access(CLUSTER), files.users(CLUSTER), files.unit(CLUSTER)):
        assert "password" not in text.replace("password_encryption", "")


def test_what_is_not_backed_up_hands_its_log_to_nobody_and_wants_no_restart_for_it_later() -> None:
    backed_up = dataclasses.replace(CLUSTER, database=dataclasses.replace(CLUSTER.database, backup=Backup()))
    without, wanted = files.settings(CLUSTER), files.settings(backed_up)
    assert "archive_mode = on\narchive_command = '/bin/true'\n" in without and "archive_timeout" not in without
    command = (
        "--config=/etc/onehost/pgbackrest/shop_staging_user.data.conf --stanza=shop_staging_user.data archive-push"
    )
    assert f"archive_command = 'timeout 120 pgbackrest {command} %p'\narchive_timeout = 60s\n" in wanted
