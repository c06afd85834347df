"""What a scratch cluster is started with."""

from __future__ import annotations

from release.planning.databases import scratch_files
from release.releases.scratch import ScratchWanted, purpose_of

KNOWN = {"max_connections": 35, "max_prepared_xacts": 2}


SOCKETS_ALONE = ScratchWanted("drill", "shop_production_main", "17", 10**9, floor_bytes=5)
FOR_CONTAINERS = ScratchWanted(
    "rehearsal", "shop_production_main", "17", 10**9, address="10.1.0.1", block="10.1.0.0/28"
)


def test_nobody_but_users_of_the_host_reaches_one_without_an_address() -> None:
    texts = scratch_files.texts(SOCKETS_ALONE, "/s/x", 5532, "/run", KNOWN)
    assert "listen_addresses = ''\n" in texts["postgresql.conf"]
    assert "host " not in texts["pg_hba.conf"]
    assert "listen_addresses=" in scratch_files.start(SOCKETS_ALONE, "/s/x")


def test_containers_reach_one_with_an_address_by_two_doors() -> None:
    texts = scratch_files.texts(FOR_CONTAINERS, "/s/x", 5532, "/run", KNOWN)
    assert "host all owner,app_1,app_2 10.1.0.0/28 scram-sha-256\n" in texts["pg_hba.conf"]
    guard = scratch_files.guard(5532, "10.1.0.0/28")
    assert "tcp dport 5532 ip saddr != 10.1.0.0/28 counter reject" in guard


def test_its_containers_reach_no_other_port_of_the_host() -> None:
    guard = scratch_files.guard(5532, "10.1.0.0/28")
    assert "ip saddr 10.1.0.0/28 tcp dport != 5433-5532 counter reject" in guard
    assert "ip saddr 10.1.0.0/28 meta l4proto != tcp counter drop" in guard


def test_it_archives_nothing_and_falls_short_of_no_setting_of_its_source() -> None:
    text = scratch_files.texts(SOCKETS_ALONE, "/s/x", 5532, "/run", KNOWN)["postgresql.conf"]
    assert "max_connections = '35'\n" in text and "max_prepared_transactions = '2'\n" in text
    words = scratch_files.start(SOCKETS_ALONE, "/s/x")
    assert "archive_mode=off" in words, "also where ALTER SYSTEM says otherwise, which comes with the data"
    assert "--property=MemoryMax=768M" in words and "--property=Slice=onehost.slice" in words


def test_the_room_that_it_wants_and_what_it_is_for() -> None:
    assert SOCKETS_ALONE.needed_bytes == 1_200_000_005
    assert purpose_of(SOCKETS_ALONE.name) == "drill" and purpose_of("lost+found") is None
