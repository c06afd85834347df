# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploy, promote and rollback on a faked host: what each does, refuses and leaves alone."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from promises import check_settled
from support.fakes import CRASHING, DYING, HEALTHY, SICK, Killed, World, changed_stack, shop_definition

from release.env.env_file import parse_env
from release.planning import deploy
from release.process import lock
from release.releases.lock_holder import LockHolder
from release.releases.release import Live
from release.stack.reader import read_stack


def problems(world: World, operation: str, **options: Any) -> list[str]:
    before = dict(world.switch.memory), dict(world.docker.tags), len(world.docker.boxes)
    report = world.run(operation, **options)
    assert report and report.failed and not report.changed and report.message == "refused, nothing was changed"
    assert (dict(world.switch.memory), dict(world.docker.tags), len(world.docker.boxes)) == before
    return [f"{p['where']}: {p['what']}" for p in report.problems]


def restarted(world: World, **changes: dict[str, Any]) -> None:
    world.stack = changed_stack(world, **changes)


# Deploy


def test_deploy_twice_changes_nothing(world: World) -> None:
    world.good("deploy")
    again = world.good("deploy")
    assert not again.changed and "with the same images, configuration and keys" in again.message


def test_only_what_changed_is_built(world: World) -> None:
    world.good("deploy")
    world.commit({"api": HEALTHY})
    assert set(world.good("deploy").built) == {"api"}


def test_an_old_version_is_not_built_again(world: World) -> None:
    first = world.git.origin["main"]
    world.good("deploy")
    world.commit({"api": HEALTHY})
    world.good("deploy")
    report = world.good("deploy", version=first)
    assert report.changed and not report.built


def test_tags_of_commits(world: World) -> None:
    commit = world.git.origin["main"]
    world.good("deploy")
    named = world.tag("api", commit[:12])
    assert named == world.tag("api", "staging") != ""
    restarted(world, api={"build_arguments": {"MODE": "other"}})
    report = world.good("deploy")
    assert report.changed and set(report.built) == {"api"}
    assert world.tag("api", commit[:12]) == named, "the tag of a commit never moves"
    assert any(tag.startswith(f"api:{commit[:12]}-") for tag in world.docker.tags)


def test_rebuild(world: World) -> None:
    commit = world.git.origin["main"]
    world.good("deploy")
    named = world.tag("api", commit[:12])
    for _ in range(3):
        report = world.good("deploy", rebuild=True)
        assert set(report.built) == {"api", "front", "mail"} and report.changed
    assert world.tag("api", commit[:12]) == named != world.tag("api", "staging")
    assert not world.good("deploy").changed, "a deploy after it does not go back to the old build"


def test_two_apps_of_one_folder_are_stable(world: World) -> None:
    restarted(world, front={"context": "api"})
    world.good("deploy")
    assert world.tag("api", "staging") != world.tag("front", "staging")
    assert not world.good("deploy").changed


def test_check_mode_of_a_deploy(world: World) -> None:
    report = world.run("deploy", check=True)
    assert report and report.message.startswith("would deploy") and not world.docker.images
    world.good("deploy")
    again = world.run("deploy", check=True)
    assert again and "already" in again.message, "check mode knows what is built"


def test_deploy_mends_what_does_not_run(world: World) -> None:
    """What the gates name as the fix must fix."""
    world.good("deploy")
    world.docker.boxes.remove(world.up("staging")[0])
    report = world.good("deploy")
    assert report.changed
    world.violations.clear()
    check_settled(world)


