# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploy on a faked host: what it does, refuses and leaves alone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from fakes.docker import CRASHING, DYING, HEALTHY, SICK
from fakes.stacks import changed_stack, shop_with_matrix, shop_with_processes
from fakes.world import World
from invariants.invariants import check_settled
from support.operations import problems, restarted

from release.env.env_file import format_env
from release.planning.gates import short_id
from release.releases.runtime import BuildResult
from release.rendering.report import report_lines
from release.stack.reader import read_stack


def test_deploy_twice_changes_nothing(world: World) -> None:
    world.good("deploy")
    again = world.good("deploy")
    assert not again.changed and "with the same images, configuration and keys" in again.message


def test_only_what_changed_is_built(world: World) -> None:
    world.good("deploy")
    world.commit({"api": HEALTHY})
    assert set(world.good("deploy").built) == {"api"}


@pytest.mark.parametrize("where", ["stack", "repository", "beside the Dockerfile"])
def test_a_commit_to_what_is_ignored_changes_nothing(world: World, where: str) -> None:
    """With `context: .`, which sees the whole repository."""
    api: dict[str, Any] = {"context": ".", "dockerfile": "api/Dockerfile"}
    files = {"api/Dockerfile": "FROM scratch", "README.md": "one", "docs/a": "one", "main": "one"}
    if where == "stack":
        api["build_ignores"] = ["*.md", "docs", "front", "mail", "api/main"]
    else:
        files[".dockerignore" if where == "repository" else "api/Dockerfile.dockerignore"] = "*\n!main\n"
    restarted(world, api=api)
    commit = world.git.origin["main"]
    world.git.commits[commit] |= files
    world.good("deploy")

    def pushed(**changes: str) -> list[str]:
        paths = {"readme": "README.md", "docs": "docs/a", "main": "main", "dockerfile": "api/Dockerfile"}
        known = world.git.commits[world.git.origin["main"]]
        new = f"{len(world.git.commits):040x}"
        world.git.commits[new] = known | {paths[name]: text for name, text in changes.items()}
        world.git.origin["main"] = new
        return sorted(world.good("deploy").built)

    assert pushed(readme="two", docs="two") == []
    assert "already runs" in world.good("deploy").message
    assert pushed(main="two") == ["api"]
    assert pushed(dockerfile="FROM other") == ["api"], "it counts though the patterns ignore it"


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
        (lambda w: setattr(w.git, "offline", True), "the source cannot be fetched: could not resolve host"),
        (lambda w: setattr(w.store, "free", 1), "0.0 GB free, the floor is 1 GB"),
        (lambda w: w.store.env.pop("staging"), "shop/env/staging: env file is missing"),
        (lambda w: w.store.keys.pop("jwt_private.pem"), "shop/keys/jwt_private.pem: key file is missing"),
        (lambda w: w.git.commits[w.git.origin["main"]].pop("api/Dockerfile"), "api/Dockerfile does not exist"),
        (lambda w: restarted(w, api={"context": "backend"}), "folder backend does not exist in commit"),
        (lambda w: w.git.kinds.update(api="link"), "folder api is no folder in commit"),
        (lambda w: w.git.tags.update({"refs/tags/main": "1" * 40}), "ambiguous: refs/heads/main ("),
    ],
)
def test_deploy_refuses(world: World, spoil: Any, text: str) -> None:
    spoil(world)
    assert any(text in problem for problem in problems(world, "deploy"))


def test_deploy_refuses_all_at_once(world: World) -> None:
    world.store.free = 1
    world.store.env.pop("common")
    found = problems(world, "deploy", apps=("nobody", "api"), version="main")
    assert len(found) >= 3, found


def test_deploy_refuses_a_version_that_does_not_exist(world: World) -> None:
    assert "'v9' is not a branch, tag or commit" in problems(world, "deploy", version="v9")[0]


