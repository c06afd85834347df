# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the outside was promised, on a faked host: asked at its moments, and a release that breaks it goes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fakes.docker import BREAKING, BREAKING_IN_PRODUCTION, HEALTHY
from fakes.stacks import shop_definition, shop_with_endpoints
from fakes.world import World
from invariants.invariants import check_settled

from release.errors import RefusedError
from release.operations import verify
from release.operations.endpoints_step import ENDPOINT_SECONDS
from release.releases.endpoints import Asked, Came
from release.stack.reader import read_stack

SAME = {"class": "secret", "distinct": False}
MATRIX = {"DATABASE_URL": SAME, "PASSWORD": SAME, "COLOUR": {}, "PUBLIC_URL": {}}
TOKEN = "a-token-of-somebody"
SECRET = "hunter2-is-secret"


def promise(world: World, *endpoints: dict[str, Any], **stack: Any) -> None:
    world.stack = read_stack("shop", {**shop_definition(), "endpoints": list(endpoints), **stack})


@pytest.fixture
def shop(world: World) -> World:
    world.stack = read_stack("shop", shop_with_endpoints())
    world.ship()
    world.endpoints.asked.clear()
    return world


def test_a_stack_without_endpoints_is_not_asked(world: World) -> None:
    world.ship()
    report = world.good("rollback", release=world.entries("production")[0].release.id)
    assert not world.endpoints.asked
    report = world.run("promote")
    assert report and "endpoints" not in report.steps and "endpoints_hold" not in [g["gate"] for g in report.gates]


def test_a_release_that_breaks_its_promise_goes_back_by_itself(shop: World) -> None:
    before = dict(shop.router.does)
    shop.commit({"api": BREAKING_IN_PRODUCTION, "front": BREAKING_IN_PRODUCTION})
    assert "endpoints" in shop.good("deploy").steps
    begun = shop.clock.time
    report = shop.run("promote")
    assert report and report.failed and not report.changed and shop.router.does["production"] == before["production"]
    assert {gate["gate"]: gate["result"] for gate in report.gates}["endpoints_hold"] == "go"
    assert report.message.startswith("2 of 2 endpoint checks do not hold; everything was undone")
    assert report.problems[0]["where"] == "stack shop.endpoints[0].expect.json.status"
    assert 'expected "ok", came "broken"' in report.problems[0]["what"]
    assert len(report.log) == 2, "every one is told, not only the first"
    assert "front: GET http://localhost:8200/front/ready: stack shop.endpoints[1].expect.json.status" in report.log[1]
    assert shop.clock.time - begun >= ENDPOINT_SECONDS, "a first request may find an empty cache"
    check_settled(shop)


def test_a_deploy_that_breaks_a_promise_is_undone_as_any_that_fails(shop: World) -> None:
    before = dict(shop.router.does)
    shop.commit({"api": BREAKING})
    report = shop.run("deploy")
    assert report and report.failed and shop.router.does == before
    assert "1 of 2 endpoint checks do not hold" in report.message
    check_settled(shop)


def test_the_gate_asks_staging_what_production_will_promise(shop: World) -> None:
    """Also what staging's release did not know of yet."""
    shop.commit({"api": HEALTHY})
    shop.good("deploy")
    new = {"name": "new", "path": "/health", "expect": {"json": {"version": 2}}}
    promise(shop, new, {"name": "not now", "path": "/none", "when": ["switch"], "expect": {"status": 404}})
    report = shop.run("promote")
    assert report and report.failed and report.message == "refused, nothing was changed"
    (problem,) = report.problems
    assert (
        problem["where"] == "gate endpoints_hold" and "stack shop.endpoints[0].expect.json.version" in problem["what"]
    )
    assert "verify" in problem["fix"] and "where=staging" in problem["fix"]
    report = shop.run("promote", skip_gates=("endpoints_hold",))
    assert report and report.failed and "everything was undone" in report.message, "skipping the gate skips no more"