def test_deploy_mends_a_moved_tag(world: World) -> None:
    world.good("deploy")
    world.docker.tags["api:staging"] = world.docker.tags["front:staging"]
    assert world.good("deploy").changed
    check_settled(world)


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda w: setattr(w.git, "trouble", "is not a git checkout"), "is not a git checkout"),
        (lambda w: setattr(w.git, "changes", [" M api/main"]), "the checkout has local changes: M api/main"),
        (lambda w: setattr(w.git, "offline", True), "the repository cannot be fetched: could not resolve host"),
        (lambda w: setattr(w.store, "free", 1), "0.0 GB free, the floor is 1 GB"),
        (lambda w: w.store.env.pop("staging"), "config/.env.staging: env file is missing"),
        (lambda w: w.store.keys.pop("jwt_private.pem"), "config/keys/jwt_private.pem: key file is missing"),
        (lambda w: w.git.commits[w.git.origin["main"]].update({"config/x": ""}), "config/x: is tracked"),
        (lambda w: w.git.commits[w.git.origin["main"]].pop("api/Dockerfile"), "api/Dockerfile does not exist"),
        (lambda w: restarted(w, api={"context": "backend"}), "folder backend does not exist in commit"),
        (lambda w: restarted(w, api={"context": "."}), "which holds secrets in config/ and releases/"),
    ],
)
def test_deploy_refuses(world: World, spoil: Any, text: str) -> None:
    spoil(world)
    assert any(text in problem for problem in problems(world, "deploy"))


def test_deploy_refuses_all_at_once(world: World) -> None:
    world.store.free = 1
    world.store.env.pop("common")
    world.git.changes = ["?? notes.txt"]
    found = problems(world, "deploy", apps=("nobody", "api"), version="main")
    assert len(found) >= 4, found


def test_deploy_refuses_a_version_that_does_not_exist(world: World) -> None:
    assert "'v9' is no branch, tag or commit" in problems(world, "deploy", version="v9")[0]


def test_whole_checkout_with_config_left_out(world: World) -> None:
    restarted(world, api={"context": "."})
    commit = world.git.origin["main"]
    world.git.commits[commit].update(
        {".dockerignore": "node_modules\nconfig/\nreleases/\n", "Dockerfile": "FROM scratch"}
    )
    world.git.commits[commit]["api/main"] = "1:healthy"
    report = world.run("deploy", check=True)
    assert report and not report.failed, report


IGNORED = [
    (None, False),
    ("# config\n", False),
    ("config", True),
    ("/config/\r\n", True),
    ("config/**\n", True),
    ("*\n!src\n", True),
    ("*\n!config/app.json\n", False),
    ("!config\nconfig\n", True),
    ("config.json\nmyconfig/\n", False),
]


@pytest.mark.parametrize(("text", "expected"), IGNORED)
def test_what_a_build_leaves_out(text: str | None, expected: bool) -> None:
    assert deploy.leaves_out(text, "config") is expected


def test_the_ignore_file_of_the_dockerfile_counts(world: World) -> None:
    restarted(world, api={"context": "."})
    files = world.git.commits[world.git.origin["main"]]
    files.update({".dockerignore": "config\nreleases\n", "Dockerfile": "FROM scratch", "api/main": "1:healthy"})
    files["Dockerfile.dockerignore"] = "node_modules\n"
    assert "which holds secrets in config/ and releases/" in problems(world, "deploy")[0]


def test_first_deploy_brings_every_app(world: World) -> None:
    assert "the first deploy must bring every app" in problems(world, "deploy", apps=("api",))[0]


def test_deploy_of_some_apps_names_all(world: World) -> None:
    world.good("deploy")
    first = world.entries("staging")[0].release
    world.commit({"api": HEALTHY, "mail": HEALTHY})
    second = world.entry(world.good("deploy", apps=("mail",)).release).release
    assert second.images["api"] == first.images["api"] and second.images["mail"] != first.images["mail"]
    assert second.commits["api"] == first.commit and second.commits["mail"] == second.commit != first.commit
    assert set(second.services) == {"api", "front", "mail"}


@pytest.mark.parametrize(
    ("behaviour", "app", "cause"),
    [
        (SICK, "api", "is not healthy after 5 s; /health: HTTP 500 no database"),
        (CRASHING, "api", "keeps crashing (exit code 1, "),
        (CRASHING, "mail", "keeps crashing"),
    ],
)
def test_a_bad_release_never_goes_live(world: World, behaviour: str, app: str, cause: str) -> None:
    world.good("deploy")
    before = dict(world.switch.memory), world.tag(app, "staging")
    world.commit({app: behaviour})
    report = world.run("deploy")
    assert report and report.failed and cause in report.problems[0]["what"] and report.log, report
    assert (dict(world.switch.memory), world.tag(app, "staging")) == before
    assert [entry.status for entry in world.entries("staging")] == ["live", "failed"]
    check_settled(world)


