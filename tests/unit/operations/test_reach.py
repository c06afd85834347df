# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is live answers as its release says until that is gone, whatever the inventory has made of it since."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.docker import HEALTHY, SICK
from fakes.stacks import changed_stack, renamed
from fakes.world import World
from invariants.invariants import check_settled

from release.errors import RefusedError
from release.operations.reach import Needs, gather, provide_maps
from release.releases.reach import Reach
from release.releases.runtime import ProbeTarget
from release.stack.model import Slot, Stack
from release.stack.reader import read_stack


def asked(path: str, port: int = 8200) -> ProbeTarget:
    return ProbeTarget(port, "localhost", path, False, "shop-production")


def test_an_app_without_a_place_in_the_router_is_no_success(world: World) -> None:
    """A rollback over a rename used to succeed while the old app answered 503 for good."""
    world.ship()
    world.stack = renamed(world, "front", "shop-front")
    _, second = world.ship(**{"shop-front": HEALTHY})
    lost = world.router.port
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.router, "port", lambda *it: 0 if it[2] == "front" else lost(*it))
        report = world.run("rollback")
    assert report and report.failed and "checks through the edge failed" in report.message
    assert world.router.does["production"].endswith(second)
    assert all("nothing runs for" in text for text in world.violations), "visitors saw it until everything was undone"
    world.violations.clear()
    check_settled(world)