def test_a_rollback_uses_the_promises_of_the_release_it_goes_to(shop: World) -> None:
    first = shop.entries("production")[0].release.id
    promise(shop, {"name": "api", "path": "/health", "expect": {"json": {"app": "api"}}})
    shop.ship(api=HEALTHY)
    shop.endpoints.asked.clear()
    report = shop.good("rollback")
    assert report.release == first and "endpoints" in report.steps
    assert {asked.path for asked in shop.endpoints.asked} == {"/health", "/front/ready"}


def test_a_rollback_stays_and_tells(shop: World) -> None:
    """It is what is left when other things are wrong: what does not hold then is told, and no reason to stay."""
    first = shop.entries("production")[0].release.id
    shop.ship(api=HEALTHY)
    shop.endpoints.instead["/health"] = lambda _asked: Came(200, (), b'{"status": "limited"}')
    report = shop.good("rollback")
    assert report.release == first
    assert any("1 of 2 endpoint checks do not hold; a rollback stays" in note for note in report.notes), report.notes
    check_settled(shop)


def test_origins_are_those_of_the_environment(shop: World) -> None:
    """Where the checks name none themselves."""
    sides = shop_definition()["environments"]
    for name, side in sides.items():
        side["origins"] = [f"https://{name}.example"]
    promise(shop, {"name": "origins", "when": ["verify"], "cors": {"path": "/health"}}, environments=sides)
    shop.good("deploy")
    shop.good("promote")
    shop.endpoints.asked.clear()
    for environment in ("staging", "production"):
        shop.endpoints.asked.clear()
        verify.verify(shop.host, shop.stack, environment)
        asked = {value for one in shop.endpoints.asked for name, value in one.headers if name == "Origin"}
        other = "production" if environment == "staging" else "staging"
        assert f"https://{environment}.example" in asked and f"https://{other}.example" not in asked


def test_a_changed_promise_is_a_release_of_its_own(shop: World) -> None:
    assert not shop.good("promote").changed
    promise(shop, {"name": "api", "path": "/health", "environments": ["staging"]})
    assert shop.good("deploy").changed and not shop.good("deploy").changed
    assert shop.good("promote").changed, "production had more"
    promise(shop, {"name": "api", "path": "/", "environments": ["staging"]})
    assert shop.good("deploy").changed and not shop.good("promote").changed


def flow() -> dict[str, Any]:
    log_in = {
        "path": "/login",
        "json": {"password": "${PASSWORD}", "as": "probe"},
        "capture": {"token": {"json": "token"}},
    }
    mine = {"path": "/me", "headers": {"Authorization": "Bearer ${token}"}, "expect": {"json": {"name": "probe"}}}
    return {
        "name": "session",
        "steps": [
            {"name": "nobody", "path": "/me", "expect": {"status": 401}},
            {"name": "log in", **log_in},
            {"name": "mine", **mine},
        ],
    }


def log_in(asked: Asked) -> Came:
    right = json.loads(asked.body)["password"] == SECRET
    return Came(200 if right else 403, (), json.dumps({"token": TOKEN, "said": asked.body.decode()}).encode())


def me(asked: Asked) -> Came:
    given = dict(asked.headers).get("Authorization", "")
    return Came(200, (), b'{"name": "probe"}') if given == f"Bearer {TOKEN}" else Came(401, (), given.encode())


@pytest.fixture
def guarded(world: World) -> World:
    """A stack with a protected API."""
    promise(world, flow(), env_matrix=MATRIX, secrets=[])
    world.store.env["common"] = f"DATABASE_URL='db://1'\nCOLOUR='blue'\nPASSWORD='{SECRET}'\n".encode()
    world.endpoints.instead |= {"/login": log_in, "/me": me}
    return world


def test_a_flow_captures_and_uses_secrets(guarded: World) -> None:
    guarded.ship()
    (found,) = verify.verify(guarded.host, guarded.stack, "production")
    assert found.holds and [verdict.title for verdict in found.verdicts] == [
        "session: nobody",
        "session: log in",
        "session: mine",
    ]