def test_a_worker_that_dies_slower_than_it_is_looked_at(world: World) -> None:
    """Alive at each look, but never for a whole second: it must not count as healthy."""
    world.good("deploy")
    world.commit({"mail": CRASHING})
    report = world.run("deploy")
    assert report and report.failed


def test_died_in_the_watch_period(world: World) -> None:
    world.ship()
    world.commit({"front": DYING})
    world.good("deploy")
    world.freshen()
    before = dict(world.switch.memory), dict(world.docker.tags)
    report = world.run("promote", watch_seconds=10)
    assert report and report.failed and "died after the switch" in report.problems[0]["what"]
    assert report.problems[0]["fix"].startswith("docker logs ")
    assert (dict(world.switch.memory), dict(world.docker.tags)) == before
    check_settled(world)


def test_gone_in_the_watch_period(world: World) -> None:
    world.ship()
    world.commit({"front": HEALTHY})
    world.good("deploy")
    wait = world.clock.wait

    def remove(seconds: float) -> None:
        wait(seconds)
        if world.switch.memory["production"].startswith("green"):
            world.docker.boxes = [
                b
                for b in world.docker.boxes
                if not (b.app == "front" and b.slot == "green" and b.environment == "production")
            ]

    world.clock.wait = remove  # type: ignore[method-assign]
    report = world.run("promote", watch_seconds=10)
    assert report and report.failed and "is gone" in report.problems[0]["what"]


def test_sick_at_the_end_of_the_watch_period(world: World) -> None:
    world.ship()
    world.commit({"front": HEALTHY})
    world.good("deploy")
    wait = world.clock.wait

    def fall_ill(seconds: float) -> None:
        wait(seconds)
        if world.switch.memory["production"].startswith("green"):
            image = world.tag("front", "staging")
            world.docker.images[image] = (world.docker.images[image][0], SICK)

    world.clock.wait = fall_ill  # type: ignore[method-assign]
    report = world.run("promote", watch_seconds=5)
    assert report and report.failed and "is not healthy any more: HTTP 500" in report.problems[0]["what"]


def test_edge_does_not_answer(world: World) -> None:
    world.ship()
    world.commit({"front": HEALTHY})
    world.good("deploy")
    before = dict(world.switch.memory)
    world.probe.edge_down = True
    report = world.run("promote")
    assert report and report.failed and world.switch.memory == before
    assert "4 of 4 checks through the edge failed" in report.problems[0]["what"]
    assert "names no release, expected" in report.problems[0]["what"]
    assert report.problems[0]["fix"].startswith("curl -i -H 'Host: localhost' http://127.0.0.1:8200/")


# Promote


def test_promote_moves_the_very_images(world: World) -> None:
    world.ship()
    tested = {app: world.tag(app, "staging") for app in world.stack.apps}
    assert tested == {app: world.tag(app, "production") for app in world.stack.apps}
    built = len(world.docker.images)
    again = world.good("promote")
    assert not again.changed and len(world.docker.images) == built
    before = {app: world.tag(app, "production") for app in world.stack.apps}
    world.ship(api=HEALTHY)
    assert before == {app: world.tag(app, "rollback") for app in world.stack.apps}


def test_promote_refuses(world: World) -> None:
    assert "nothing is live in staging" in problems(world, "promote")[0]
    world.good("deploy")
    assert "the first promote must bring every app" in problems(world, "promote", apps=("api",))[0]
    world.store.env.pop("production")
    assert any("env file is missing" in text for text in problems(world, "promote", apps=("nobody",)))


def test_promote_of_some_apps(world: World) -> None:
    world.ship()
    old = {app: world.tag(app, "production") for app in world.stack.apps}
    world.commit({"api": HEALTHY, "mail": HEALTHY})
    world.good("deploy")
    release = world.entry(world.good("promote", apps=("mail",)).release).release
    assert release.images["api"] == old["api"] and release.images["mail"] == world.tag("mail", "staging")
    check_settled(world)


def test_promote_mends_what_does_not_run(world: World) -> None:
    world.ship()
    world.docker.boxes.remove(world.up("production")[0])
    assert world.good("promote").changed
    world.violations.clear()
    check_settled(world)