def test_a_repository_with_names_of_the_platform(world: World) -> None:
    """It is built from a tree of its own, so they collide with nothing; nor must a .dockerignore name anything."""
    restarted(world, api={"context": "."})
    files = {"config/x": "", "nginx/x": "", "releases/x": "", "scripts/x": "", "docker-compose.yml": ""}
    world.git.commits[world.git.origin["main"]].update({**files, "Dockerfile": "FROM scratch"})
    assert world.good("deploy").changed
    assert [set(folders) for folders in world.git.laid_out] == [{".", "front", "mail"}]


def test_only_what_is_built_is_laid_out(world: World) -> None:
    world.good("deploy")
    world.commit({"api": HEALTHY})
    world.good("deploy")
    before = list(world.faults.calls)
    assert not world.good("deploy").changed
    assert world.git.laid_out[1:] == [["api"]] and "git lay out" not in world.faults.calls[len(before) :]


def test_an_app_that_is_a_submodule(world: World) -> None:
    restarted(world, api={"context": "vendor/api"})
    world.git.submodules["vendor"] = "1" * 40
    world.good("deploy")
    assert world.git.laid_out[0].count("vendor/api") == 1
    assert not world.good("deploy").changed
    world.git.submodules["vendor"] = "2" * 40
    assert set(world.good("deploy").built) == {"api"}


def test_full_names_of_branches_and_tags(world: World) -> None:
    commit = world.git.origin["main"]
    world.git.tags["refs/tags/main"] = world.commit({"api": HEALTHY})
    assert world.good("deploy", version="refs/tags/main").commit == world.git.tags["refs/tags/main"]
    world.git.origin["main"] = commit
    assert world.good("deploy", version="refs/heads/main").commit == commit


def test_the_checkout_shows_what_was_built(world: World) -> None:
    commit = world.git.origin["main"]
    world.good("deploy")
    assert world.git.shown == commit
    world.git.view_trouble = "it has local changes: M api/main"
    world.commit({"api": HEALTHY})
    report = world.good("deploy")
    assert world.git.shown == commit != report.commit
    assert "the checkout for people stays as it was: it has local changes" in Path(report.journal).read_text()


def test_no_checkout(world: World) -> None:
    world.stack = dataclasses.replace(world.stack, checkout=False)
    world.good("deploy")
    assert world.git.shown == ""


def with_build_secret(world: World, **values: str) -> None:
    definition = shop_with_matrix(NPM_TOKEN={"class": "secret", "same": True})
    definition["apps"]["api"]["build_secrets"] = ["NPM_TOKEN"]
    world.stack = read_stack("shop", definition)
    world.store.env["common"] = format_env({"DATABASE_URL": "db://1", "COLOUR": "blue", **values}).encode()


def test_a_build_secret(world: World) -> None:
    """Its build gets it, no container does, and another value is no other build."""
    with_build_secret(world, NPM_TOKEN="npm-first-value")
    world.good("deploy")
    assert world.store.build_secrets == {"NPM_TOKEN": "npm-first-value"}
    assert all(b"npm-first-value" not in data for env in world.store.slot_env.values() for data in env.values())
    assert "npm-first-value" not in json.dumps(list(world.store.files.values()))
    world.commit({"front": HEALTHY})
    world.good("deploy")
    assert world.store.build_secrets == {}, "the build of another app"
    with_build_secret(world, NPM_TOKEN="npm-other-value")
    assert not world.good("deploy").built


def test_a_build_secret_without_a_value(world: World) -> None:
    with_build_secret(world)
    found = problems(world, "deploy")
    assert any("app api: build secret NPM_TOKEN has no value in staging" in problem for problem in found), found


def test_a_build_secret_in_an_image_is_found(world: World) -> None:
    with_build_secret(world, NPM_TOKEN="npm-first-value")
    world.docker.inside = b"//registry/:_authToken=npm-first-value"
    report = world.run("deploy")
    assert report and report.failed and "NPM_TOKEN (staging) in /app/.env" in report.problems[0]["what"]
    assert "npm-first-value" not in json.dumps(report.to_json())