def test_nothing_secret_is_shown_of_a_flow(guarded: World) -> None:
    guarded.ship()
    guarded.endpoints.instead["/me"] = lambda asked: Came(200, (), f"{TOKEN} {SECRET} {asked.headers}".encode())
    guarded.commit({"api": HEALTHY})
    report = guarded.run("deploy")
    assert report and report.failed
    shown = json.dumps(report.to_json())
    assert TOKEN not in shown and SECRET not in shown and "***token***" in shown
    journals = [path.read_text() for path in Path(guarded.paths.state).rglob("*.jsonl")]
    assert journals and not any(TOKEN in text or SECRET in text for text in journals)


def test_short_secrets_hide_all_that_came(guarded: World) -> None:
    guarded.ship()
    guarded.endpoints.instead["/login"] = lambda _asked: Came(200, (), b'{"token": "abc"}')
    guarded.endpoints.instead["/me"] = lambda _asked: Came(200, (), b'{"name": "abc"}')
    (found,) = verify.verify(guarded.host, guarded.stack, "production")
    assert "abc" not in repr(found.verdicts) and "not shown" in repr(found.verdicts)


def test_a_step_without_its_value_is_told_and_the_rest_is_asked(guarded: World) -> None:
    guarded.ship()
    guarded.endpoints.instead["/login"] = lambda _asked: Came(500, (), b"oops")
    (found,) = verify.verify(guarded.host, guarded.stack, "staging")
    nobody, log, mine = found.verdicts
    assert nobody.holds and {miss.where for miss in log.misses} == {
        "stack shop.endpoints[0].steps[1].expect",
        "stack shop.endpoints[0].steps[1].capture.token",
    }
    assert "token has no value" in mine.misses[0].came


def test_values_are_those_that_the_containers_have(guarded: World) -> None:
    """A secret that changed since is not what the running release was given."""
    guarded.ship()
    guarded.store.env["common"] = guarded.store.env["common"].replace(SECRET.encode(), b"another-secret")
    assert all(found.holds for found in verify.verify(guarded.host, guarded.stack))


def test_verify(shop: World) -> None:
    staging, production = verify.verify(shop.host, shop.stack)
    assert [len(found.verdicts) for found in (staging, production)] == [3, 3]
    assert [verdict.holds for verdict in production.verdicts] == [True, True, True]
    with pytest.raises(RefusedError, match="is not an environment"):
        verify.verify(shop.host, shop.stack, "qa")
    promise(shop, {"name": "api"})
    (found,) = verify.verify(shop.host, shop.stack, "production")
    assert len(found.verdicts) == 3 and "have changed since" in found.notes[0], "it is the live release that promised"


def test_verify_of_nothing(world: World) -> None:
    assert [found.notes for found in verify.verify(world.host, world.stack)] == [["nothing is live"]] * 2
    with pytest.raises(RefusedError, match="nothing is live"):
        verify.verify(world.host, world.stack, "staging")
    world.ship()
    assert "has no endpoints" in verify.verify(world.host, world.stack, "staging")[0].notes[0]


def test_real_addresses_are_asked_on_request_only(shop: World) -> None:
    verify.verify(shop.host, shop.stack, "production")
    assert {asked.site for asked in shop.endpoints.asked} == {"shop-production"}
    shop.endpoints.asked.clear()
    verify.verify(shop.host, shop.stack, "production", is_real=True)
    assert {asked.site for asked in shop.endpoints.asked} == {""}


def test_a_route_that_a_flag_has_closed_is_no_fault(shop: World) -> None:
    closed = Came(503, (("X-Flag-Off", "battle"),), b"")
    shop.endpoints.instead["/health"] = lambda _asked: closed
    assert verify.verify(shop.host, shop.stack, "production")[0].holds