def test_a_new_setting_is_a_change(world: World) -> None:
    world.ship()
    world.store.env["production"] = b"PUBLIC_URL='http://other'\n"
    assert world.good("promote").changed


def test_two_operations_in_one_second(world: World) -> None:
    time = world.clock.time
    world.good("deploy")
    for _ in range(3):
        world.clock.time = time
        world.good("deploy", rebuild=True)
    names = [entry.release.id for entry in world.entries("staging")]
    assert len(set(names)) == 4 and names == sorted(names)


# Rollback


def test_rollback_with_nothing_to_go_back_to(world: World) -> None:
    assert "nothing is live" in problems(world, "rollback")[0]
    world.ship()
    assert "there is no good release to go back to" in problems(world, "rollback")[0]
    assert "is not in the history" in problems(world, "rollback", release="yesterday")[0]
    assert any("'nobody' is not an app" in text for text in problems(world, "rollback", apps=("nobody",)))


def test_rollback_starts_what_was_kept(world: World) -> None:
    _, first = world.ship()
    world.ship()
    kept = {box.id for box in world.docker.boxes if box.release == first}
    assert world.good("rollback").release == first
    assert {box.id for box in world.up("production")} == kept
    assert not any("docker create" in call for call in world.faults.calls[-20:])


def test_warm_rollback_is_only_a_switch(world: World) -> None:
    _, first = world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.good("promote", warm_seconds=600)
    assert {box.release for box in world.up("production", "blue")} == {first}
    world.faults.disarm()
    world.good("rollback")
    calls = [call for call in world.faults.calls if call.startswith("docker") and "tag" not in call]
    assert calls == [call for call in calls if call.startswith("docker stop") and call.endswith("green")], calls


def test_warm_worker_that_restarted_long_ago(world: World) -> None:
    world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.good("promote", warm_seconds=600)
    next(box for box in world.up("production", "blue") if box.app == "mail").restarts_before = 7
    assert world.good("rollback").changed


def test_nobody_waits_for_the_slot_that_a_warm_rollback_came_from(world: World) -> None:
    """Its open requests have their drain time; its worker, which has none, is stopped at once."""
    _, first = world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    second = world.good("promote", warm_seconds=600).release
    world.switch.busy["production", "green", "api"] = world.clock.time + 1000
    begun = world.clock.time
    assert world.good("rollback").release == first
    assert world.clock.time - begun < 1
    assert {box.app for box in world.up("production") if box.release == second} == {"api", "front"}
    check_settled(world)
    world.clock.time = world.timer.armed["production"]
    world.cool()
    assert not [box for box in world.up("production") if box.release == second]
    check_settled(world)


def test_cooling_a_warm_slot(world: World) -> None:
    world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.good("promote", warm_seconds=600)
    assert world.timer.armed["production"] == pytest.approx(world.clock.time + 600)
    assert world.cool() == [] and world.up("production", "blue")
    world.clock.time += 601
    assert "is no longer kept warm" in world.cool()[0]
    assert not world.up("production", "blue") and world.up("production", "green")
    assert world.cool() == []
    check_settled(world)


def test_cooling_leaves_alone_what_went_live_again(world: World) -> None:
    world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.good("promote", warm_seconds=600)
    note = world.store.notes["production"]
    world.good("rollback")
    world.clock.time += 601
    world.cool()
    world.store.notes["production"] = note
    world.cool()
    check_settled(world)


def test_rollback_twice_and_a_new_promote(world: World) -> None:
    _, first = world.ship()
    _, second = world.ship()
    world.good("rollback")
    again = world.good("rollback")
    assert not again.changed and "a second rollback changes nothing" in again.message
    assert world.entry(second).status == "rolled_back"
    _, third = world.ship()
    assert world.good("rollback").release == first != second
    assert world.entry(third).status == "rolled_back"


