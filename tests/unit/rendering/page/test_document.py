# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status page: what it says, and that nothing in it is taken for HTML."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from dataclasses import replace
from typing import Any

import pytest
from fakes import pages
from support.page_reader import Reader

from release.releases.status import AppStatus
from release.rendering.page.document import STALE_MINUTES, page, stale_note, trouble

DAYS = [pages.usual, pages.first_day, pages.bad_day, pages.no_way_back, pages.drilled]


@pytest.mark.parametrize("day", DAYS)
def test_nothing_is_loaded_and_nothing_runs(day: Any) -> None:
    document = page(day())
    reader = Reader(document)
    allowed = {"html", "head", "meta", "title", "link", "style", "body", "header", "main", "footer", "section"}
    allowed |= {"h1", "h2", "p", "div", "span", "strong", "code", "time", "ul", "ol", "li", "dl", "dt", "dd"}
    allowed |= {"table", "thead", "tbody", "tr", "th", "td", "svg", "symbol", "path", "use"}
    assert {name for name, _ in reader.elements} <= allowed
    for name, attributes in reader.elements:
        assert not [key for key in attributes if key == "style" or key.startswith("on")], name
        target = attributes.get("href") or "#"
        assert target.startswith("#") or (name, target) == ("link", "data:,")
    sheet = base64.b64encode(hashlib.sha256(reader.style.encode()).digest()).decode()
    policy = next(m["content"] for m in reader.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy and f"style-src 'sha256-{sheet}'" in policy and "default-src 'none'" in policy
    assert "url(" not in reader.style and "@import" not in reader.style
    assert len(document) < 100_000


def test_what_people_wrote_is_text_to_browser_and_edge() -> None:
    document = page(pages.bad_day())
    assert "<script" not in document and "<img" not in document
    assert document.count(pages.MARK.replace("<", "&lt;").replace(">", "&gt;")) >= 6
    commands = re.findall("<!--.*?-->", document)
    assert commands == re.findall("<!--.*?-->", stale_note(pages.NOW)), "a command to the edge that is not ours"


def test_several_stacks_have_an_index() -> None:
    data = pages.usual()
    assert "<nav" not in page(data)
    document = page(data, pages.neighbours())
    reader = Reader(document)
    assert [link["href"] for link in reader.all("a")] == [
        "https://bakery.example/_onehost/",
        "http://<!--# echo var='host' default='' -->:4402/_onehost/",
    ]
    (nav,) = re.findall("<nav.*?</nav>", document)
    assert [text in nav for text in ("bakery", ": Needs attention", "library", ": Nothing has been released yet")]
    assert re.findall('aria-current="page"', nav) == ['aria-current="page"']


def test_where_nothing_is_live_only_a_deploy_is_advised() -> None:
    text = Reader(page(pages.first_day())).text
    assert text.count("sudo onehost deploy --stack shop") == 2 and "onehost promote" not in text


@pytest.mark.parametrize("day", DAYS)
def test_all_parts_are_there(day: Any) -> None:
    text = Reader(page(day())).text
    for part in ("Production", "Staging", "Rollback", "Disk", "Releases", "Promotes, rollbacks, deploys"):
        assert part in text
    assert "Updated 21 Nov, 07:01 UTC" in text


def test_a_usual_day() -> None:
    reader = Reader(page(pages.usual()))
    assert "Everything that is live is healthy" in reader.text
    assert "Production would go back to commit" in reader.text and "PUBLIC_URL: restored to the value" in reader.text
    assert "Deploy staging succeeded 25 minutes ago 21 Nov, 06:36 UTC by ann, took 1 min 04 s" in reader.text
    assert "29.4 GB free of 50.0 GB." in reader.text and "lowest free space in this period: 24.0 GB" in reader.text
    assert "refused" in reader.text and "gate soak" in reader.text
    drawn = [path for path in reader.all("path") if path.get("class") == "used"]
    assert len(drawn) == 3, "two pieces, for the host was off in between, and the key"
    floor = next(path["d"] for path in reader.all("path") if path.get("class") == "floor")
    assert floor == "M0 40.00H1000", "20 of 50 GB are to be free"
    for time_ in reader.all("time"):
        assert re.fullmatch(r"2026-11-\d\dT\d\d:\d\d:\d\dZ", str(time_["datetime"]))


def drawn(reader: Reader, kind: str) -> list[str]:
    """The lines of one kind in the plots of drills, without those of the disk and the keys."""
    found = [str(path["d"]) for path in reader.all("path") if path.get("class") == kind]
    return [line for line in found if line != "M0 6H24"][{"used": 2, "floor": 1}.get(kind, 0) :]


def test_what_drills_have_measured() -> None:
    reader = Reader(page(pages.drilled()))
    assert "production main : 12 drills, 1 failed; the newest 4 hours ago." in reader.text
    assert "recovery time: 2 min 19 s in the newest, at most 2 min 19 s" in reader.text
    assert "would be lost: 50 s in the newest, at most 21 min 00 s" in reader.text
    assert reader.text.count("target: 1 h 00 min") == 2 and reader.text.count("target: 15 min 00 s") == 2
    assert reader.text.count("1 not measured") == 2 and "staging search : 1 good" in reader.text
    assert "can be restored" in reader.text
    lines = drawn(reader, "used")
    assert len(lines) == 6, "two for each number of main, which was not measured once, and one dot's each of search"
    assert len(drawn(reader, "floor")) == 4 and len(drawn(reader, "gone")) == 2
    heights = [float(line.split()[1].partition("H")[0]) for line in drawn(reader, "floor")]
    newest = [float(line.split()[-1]) for line in lines]
    assert all(0 < height < 100 for height in heights + newest)
    assert heights[0] < newest[1], "what is below its target is drawn below it"
    labels = [str(image["aria-label"]) for image in reader.all("svg") if image.get("role") == "img"]
    assert labels[1].startswith("Recovery time of production main over 12 drills; recovery time: 2 min 19 s")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"failed": True}, "not to be relied on"),
        ({"recovery_seconds": None, "lost_seconds": None, "failed": True}, "not to be relied on"),
        ({"recovery_seconds": 4000.0}, "target missed"),
        ({"lost_seconds": None}, "target missed"),
    ],
)
def test_the_newest_drill_counts(change: dict[str, Any], word: str) -> None:
    data = pages.drilled()
    *others, last = data.drills["production main"]
    text = Reader(page(replace(data, drills={"production main": (*others, replace(last, **change))}))).text
    assert word in text and "can be restored" not in text