def test_first_deploy_brings_every_app(world: World) -> None:
    assert "the first deploy must include every app" in problems(world, "deploy", apps=("api",))[0]


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
        (SICK, "api", "is not healthy after 5 s: /health: HTTP 500 no database"),
        (CRASHING, "api", "keeps crashing: exit code 1, "),
        (CRASHING, "mail", "keeps crashing"),
    ],
)
def test_a_bad_release_never_goes_live(world: World, behaviour: str, app: str, cause: str) -> None:
    world.good("deploy")
    before = dict(world.router.does), world.tag(app, "staging")
    world.commit({app: behaviour})
    report = world.run("deploy")
    assert report and report.failed and cause in report.problems[0]["what"] and report.log, report
    assert (dict(world.router.does), world.tag(app, "staging")) == before
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
    before = dict(world.router.does), dict(world.docker.tags)
    report = world.run("promote", watch_seconds=10)
    assert report and report.failed and "died after the switch" in report.problems[0]["what"]
    assert report.problems[0]["fix"].startswith(
        "ansible-playbook onehost.release.logs -e stack=shop -e app=front -e where=production -e release="
    )
    assert (dict(world.router.does), dict(world.docker.tags)) == before
    check_settled(world)


def test_gone_in_the_watch_period(world: World) -> None:
    world.ship()
    world.commit({"front": HEALTHY})
    world.good("deploy")

    def remove() -> None:
        if world.router.does["production"].startswith("green"):
            world.docker.boxes = [
                b
                for b in world.docker.boxes
                if not (b.app == "front" and b.slot == "green" and b.environment == "production")
            ]

    world.faults.on("clock wait", remove)
    report = world.run("promote", watch_seconds=10)
    assert report and report.failed and "has lost its container" in report.problems[0]["what"]


def test_sick_at_the_end_of_the_watch_period(world: World) -> None:
    world.ship()
    world.commit({"front": HEALTHY})
    world.good("deploy")

    def fall_ill() -> None:
        if world.router.does["production"].startswith("green"):
            image = world.tag("front", "staging")
            world.docker.images[image] = (world.docker.images[image][0], SICK)

    world.faults.on("clock wait", fall_ill)
    report = world.run("promote", watch_seconds=5)
    assert report and report.failed and "is no longer healthy: HTTP 500" in report.problems[0]["what"]


def test_edge_does_not_answer(world: World) -> None:
    world.ship()
    world.commit({"front": HEALTHY})
    world.good("deploy")
    before = dict(world.router.does)
    world.probe.edge_down = True
    report = world.run("promote")
    assert report and report.failed and world.router.does == before
    assert "4 of 4 checks through the edge failed" in report.problems[0]["what"]
    assert "names no release, expected" in report.problems[0]["what"]
    assert report.problems[0]["fix"].startswith("on the host: curl -i -H 'Host: localhost' http://127.0.0.1:8200/")


def test_a_preview_says_what_would_be_built_and_why(world: World) -> None:
    def preview(**options: Any) -> list[str]:
        report = world.run("deploy", check=True, **options)
        assert report and not report.failed and any("would: api" in line for line in report_lines(report.to_json()))
        return report.preview

    assert preview() == [
        f"{app}: would be built: staging has no release with it yet" for app in ("api", "front", "mail")
    ]
    world.good("deploy")
    images = world.entries("staging")[-1].release.images
    world.commit({"api": HEALTHY})
    world.stack = changed_stack(world, front={"memory": "64m"}, mail={"build_target": "slim"})
    assert preview() == [
        "api: would be built: its source api has changed",
        f"front: image {short_id(images['front'])} is live already; settings changed: memory",
        "mail: would be built: changed build settings: build_target",
    ]
    assert preview(rebuild=True)[1] == "front: would be built: rebuild was asked for; settings changed: memory"