def test_rollback_to_a_named_release(world: World) -> None:
    _, first = world.ship()
    _, second = world.ship()
    world.good("rollback")
    report = world.good("rollback", release=second)
    assert report.changed and world.entry(second).status == "live" and world.entry(first).status == "previous"
    assert not world.good("rollback", release=second).changed
    check_settled(world)
    # That was no way back, so there is one from here.
    assert world.entry(second).via == "forward"
    assert world.good("rollback").release == first
    assert not world.good("rollback").changed


def test_rollback_over_two_releases_then_a_promote(world: World) -> None:
    """The way back leads to what was live last, which is not the one with the newest id."""
    _, first = world.ship()
    _, second = world.ship()
    world.ship()
    world.clock.time += 2
    world.good("rollback", release=first)
    check_settled(world)
    world.clock.time += 2
    world.ship()
    check_settled(world)
    assert world.good("rollback").release == first != second


def test_rollback_never_to_what_failed(world: World) -> None:
    world.ship()
    world.ship()
    failed = dataclasses.replace(world.entry(world.entries("production")[0].release.id), status="failed")
    world.store.written[failed.release.id].status = "failed"
    assert "never was live: failed" in problems(world, "rollback", release=failed.release.id)[0]
    assert "there is no good release" in problems(world, "rollback")[0]


def test_rollback_without_images(world: World) -> None:
    _, first = world.ship()
    _, second = world.ship()
    world.ship()
    lost = world.entry(second).release
    world.docker.boxes = [box for box in world.docker.boxes if box.release != second]
    world.remove_image(lost.images["api"])
    assert any(f"release {second}: image" in text for text in problems(world, "rollback", release=second))
    assert world.good("rollback").release == first, "further back, where everything is there"


def test_rollback_when_all_images_are_gone(world: World) -> None:
    world.ship()
    world.ship()
    world.prune()
    found = problems(world, "rollback")
    assert len(found) == 1 and "of app api is gone" in found[0]
    report = world.run("rollback")
    assert report and "-e version=" in report.problems[0]["fix"]


def test_rollback_tag_when_what_was_before_has_lost_its_images(world: World) -> None:
    """Going back one release must not fail because the one before that cannot be named any more."""
    _, first = world.ship()
    _, second = world.ship()
    world.ship()
    world.remove_image(world.entry(first).release.images["api"])
    assert world.good("rollback").release == second
    assert world.tag("api", "rollback") == ""


@pytest.mark.parametrize("secrets", ["today", "release"])
def test_rollback_and_a_rotated_secret(world: World, secrets: str) -> None:
    world.ship()
    world.store.env["production"] = b"PUBLIC_URL='http://new'\n"
    world.ship()
    world.rotate_secret()
    rotated = parse_env(world.store.env["common"].decode())["DATABASE_URL"]
    seen: dict[str, bytes] = {}
    write = world.store.write_slot

    def note(*arguments: Any) -> None:
        seen.update(arguments[-1])
        write(*arguments)

    world.store.write_slot = note  # type: ignore[method-assign]
    world.good("rollback", secrets=secrets)
    if secrets == "release":
        assert not seen, "nothing differs from that day: the kept containers are started"
        return
    assert parse_env(seen["common"].decode()) == {"DATABASE_URL": rotated, "COLOUR": "blue"}
    assert parse_env(seen["production"].decode()) == {"PUBLIC_URL": "http://production"}


def test_rollback_and_a_secret_that_is_gone_or_moved(world: World) -> None:
    world.ship()
    world.ship()
    world.store.env["common"] = b"COLOUR='blue'\n"
    world.store.env["production"] = b"PUBLIC_URL='http://production'\nDATABASE_URL='db://moved'\n"
    seen: dict[str, bytes] = {}
    write = world.store.write_slot
    world.store.write_slot = lambda *a: (seen.update(a[-1]), write(*a))[1]  # type: ignore[method-assign, func-returns-value]
    world.good("rollback")
    assert parse_env(seen["common"].decode())["DATABASE_URL"] == "db://moved"
    world.good("rollback", release=world.entries("production")[1].release.id)
    world.store.env["production"] = b"PUBLIC_URL='http://production'\n"
    seen.clear()
    world.good("rollback", release=world.entries("production")[0].release.id)
    assert not seen or parse_env(seen["common"].decode())["DATABASE_URL"] == "db://1", "it comes back"