def test_where_nothing_was_tried_there_is_no_plot_of_it() -> None:
    assert "Drills" not in Reader(page(pages.usual())).text
    assert "Drills" not in Reader(page(replace(pages.usual(), drills={"production main": ()}))).text


def test_whose_image_an_app_runs() -> None:
    data = pages.usual()
    live = data.status.environments["production"]
    (first, *_), shared = live.apps, AppStatus("running", True, image="0123456789ab", image_of="hub")
    environments = {**data.status.environments, "production": replace(live, apps={**live.apps, first: shared})}
    assert "0123456789ab of hub" not in Reader(page(data)).text
    assert (
        "0123456789ab of hub"
        in Reader(page(replace(data, status=replace(data.status, environments=environments)))).text
    )


def test_how_many_containers_an_app_has() -> None:
    data = pages.usual()
    live = data.status.environments["production"]
    (first, second, *_) = live.apps
    apps = {
        first: AppStatus("running", True, replicas=3, healthy_replicas=3, scaled="3 in place of 1, by <ann>"),
        second: AppStatus("exited", False, replicas=2, healthy_replicas=1),
    }
    environments = {**data.status.environments, "production": replace(live, apps={**live.apps, **apps})}
    text = Reader(page(replace(data, status=replace(data.status, environments=environments)))).text
    assert "3 healthy" in text and "Scaled to 3 in place of 1, by <ann>" in text
    assert "1 of 2 replicas are healthy" in text


def test_the_first_day() -> None:
    text = Reader(page(pages.first_day())).text
    for part in (
        "Nothing has been released yet",
        "visitors of ports 4500, 80 see a notice",
        "sudo onehost deploy --stack shop",
    ):
        assert part in text
    for part in ("No releases yet", "No operations yet", "The plot starts with the second sample"):
        assert part in text


def test_a_bad_day() -> None:
    text = Reader(page(pages.bad_day())).text
    assert "Needs attention" in text and "production: not healthy: an-app-with-a-name-of-thirty-two, worker" in text
    assert "2 of 19 not healthy" in text, "an app that is not live yet is not counted"
    assert "promote running" in text and "on laptop runs for 1 min 10 s" in text
    assert (
        "Interrupted: 20261121T060112Z-staging-deploy-4711.jsonl" in text
        and "sudo onehost recover --stack shop" in text
    )
    assert "gates skipped: soak, disk_free" in text and "7 restarts" in text and "1 restart " in text
    assert "below its floor" in text and "SESSION_SECRET is 120 days old" in text


def test_when_the_host_cannot_be_looked_at() -> None:
    reader = Reader(trouble("shop", "vm-1", pages.NOW, f"docker: no answer {pages.MARK}"))
    assert f"docker: no answer {pages.MARK}" in reader.text and "could not be inspected" in reader.text


def fresh(note: str, at: float) -> bool:
    """What the edge decides when it is asked for the page."""
    pattern = re.search(r"/(\^\([0-9|]+\))/", note)
    assert pattern
    return bool(re.search(pattern[1], time.strftime("%Y%m%d%H%M", time.gmtime(at))))


def test_an_old_page_says_so() -> None:
    note = stale_note(pages.NOW)
    assert fresh(note, pages.NOW) and fresh(note, pages.NOW + 60 * (STALE_MINUTES - 1))
    assert not fresh(note, pages.NOW + 60 * STALE_MINUTES) and not fresh(note, pages.NOW + 86400)
    assert fresh(stale_note(pages.NOW // 60 * 60), pages.NOW // 60 * 60 - 1), "a clock that is a moment behind"
    assert not fresh(note, pages.NOW - 60), "a clock that was set back"
    assert len(max(re.findall("'.*?'", note), key=len)) < 256, "nginx reads no longer value (ssi_value_length)"