def test_a_preview_of_what_was_built_before(world: World) -> None:
    first = world.commit({"api": HEALTHY})
    world.good("deploy")
    image = world.entries("staging")[-1].release.images["api"]
    world.commit({"api": HEALTHY})
    world.good("deploy")
    report = world.run("deploy", check=True, version=first)
    assert report and report.preview[0] == f"api: image {short_id(image)} of the same source is used again"


@pytest.mark.parametrize(
    ("step", "error", "cause", "fix"),
    [
        ("[2/3] RUN false", "exit code: 1", "at step 2 of 3: RUN false failed", "fix the Dockerfile"),
        ("", "lookup registry-1.docker.io: no such host", "no such host", "the base image cannot be fetched"),
        ("[1/2] FROM x", "x: failed to resolve source metadata", "at step 1 of 2: FROM x failed", "the base"),
        ("[web 4/12] RUN x", "exit code: 1", "api could not be built, at step 4 of 12: RUN x failed", "fix the"),
        ("", "", "it failed before the first step", "fix the Dockerfile"),
    ],
)
def test_why_a_build_failed(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str, error: str, cause: str, fix: str
) -> None:
    failed = [BuildResult("api", 1.0, ok=False, step=step, error=error)]
    monkeypatch.setattr(world.docker, "build", lambda *arguments: failed)
    report = world.run("deploy")
    assert report and report.problems[0]["what"].endswith(cause) and report.fix.startswith(fix)


def test_secrets_without_a_matrix_are_looked_for_too(world: World) -> None:
    world.store.env["common"] = b"DATABASE_URL='a-secret-of-some-length'\nCOLOUR='blue'\n"
    world.docker.inside = b"x a-secret-of-some-length y"
    report = world.run("deploy")
    assert report and "DATABASE_URL (staging)" in report.problems[0]["what"]


# Several apps of one image


@pytest.fixture
def processes(one_by_one: None, tmp_path: Path) -> World:
    return World(str(tmp_path), shop_with_processes())


def test_one_build_for_all_apps_of_an_image(processes: World) -> None:
    processes.store.env["common"] = format_env({"DATABASE_URL": "db://long-enough"}).encode()
    report = processes.good("deploy")
    assert set(report.built) == {"api", "front", "mail"} and len(processes.docker.images) == 3
    (searched,) = processes.docker.exported
    assert len(searched) == len(set(searched)) == 3, "one search, too"
    release = processes.entries("staging")[0].release
    for field in (release.images, release.sources, release.commits):
        assert field["jobs"] == field["api"] != ""
    assert {box.image for box in processes.up("staging") if box.app in ("api", "jobs")} == {release.images["api"]}
    service = processes.store.files["/state/staging-blue/compose.json"]["services"]["jobs"]
    assert service["command"] == ["node", "jobs.js"] and service["environment"]["RELEASE_APP"] == "jobs"
    assert processes.tag("jobs", "staging") == processes.tag("api", "staging") == release.images["api"]
    assert not processes.tag("jobs", release.commit[:12]), "only what was built is called by its commit"
    again = processes.good("deploy")
    assert not again.changed and "already runs" in again.message
    check_settled(processes)


def test_a_rebuild_is_one_too(processes: World) -> None:
    before = processes.good("deploy").release
    report = processes.good("deploy", rebuild=True)
    release = processes.entry(report.release).release
    assert set(report.built) == {"api", "front", "mail"}
    assert release.images["jobs"] == release.images["api"] != processes.entry(before).release.images["api"]