def test_rotated_key_creates_containers_anew(world: World) -> None:
    world.ship()
    world.ship()
    world.store.keys["jwt_private.pem"] = b"two"
    world.faults.disarm()
    world.good("rollback")
    assert any(call.startswith("docker create") for call in world.faults.calls)


def test_rollback_of_some_apps(world: World) -> None:
    _, first = world.ship()
    _, second = world.ship(api=HEALTHY, mail=HEALTHY)
    report = world.good("rollback", apps=("api",))
    made = world.entry(report.release).release
    assert made.images["api"] == world.entry(first).release.images["api"]
    assert made.images["mail"] == world.entry(second).release.images["mail"]
    assert world.entry(second).status == "rolled_back"
    check_settled(world)


def test_rollback_of_apps_that_did_not_change(world: World) -> None:
    world.ship()
    world.ship(api=HEALTHY)
    report = world.good("rollback", apps=("mail",))
    assert not report.changed and "run the images of that release already" in report.message


def test_rollback_brings_routes_back(world: World) -> None:
    world.ship()
    before = world.edge.memory["production"]
    restarted(world, front={"routes": [{"path": "/front"}, {"path": "/shop"}]})
    world.ship(front=HEALTHY)
    assert world.edge.memory["production"] != before
    world.good("rollback")
    assert world.edge.memory["production"] == before


def test_an_app_that_stays_keeps_its_settings(world: World) -> None:
    """Its containers were made from those, and answer on the old port."""
    world.ship()
    restarted(world, api={"port": 9001, "memory": "64m"}, front={"memory": "32m"})
    world.commit({"front": HEALTHY})
    world.good("deploy", apps=("front",))
    then = world.entries("staging")[-1].release.definition["apps"]
    assert (then["api"]["port"], then["front"]["memory"]) == (3000, "32m") and then["api"]["memory"] != "64m"
    found = problems(world, "promote", check=True)
    assert "changed since staging was deployed: api: port, api: memory" in found[0]
    world.good("deploy")
    assert world.good("promote").changed
    check_settled(world)


def test_what_was_removed_by_hand_is_there_again_after_a_way_back(one_by_one: None, tmp_path: Any) -> None:
    """Somebody removes what production ran, while a promote that will fail is under way."""
    world = World(str(tmp_path), shop_definition(in_place=True))
    world.ship()
    world.commit({"api": DYING})
    world.good("deploy")
    world.freshen()
    live = world.switch.memory["production"].partition("/")[2]
    confirm = world.probe.edge

    def remove(*arguments: Any) -> Any:
        world.docker.boxes = [box for box in world.docker.boxes if box.release != live]
        return confirm(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.probe, "edge", remove)
        report = world.run("promote", watch_seconds=10)
    assert report and report.failed and not report.changed
    assert {box.app for box in world.up("production")} == {"api", "front", "mail"}
    check_settled(world)


def test_rollback_over_a_change_of_how_an_app_is_replaced(world: World) -> None:
    """The switch knows today's ports only, and those depend on whether the app may run twice."""
    world.ship()
    restarted(world, front={"replace": "stop_first"})
    world.ship(front=HEALTHY)
    check_settled(world)
    world.good("rollback")
    check_settled(world)


def test_kept_containers_are_started_in_order(world: World) -> None:
    world.ship()
    world.ship()
    world.faults.disarm()
    world.good("rollback")
    starts = [call.split()[2] for call in world.faults.calls if call.startswith("docker start")]
    assert starts.index("mail") < starts.index("api")
    api, mail = (next(b for b in world.up("production") if b.app == app) for app in ("api", "mail"))
    assert api.began - mail.began >= 1, "the worker was up before the api was started"


def test_apps_that_never_run_twice_are_started_in_order(one_by_one: None, tmp_path: Any) -> None:
    world = World(str(tmp_path), shop_definition(in_place=True))
    world.ship()
    world.ship(front=HEALTHY, mail=HEALTHY)
    front, mail = (next(b for b in world.up("production") if b.app == app) for app in ("front", "mail"))
    assert front.began - mail.began >= 1
    check_settled(world)


# What every operation shares