@pytest.mark.parametrize(
    "change",
    [
        {"loopback_port": 22000},
        {"replace": "stop_first"},
        {"routes": [{"path": "/window", "strip_path": True}]},
        {"timeout_seconds": 5},
        {"port": 4000},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_reached_otherwise_from_now_on_answers_as_before(world: World, change: dict[str, Any]) -> None:
    _, first = world.ship()
    world.stack = changed_stack(world, front=change)
    # Provisioning; then a power failure.
    check_settled(world)
    world.reboot()
    check_settled(world)
    _, second = world.ship(front=HEALTHY)
    check_settled(world)
    world.faults.disarm()
    assert world.good("rollback").release == first
    assert not [call for call in world.faults.calls if "docker create" in call], "its containers were kept"
    check_settled(world)
    assert world.good("rollback", release=second).release == second
    check_settled(world)


def test_public_ports_and_hosts_are_the_releases_own(world: World) -> None:
    _, first = world.ship()
    mapping = world.stack.to_mapping(with_env=True)
    mapping["environments"]["production"] |= {"ports": [8300], "hosts": ["shop.example"]}
    world.stack = read_stack("shop", mapping)
    check_settled(world)
    assert world.probe.edge(asked("/health")).status == 200
    world.ship(api=HEALTHY)
    assert world.probe.edge(asked("/health")).status == 0 and world.probe.edge(asked("/health", 8300)).status == 200
    assert world.good("rollback").release == first
    assert world.probe.edge(asked("/health")).release == first


def test_a_port_that_is_live_elsewhere_is_refused(world: World) -> None:
    """The inventory has given production's port to another app, but production still runs on it."""
    world.ship()
    world.stack = changed_stack(world, api={"loopback_port": 22000}, front={"loopback_port": 21001})
    world.commit({"api": HEALTHY})
    report = world.run("deploy")
    assert report and report.failed
    assert [(row["what"], row["where"]) for row in report.problems] == [
        ("port 21002 of app front is still that of api of shop production, which is live", "stack shop, staging green")
    ]
    once = {"loopback_port": 21010, "replace": "stop_first"}
    world.stack = changed_stack(world, api=once, front={"loopback_port": 22000})
    report = world.run("deploy")
    assert report and report.failed
    assert "port 21010 of app api is still that of front of shop staging" in report.problems[0]["what"]
    assert not any("docker create" in call for call in world.faults.calls[-5:])
    check_settled(world)


# What provisioning asks


def gathered(world: World, stack: Stack | None = None) -> Needs:
    return gather(world.host, [stack or world.stack])


def test_a_host_without_releases_needs_nothing(world: World) -> None:
    needs = gathered(world)
    assert needs == Needs(
        apps={"shop-staging": {}, "shop-production": {}}, ports={"shop-staging": [], "shop-production": []}
    )


def test_what_releases_need_stays_until_the_last_of_them_is_gone(world: World) -> None:
    world.ship()
    assert gathered(world).changes == []
    world.stack = renamed(world, "front", "shop-front", timeout_seconds=5)
    mapping = world.stack.to_mapping(with_env=True)
    mapping["environments"]["production"]["ports"] = [8300]
    world.stack = read_stack("shop", mapping)
    needs = gathered(world)
    assert needs.apps["shop-production"] == {"api": 60, "front": 60} and needs.ports["shop-production"] == [80, 8200]
    assert needs.changes == [
        "shop staging: app front is taken out",
        "shop staging: app shop-front is added",
        "shop production: ports 8200, 80 -> 8300",
        "shop production: app front is taken out",
        "shop production: app shop-front is added",
    ]
    world.ship(**{"shop-front": HEALTHY})
    needs = gathered(world)
    assert needs.changes == []
    assert needs.apps["shop-production"] == {"api": 60, "front": 60, "shop-front": 5}, "there is a way back"
    assert needs.ports["shop-production"] == [80, 8200, 8300]
    world.ship(api=HEALTHY)
    for entry in world.store.entries()[:2]:
        del world.store.written[entry.release.id]
    needs = gathered(world)
    assert needs.apps["shop-production"] == {"api": 60, "shop-front": 5} and needs.ports["shop-production"] == [8300]


def test_a_failed_release_needs_nothing(world: World) -> None:
    world.ship()
    world.stack = renamed(world, "front", "shop-front")
    world.commit({"shop-front": SICK})
    report = world.run("deploy")
    assert report and report.failed
    assert gathered(world).apps["shop-staging"] == {"api": 60, "front": 60}


def test_an_earlier_version_kept_no_ports_in_maps(world: World) -> None:
    """What ran then has the ports of its containers, whatever its release says."""
    world.ship()
    world.router.reach_file = {"staging": {}, "production": {}}
    path = world.store.slot_compose_path(world.stack, "production", "blue")
    world.store.files[path]["services"]["front"]["ports"] = ["127.0.0.1:25002:3000"]
    said = [
        "staging: api on port 21000, front on port 21010",
        "production: api on port 21002, front on port 25002",
    ]
    assert provide_maps(world.host, "shop", write=False) == said and not world.router.reach_file["staging"]
    assert provide_maps(world.host, "shop") == said
    assert world.router.reach_file["production"] == {"blue": {"api": Reach(21002), "front": Reach(25002)}}
    assert provide_maps(world.host, "shop") == []


def test_what_a_damaged_map_still_says_is_believed(world: World) -> None:
    world.ship()
    damaged: dict[Slot, dict[str, Reach]] = {"blue": {"api": Reach(27000)}, "green": {"api": Reach(27001)}}
    world.router.reach_file["production"] = damaged
    provide_maps(world.host, "shop")
    blue = {"api": Reach(27000), "front": Reach(21012)}
    assert world.router.reach_file["production"] == {**damaged, "blue": blue}


def test_a_missing_map_without_a_release_is_an_empty_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.router, "lacks_reach", lambda *_: True)
    assert provide_maps(world.host, "shop") == ["staging: no app runs", "production: no app runs"]


def test_a_port_cannot_become_encrypted_under_a_live_release(world: World) -> None:
    world.ship()
    mapping = world.stack.to_mapping(with_env=True)
    tls = {"certificate": "/etc/ssl/shop.pem", "key": "/etc/ssl/shop.key", "port": 8200}
    mapping["environments"]["production"] = {"ports": [80], "tls": tls}
    with pytest.raises(RefusedError, match="port 8200 becomes the TLS port of shop production, but the live release"):
        gathered(world, read_stack("shop", mapping))