@pytest.mark.parametrize(("asked", "along"), [("jobs", "api"), ("api", "jobs")])
def test_apps_of_one_image_go_together(processes: World, asked: str, along: str) -> None:
    processes.good("deploy")
    processes.commit({"api": HEALTHY, "front": HEALTHY})
    would = processes.run("deploy", check=True, apps=(asked,))
    assert would is not None and [line.partition(":")[0] for line in would.preview] == ["api", "jobs"]
    assert "would be built" in would.preview[0] and "runs the image of api" in would.preview[1]
    report = processes.good("deploy", apps=(asked,))
    release = processes.entry(report.release).release
    assert set(report.built) == {"api"} and release.images["api"] == release.images["jobs"]
    assert report.notes == [f"{along} goes along: apps of one image have the same in a release"] == would.notes
    check_settled(processes)


def test_another_command_is_another_release_of_the_same_image(processes: World) -> None:
    before = processes.good("deploy").release
    processes.stack = changed_stack(processes, jobs={"command": ["node", "other.js"]})
    would = processes.run("deploy", check=True)
    assert would is not None and "jobs: runs the image of api; settings changed: command" in would.preview
    report = processes.good("deploy")
    assert report.changed and not report.built
    assert processes.entry(report.release).release.images == processes.entry(before).release.images


def test_an_image_of_its_own_before_and_after(processes: World) -> None:
    """The tags of an app follow what it runs, whose image that is."""
    shared = processes.stack
    processes.stack = read_stack("shop", shop_with_processes(image_of=None, context="jobs", command=None))
    processes.ship()
    own = processes.tag("jobs", "production")
    processes.stack = shared
    would = processes.run("deploy", check=True)
    assert would is not None and "jobs: runs the image of api; settings changed: image_of, command" in would.preview
    processes.ship()
    assert processes.tag("jobs", "production") == processes.tag("api", "production") != own
    assert processes.tag("jobs", "rollback") == own
    processes.good("rollback")
    assert processes.tag("jobs", "production") == own
    check_settled(processes)
    processes.stack = read_stack("shop", shop_with_processes(image_of=None, context="jobs", command=None))
    processes.commit({"jobs": HEALTHY})
    would = processes.run("deploy", check=True)
    assert would is not None and any(
        line.startswith("jobs: would be built: changed build settings: image_of") for line in would.preview
    )
    processes.ship(jobs=HEALTHY)
    check_settled(processes)


def test_a_part_that_would_leave_an_app_of_the_image_behind(processes: World) -> None:
    """An app that stays keeps its definition: with the image of the other as it was."""
    processes.good("deploy")
    processes.stack = read_stack("shop", shop_with_processes(image_of=None, context="jobs", command=None))
    processes.commit({"api": HEALTHY, "jobs": HEALTHY})
    (found,) = problems(processes, "deploy", apps=("api",))
    assert "app jobs: runs the image of api, which would have another one in this release" in found
    check_settled(processes)
    assert processes.good("deploy").changed


@pytest.mark.parametrize("own", [False, True])
def test_the_check_of_an_image_is_for_the_app_it_was_built_for(processes: World, own: bool) -> None:
    def healthcheck() -> Any:
        report = processes.good("deploy")
        return processes.entry(report.release).release.services["jobs"].get("healthcheck")

    assert healthcheck() is None, "nobody has said how else it is to be asked"
    compose = {"healthcheck": {"test": ["CMD", "ping"]}} if own else {}
    processes.stack = changed_stack(processes, jobs={"health_command": ["ping"], "compose": compose})
    assert healthcheck() == (compose["healthcheck"] if own else {"disable": True})


def test_a_worker_that_others_wait_for_is_well_by_its_own_check(processes: World) -> None:
    """Not by having run for a second."""
    processes.stack = changed_stack(processes, jobs={"health_command": ["ping"]}, front={"after": ["jobs"]})
    processes.docker.ends["jobs"] = (1, "no queue")
    report = processes.run("deploy")
    assert report is not None and report.failed and "app jobs is not healthy after 5 s" in report.message
    assert "its health_command fails with exit code 1: no queue" in report.problems[0]["what"]
    assert not any(box.app == "front" for box in processes.docker.boxes), "it was never started"