def test_drain_waits_for_requests(world: World) -> None:
    world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.switch.busy["production", "blue", "api"] = world.clock.time + 4
    begun = world.clock.time
    world.good("promote")
    assert 4 <= world.clock.time - begun < 9
    world.switch.busy["production", "green", "api"] = world.clock.time + 1000
    begun = world.clock.time
    world.good("rollback")
    assert 10 <= world.clock.time - begun < 15, "but no longer than the app's drain time"


def test_tidying_that_fails_puts_nothing_back(world: World) -> None:
    """The release was confirmed: it stays, and the next operation does the rest."""
    world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    sessions = world.switch.sessions

    def go_down(*arguments: Any) -> dict[str, int]:
        world.switch.down = True
        return sessions(*arguments)

    world.switch.sessions = go_down  # type: ignore[method-assign]
    report = world.run("promote")
    assert report and report.failed and report.changed and "but the rest was not done" in report.message
    world.switch.sessions = sessions  # type: ignore[method-assign]
    world.switch.down = False
    live = world.switch.memory["production"]
    assert world.unfinished("production")
    assert "it was finished" in world.recover()[0]
    assert world.switch.memory["production"] == live
    check_settled(world)


def test_going_back_is_taken_up_as_going_back(world: World) -> None:
    """A release that was found bad does not become live because the way back was interrupted."""
    world.ship()
    world.commit({"front": DYING})
    world.good("deploy")
    world.freshen()
    before = world.switch.memory["production"]
    set_live = world.switch.set_live

    def refuse(stack: str, environment: str, live: Live | None) -> None:
        if live and str(live) == before:
            world.switch.down = True
            world.switch._up()
        set_live(stack, environment, live)

    world.switch.set_live = refuse  # type: ignore[method-assign]
    report = world.run("promote", watch_seconds=10)
    assert report and "so did putting back" in report.message
    world.switch.set_live = set_live  # type: ignore[method-assign]
    world.switch.down = False
    assert "it was undone" in world.recover()[0]
    assert world.switch.memory["production"] == before
    check_settled(world)


def test_way_back_over_an_image_that_is_gone(world: World) -> None:
    """Killed after the tags were moved; then somebody cleans up. The tag goes, and the next operation is free."""
    _, first = world.ship()
    world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    old = world.entry(first).release.images["api"]
    world.faults.disarm()
    tag = world.docker.tag

    def killed(image: str, repository: str, name: str) -> None:
        tag(image, repository, name)
        if name == "production":
            world.faults.kill_at(1)

    world.docker.tag = killed  # type: ignore[method-assign]
    assert world.run("promote") is None
    world.docker.tag = tag  # type: ignore[method-assign]
    world.revive()
    world.remove_image(old)
    assert "it was undone" in world.recover()[0]
    check_settled(world)


def test_second_operation_is_told_who_holds_the_lock(world: World) -> None:
    who = LockHolder.from_json(
        {"operation": "promote", "person": "bob", "host": "desk", "since": "12:00:00", "reason": "hotfix"}
    )
    with lock.hold(lock.lock_path("shop", "staging", world.places.locks), who, 0):
        assert problems(world, "deploy") == [
            "lock shop-staging.lock: busy: promote by bob on desk, since 12:00:00 (hotfix)"
        ]


def test_disk_full_before_anything(world: World) -> None:
    report = world.run("deploy")
    assert report and report.changed
    world.commit({"api": HEALTHY})
    world.faults.fail_at(2, disk=True)
    report = world.run("deploy")
    assert report and report.failed and "No space left on device" in report.problems[0]["what"]
    assert " MB free)" in report.problems[0]["what"]
    assert report.problems[0]["fix"] == report.fix == "ansible-playbook playbooks/cleanup.yml"


def test_what_the_journal_holds_is_no_secret(world: World) -> None:
    report = world.good("deploy")
    with open(report.journal, encoding="utf-8") as file:  # noqa: PTH123 - a path of the engine's
        text = file.read()
    assert "db://" not in text and "http://staging" not in text
    assert json.loads(text.splitlines()[0])["event"] == "begin"


