# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Error pages through the life of a release."""

from __future__ import annotations

import dataclasses

import pytest
from fakes.docker import SICK
from fakes.stacks import shop_definition
from fakes.world import World

from release.stack.reader import read_stack

PAGES = {404: "pages/404.html", "503": {"html": "pages/503.html", "json": "pages/503.json"}}


@pytest.fixture
def paged(world: World) -> World:
    """The shop with error pages, whose source has them."""
    world.stack = read_stack("shop", {**shop_definition(), "error_pages": PAGES})
    write(world, "old")
    return world


def write(world: World, text: str) -> None:
    """Commit pages that say this."""
    world.commit({})
    files = world.git.commits[world.git.origin["main"]]
    files |= {"pages/404.html": f"{text} 404", "pages/503.html": f"{text} 503", "pages/503.json": f'"{text}"'}


def shown(world: World, environment: str = "production") -> bytes:
    """What visitors of an address that nobody has see."""
    return world.store.pages.get(world.edge.pages.get(environment, ""), {}).get("404.html", b"ours")


def test_they_go_with_the_release(paged: World) -> None:
    paged.ship()
    assert (shown(paged), shown(paged, "staging")) == (b"old 404", b"old 404")
    write(paged, "new")
    paged.ship()
    assert shown(paged) == b"new 404"
    paged.good("rollback")
    assert (shown(paged), shown(paged, "staging")) == (b"old 404", b"new 404")


def test_a_page_alone_is_a_release(paged: World) -> None:
    paged.ship()
    write(paged, "new")
    assert paged.good("deploy").changed and paged.good("promote").changed
    assert shown(paged) == b"new 404"
    assert not paged.good("deploy").changed


def test_production_gets_what_was_tried_in_staging(paged: World) -> None:
    """Whatever the repository says by then."""
    paged.good("deploy")
    paged.git.commits.clear()
    paged.clock.time += 2
    paged.good("promote")
    assert shown(paged) == b"old 404"
    assert set(paged.store.pages[paged.edge.pages["production"]]) == {"404.html", "404.json", "503.html", "503.json"}


def test_without_pages_nothing_is_asked(world: World) -> None:
    world.ship()
    assert not world.edge.pages and not [call for call in world.faults.calls if "pages" in call]


def test_pages_that_the_stack_no_longer_names_are_gone_and_come_back(paged: World) -> None:
    paged.ship()
    paged.stack = read_stack("shop", shop_definition())
    paged.ship()
    assert shown(paged) == b"ours"
    paged.good("rollback")
    assert shown(paged) == b"old 404"


def test_a_release_that_fails_brings_the_old_ones_back(paged: World) -> None:
    paged.ship()
    write(paged, "new")
    paged.good("deploy")
    paged.clock.time += 2
    paged.faults.on("edge pages production", lambda: setattr(paged.probe, "edge_down", True))
    report = paged.run("promote")
    assert report is not None and report.failed
    assert shown(paged) == b"old 404"


def test_a_first_release_that_fails_leaves_none(paged: World) -> None:
    paged.commit({"api": SICK})
    write_into(paged)
    report = paged.run("deploy")
    assert report is not None and report.failed
    assert shown(paged, "staging") == b"ours"


def write_into(world: World) -> None:
    world.git.commits[world.git.origin["main"]] |= {
        "pages/404.html": "404",
        "pages/503.html": "503",
        "pages/503.json": "1",
    }


def test_what_is_wrong_is_told_before_a_build(paged: World) -> None:
    files = paged.git.commits[paged.git.origin["main"]]
    del files["pages/404.html"]
    files["pages/503.json"] = "<p>"
    report = paged.run("deploy")
    assert report is not None and report.failed and "docker build" not in paged.faults.calls
    said = [problem["what"] for problem in report.problems]
    assert len(said) == 2 and "is no file of this commit" in said[0] and "is no JSON" in said[1]


def test_a_link_is_no_page(paged: World) -> None:
    paged.git.kinds["pages/404.html"] = "link"
    report = paged.run("deploy")
    assert report is not None and "is no file of this commit" in report.problems[0]["what"]


def test_staging_from_before_there_were_pages(world: World) -> None:
    world.good("deploy")
    world.stack = read_stack("shop", {**shop_definition(), "error_pages": PAGES})
    world.clock.time += 2
    report = world.run("promote")
    assert report is not None and "has no 404.html" in report.problems[0]["what"]
    assert "deploy_staging" in report.problems[0]["fix"]


def test_pages_that_are_lost_are_told_and_undone(paged: World) -> None:
    paged.good("deploy")
    paged.clock.time += 2
    paged.store.pages.clear()
    report = paged.run("promote")
    assert report is not None and report.failed and "are lost" in report.problems[0]["what"]


def test_some_apps_go_back_with_their_pages(paged: World) -> None:
    paged.ship()
    write(paged, "new")
    paged.ship()
    paged.good("rollback", apps=("api",))
    assert shown(paged) == b"old 404"
    assert dataclasses.is_dataclass(paged.stack)