def test_an_app_that_was_taken_out(world: World) -> None:
    world.ship()
    mapping = world.stack.to_mapping(with_env=True)
    del mapping["apps"]["mail"]
    mapping["apps"]["api"]["after"] = []
    world.stack = read_stack("shop", mapping)
    world.ship(api=HEALTHY)
    release = world.entries("production")[-1].release
    assert set(release.images) == {"api", "front"}
    assert not any(box.app == "mail" for box in world.up("production"))
    assert set(world.entry(world.good("rollback").release).release.images) == {"api", "front", "mail"}


def killed_after(world: World, call: str, operation: str, **options: Any) -> None:
    """Kill the operation just after this change."""
    world.faults.disarm()
    change = world.faults.strike

    def strike(what: str, after: bool) -> None:
        change(what, after)
        if after and what == call:
            world.faults.dead = True
            raise Killed

    world.faults.strike = strike  # type: ignore[method-assign]
    assert world.run(operation, **options) is None
    world.faults.strike = change  # type: ignore[method-assign]
    world.revive()


def test_killed_after_the_switch_and_the_new_release_does_not_answer(world: World) -> None:
    world.ship()
    before = world.switch.memory["production"]
    world.commit({"api": HEALTHY})
    world.good("deploy")
    killed_after(world, "switch memory production", "promote")
    assert world.switch.memory["production"] != before
    image = world.tag("api", "production")
    world.docker.images[image] = (world.docker.images[image][0], SICK)
    (found,) = world.recover()
    assert "the new release did not answer" in found and "so it was undone" in found
    assert world.switch.memory["production"] == before and not world.unfinished("production")


def test_killed_while_watching_looks_again(world: World) -> None:
    """It was confirmed once, but the watch had not ended: what died since must not stay."""
    world.ship()
    before = world.switch.memory["production"]
    world.commit({"front": DYING})
    world.good("deploy")
    world.freshen()
    wait = world.clock.wait

    def wait_and_die(seconds: float) -> None:
        wait(seconds)
        if seconds == 0.5:
            world.faults.dead = True

    world.clock.wait = wait_and_die  # type: ignore[method-assign]
    assert world.run("promote", watch_seconds=10) is None
    world.clock.wait = wait  # type: ignore[method-assign]
    world.revive()
    world.docker.images[world.tag("front", "production")] = (
        world.docker.images[world.tag("front", "production")][0],
        SICK,
    )
    assert "so it was undone" in world.recover()[0]
    assert world.switch.memory["production"] == before


def test_a_build_that_leaves_no_image(world: World) -> None:
    build = world.docker.build

    def forget(*arguments: Any) -> Any:
        results = build(*arguments)
        del world.docker.tags[f"api:{world.git.head[:12]}"]
        return results

    world.docker.build = forget  # type: ignore[method-assign]
    report = world.run("deploy")
    assert report and report.failed and "the build left no image" in report.problems[0]["what"]


def test_a_container_that_vanishes_while_it_starts(world: World) -> None:
    world.good("deploy")
    world.commit({"api": HEALTHY})
    create = world.docker.create_and_start

    def lose(file: str, directory: str, services: Any) -> None:
        create(file, directory, services)
        world.docker.boxes = [box for box in world.docker.boxes if not (box.app == "api" and box.slot == "green")]

    world.docker.create_and_start = lose  # type: ignore[method-assign]
    report = world.run("deploy")
    assert report and report.failed and "app api has no container" in report.problems[0]["what"]
    check_settled(world)


def test_live_release_that_is_not_in_the_history(world: World) -> None:
    """Its folder was removed by hand: everything can be deployed and promoted all the same."""
    world.ship()
    for name in list(world.store.written):
        del world.store.written[name]
    world.good("deploy")
    world.good("promote")
    world.violations.clear()
    check_settled(world)


def test_rollback_to_a_release_with_an_app_that_was_taken_out(world: World) -> None:
    """The switch has no place for it any more, so its routes cannot answer. That must not stop the rest."""
    _, first = world.ship()
    mapping = world.stack.to_mapping(with_env=True)
    del mapping["apps"]["front"]
    world.stack = read_stack("shop", mapping)
    world.ship(api=HEALTHY)
    assert world.good("rollback").release == first
    assert {box.app for box in world.up("production")} == {"api", "front", "mail"}
