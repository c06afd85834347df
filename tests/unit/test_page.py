# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status page: what it is drawn from, what it says, that nothing in it is taken for HTML, and where it is put."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import json
import os
import re
import stat
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import pages
from support.fakes import CRASHING, HEALTHY, World
from support.waiting import until

from release.adapters import disk_samples, systemd_page
from release.adapters.disk import Disk
from release.adapters.disk_samples import MOST_LINES
from release.errors import OperationError
from release.operations import page_writer
from release.operations.page_data import look
from release.planning import disk_usage
from release.planning.disk_usage import BUCKET_SECONDS, KEPT_SECONDS, Sample
from release.process import journal, lock
from release.releases.lock_holder import LockHolder
from release.releases.release import seconds_of
from release.rendering.page.data import PageData
from release.rendering.page.document import STALE_MINUTES, page, stale_note, trouble
from release.rendering.page.environment import environment
from release.rendering.page.html import Markup, ago, clock, gigabytes, join, length, moment, tag
from release.rendering.page.parts import clip
from release.rendering.page.verdict import findings, verdict

GB = 1_000_000_000
SPACE = (50 * GB, 30 * GB)


class Reader(html.parser.HTMLParser):
    """What a browser would make of it: the elements, their attributes, the text that is read."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.comments: list[str] = []
        self.style = ""
        self.feed(document)
        self.close()
        assert self.open == [], "elements that nobody closes"

    def handle_starttag(self, element: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((element, dict(attributes)))
        if element not in ("meta", "link"):
            self.open.append(element)

    def handle_endtag(self, element: str) -> None:
        assert self.open.pop() == element

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"]:
            self.style += data
        elif data.strip():
            self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, element: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == element]


DAYS = [pages.usual, pages.first_day, pages.bad_day, pages.no_way_back]


def test_texts_become_html_only_where_it_was_made() -> None:
    assert tag("p", "<b>", Markup("<b>")) == "<p>&lt;b&gt;<b></p>"
    assert tag("a", class_="x", http_equiv='"') == '<a class="x" http-equiv="&quot;"></a>'
    assert tag("meta", name="a") == '<meta name="a">'
    assert join("<", Markup("<")) == "&lt;<"
    assert type(Markup("<") + "<") is str, "a sum is a text again"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((0, "just now"), (10, "10 s ago"), (59.9, "59 s ago"), (60, "1 minute ago"), (3599, "59 minutes ago")),
        *((3600, "1 hour ago"), (86399, "23 hours ago"), (86400, "1 day ago"), (4e6, "46 days ago"), (-5, "just now")),
    ],
)
def test_how_long_ago(seconds: float, words: str) -> None:
    assert ago(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "less than 0.1 s"),
        (0.4, "0.4 s"),
        (9.94, "9.9 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 00 min"),
    ],
)
def test_how_long_it_took(seconds: float, words: str) -> None:
    assert length(seconds) == words


def test_moments_and_sizes() -> None:
    assert moment(pages.NOW - 60, pages.NOW).startswith('<time datetime="2026-11-21T07:00:12Z">')
    assert clock(pages.NOW, pages.NOW) == '<span class="when">21 Nov, 07:01 UTC</span>'
    assert "21 Nov 2026, 07:01 UTC" in clock(pages.NOW, pages.NOW + 90 * 86400)
    assert [gigabytes(size) for size in (0, 1.25e9, 99.94e9, 100e9)] == ["0.0 GB", "1.2 GB", "99.9 GB", "100 GB"]
    assert seconds_of("20261121T070112Z-production-abc") == pages.NOW and seconds_of("") is None
    assert clip("x" * 10, 10) == "x" * 10 and clip("x" * 11, 10) == "x" * 9 + "…"


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


@pytest.mark.parametrize("day", DAYS)
def test_all_parts_are_there(day: Any) -> None:
    text = Reader(page(day())).text
    for part in ("Production", "Staging", "Rollback", "Disk", "Releases", "Promotes, rollbacks, deploys"):
        assert part in text
    assert "Written 21 Nov, 07:01 UTC" in text


def test_a_usual_day() -> None:
    reader = Reader(page(pages.usual()))
    assert "Everything that is live is healthy" in reader.text
    assert "Production would go back to commit" in reader.text and "PUBLIC_URL: back to its value" in reader.text
    assert "Deploy staging succeeded 25 minutes ago 21 Nov, 06:36 UTC by ann, took 1 min 04 s" in reader.text
    assert "29.4 GB free of 50.0 GB." in reader.text and "least free in this time: 24.0 GB" in reader.text
    assert "refused" in reader.text and "gate soak" in reader.text
    drawn = [path for path in reader.all("path") if path.get("class") == "used"]
    assert len(drawn) == 3, "two pieces, for the host was off in between, and the key"
    floor = next(path["d"] for path in reader.all("path") if path.get("class") == "floor")
    assert floor == "M0 40.00H1000", "20 of 50 GB are to be free"
    for time_ in reader.all("time"):
        assert re.fullmatch(r"2026-11-\d\dT\d\d:\d\d:\d\dZ", str(time_["datetime"]))


def test_the_first_day() -> None:
    text = Reader(page(pages.first_day())).text
    for part in ("Nothing was released yet", "ports 4500, 80 say so to visitors", "deploy_staging.yml"):
        assert part in text
    for part in ("No release was made yet", "No operation was run yet", "The plot begins with the second sample"):
        assert part in text


def test_a_bad_day() -> None:
    text = Reader(page(pages.bad_day())).text
    assert "Needs a person" in text and "production: not healthy: an-app-with-a-name-of-thirty-two, worker" in text
    assert "2 of 19 not healthy" in text, "an app that is not live yet is not counted"
    assert "promote running" in text and "on laptop runs for 1 min 10 s" in text
    assert "Interrupted: 20261121T060112Z-staging-deploy-4711.jsonl" in text and "recover.yml" in text
    assert "gates passed over: soak, disk_free" in text and "7 restarts" in text and "1 restart " in text
    assert "below its floor" in text and "SESSION_SECRET is 120 days old" in text


def test_the_first_line_tells_the_worst() -> None:
    data = pages.no_way_back()
    assert findings(data) == ([], ["a rollback is not possible, see below"], [])
    assert "something to know" in verdict(data) and "not possible" in page(data)
    sick = with_hub(data, healthy=False)
    assert "Needs a person" in verdict(sick)
    assert "1 of 5 not healthy" in environment(sick, "staging")
    assert ">missing</span>" in environment(with_hub(data, state="missing", healthy=False), "staging")


def with_hub(data: PageData, **state: Any) -> PageData:
    """The same page, with another state of one app in staging."""
    staging = data.status.environments["staging"]
    apps = {**staging.apps, "hub": replace(staging.apps["hub"], **state)}
    environments = {**data.status.environments, "staging": replace(staging, apps=apps)}
    return replace(data, status=replace(data.status, environments=environments))


def test_when_the_host_cannot_be_looked_at() -> None:
    reader = Reader(trouble("shop", "vm-1", pages.NOW, f"docker: no answer {pages.MARK}"))
    assert f"docker: no answer {pages.MARK}" in reader.text and "could not be looked at" in reader.text


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


# What it is drawn from


def seen(world: World, samples: list[Sample] | None = None) -> PageData:
    return look(world.host, world.stack, "vm-1", SPACE, samples or [], world.places)


def test_the_file_beside_the_page_says_the_same(world: World) -> None:
    world.ship()
    data = seen(world, [Sample(1, 2, 1)]).to_json()
    assert data["stack"] == "shop" and data["disk"]["samples"] == [[1, 2, 1]]
    assert json.loads(json.dumps(data))["environments"]["production"]["apps"]["api"]["healthy"] is True
    assert {"host", "at", "releases", "operations", "notes", "rollback", "history", "free_gb"} <= data.keys()


def test_the_past_with_durations(world: World) -> None:
    world.ship()
    world.commit({"api": CRASHING})
    failed = world.run("deploy", reason="try this")
    assert failed and failed.failed
    assert (refused := world.run("rollback")) and refused.failed
    data = seen(world)
    done = [(item.operation, item.outcome) for item in data.operations]
    assert sorted(done) == [
        ("deploy", "failed"),
        ("deploy", "succeeded"),
        ("promote", "succeeded"),
        ("rollback", "refused"),
    ]
    assert all(item.seconds is not None and item.person == "ann" for item in data.operations)
    assert [item.status for item in data.releases] == ["failed", "live", "live"]
    assert data.releases[0].reason == "try this" and 0 <= world.clock.time - (data.releases[0].created_at or 0) < 3
    text = Reader(page(data)).text
    assert "try this" in text and "Rollback production refused" in text
    assert data.status.rollback.possible is False and "not possible" in text


def test_before_the_first_release(world: World) -> None:
    assert "Nothing was released yet" in Reader(page(seen(world))).text


def write_journal(world: World, name: str, *lines: str) -> None:
    folder = Path(journal.directory("shop", world.places.state))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(lines))


def test_an_operation_runs_or_was_interrupted(world: World) -> None:
    begin = json.dumps({"event": "begin", "at": 5, "operation": "deploy", "person": "ann", "pid": 1}) + "\n"
    write_journal(world, "1Z-staging-deploy-1.jsonl", begin, '{"event": "no')
    assert [item.outcome for item in seen(world).operations] == ["interrupted"]
    with lock.hold(
        lock.lock_path("shop", "staging", world.places.locks),
        LockHolder.from_json({"pid": 1, "operation": "deploy"}),
        0,
    ):
        data = seen(world)
        assert [(item.outcome, item.seconds) for item in data.operations] == [("running", None)]
        assert "Deploy by an unknown user on an unknown host runs for" in Reader(page(data)).text
    with lock.hold(lock.lock_path("shop", "staging", world.places.locks), LockHolder.from_json({"pid": 2}), 0):
        assert [item.outcome for item in seen(world).operations] == ["interrupted"], "another one runs"


def test_a_journal_is_read_at_its_ends_only(world: World) -> None:
    begin, note = '{"event": "begin", "at": 5}\n', json.dumps({"event": "note", "text": "x" * 90}) + "\n"
    end = json.dumps({"event": "end", "at": 9, "outcome": "failed", "message": "y" * 9000}) + "\n"
    write_journal(world, "3Z-staging-deploy-1.jsonl", begin, note * 200, end)
    write_journal(world, "2Z-staging-deploy-1.jsonl", begin, note * 200)
    write_journal(world, "1Z-staging-deploy-1.jsonl", "")
    found = journal.glances("shop", "staging", world.places.state)
    assert [begin.get("at") for begin, _end in found] == [5, 5, None]
    assert [end and (end["outcome"], len(end["message"])) for _begin, end in found] == [("failed", 9000), None, None]
    assert [Path(r.path).name[0] for r in journal.unfinished("shop", "staging", world.places.state)] == ["2", "1"]


# Disk use over time


def test_samples_are_thinned_and_forgotten(tmp_path: Path) -> None:
    path = str(tmp_path / "disk.jsonl")
    begin = 1_800_000_000 // BUCKET_SECONDS * BUCKET_SECONDS
    for minute in range(25):
        kept = disk_samples.add(Sample(begin + 60 * minute, 100, 50 - minute % 10), path)
    assert [(sample.at - begin, sample.free) for sample in kept] == [(540, 41), (1140, 41), (1440, 46)], "the fullest"
    later = begin + KEPT_SECONDS + 1200
    assert [s.at for s in disk_samples.add(Sample(later, 100, 9), path)] == [begin + 1440, later]
    assert [s.at for s in disk_usage.thin([Sample(later + 1, 100, 9)], later)] == [], "the clock was set back"
    assert disk_usage.lowest(kept) == Sample(begin + 540, 100, 41) and disk_usage.lowest([]) is None


def test_the_file_never_grows(tmp_path: Path) -> None:
    path = tmp_path / "disk.jsonl"
    now = 1_800_000_000
    line = "[%d, 100, 50]\n"
    path.write_text("".join(line % (now - 60 * minute) for minute in reversed(range(1, MOST_LINES))))
    disk_samples.add(Sample(now, 100, 50), str(path))
    assert len(path.read_text().splitlines()) < MOST_LINES / 5
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert MOST_LINES * len(line % now) < 60_000


def test_what_is_no_sample_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "disk.jsonl"
    path.write_text('[1, 100, 50]\n[2, 100\nnull\n[3, 100, 101]\n{"a": 1}\n[4, 0, 0]\n["5", 100, 1]\n\n[6, 100')
    assert disk_samples.load(str(path)) == [Sample(1, 100, 50), Sample(5, 100, 1)]
    assert disk_samples.load(str(tmp_path / "none")) == []
    assert Sample(1, 100, 30).used == 70


# Where it is put


class FakeDisk(Disk):
    """A disk of a size that a test has chosen, or none that answers."""

    def __init__(self, found: tuple[int, int] | None = SPACE) -> None:
        super().__init__()
        self.found = found

    def space(self, stacks: Any) -> tuple[int, int]:
        if self.found is None:
            raise OperationError("Docker does not answer", "docker.sock", "connection refused")
        return self.found


@pytest.fixture
def home(world: World) -> Path:
    path = Path(systemd_page.directory("shop", world.places.state))
    path.mkdir(parents=True)
    return path


def write(world: World, disk: Disk | None = None) -> list[str]:
    return page_writer.write_all(world.host, [world.stack], disk or FakeDisk(), world.places)


def test_written_for_the_edge_alone(world: World, home: Path) -> None:
    world.ship()
    assert write(world) == []
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {
        "index.html": 0o640,
        "status.json": 0o640,
    }
    assert "shop" in Reader((home / "index.html").read_text()).text
    assert json.loads((home / "status.json").read_text())["disk"]["free"] == SPACE[1]
    assert len(disk_samples.load(f"{world.places.state}/disk.jsonl")) == 1


def test_no_directory_no_page(world: World) -> None:
    assert write(world, FakeDisk(None)) == []
    assert not Path(world.places.state).exists()


def test_no_value_of_a_secret_is_shown(world: World, home: Path) -> None:
    world.ship()
    world.rotate_secret()
    world.ship()
    assert write(world) == []
    for path in home.iterdir():
        assert "db://" not in path.read_text(), path.name
        assert "DATABASE_URL" in path.read_text(), "its name is told: a rollback keeps today's value"


def test_trouble_is_shown_and_told(world: World, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert write(world, FakeDisk(None)) == ["docker.sock: Docker does not answer: connection refused."]
    assert "connection refused" in (home / "index.html").read_text()

    def gone(*_arguments: object) -> None:
        raise OSError("HAProxy is away")

    monkeypatch.setattr(world.switch, "live", gone)
    assert write(world) == ["shop: HAProxy is away"]
    assert "HAProxy is away" in (home / "index.html").read_text()


def test_a_full_disk_takes_no_sample_and_no_page(world: World, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk_samples, "add", full)
    assert [problem.split(": ")[1] for problem in write(world)] == ["[Errno 28] No space left on device"]
    assert "Nothing was released yet" in (home / "index.html").read_text()
    monkeypatch.setattr(page_writer, "write_atomically", full)
    assert len(write(world)) == 3 and len(write(world, FakeDisk(None))) == 2


def test_operations_have_it_written_and_do_not_care(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for systemd: this one answers only after the test has seen that."""
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "systemctl"
    script.write_text(
        f'#!/bin/sh\necho "$@" >{tmp_path}/called\nread line <{tmp_path}/go\necho done >{tmp_path}/over\n'
    )
    script.chmod(0o755)
    os.mkfifo(tmp_path / "go")
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    monkeypatch.setattr(systemd_page, "directory", lambda _stack: str(tmp_path / "page"))
    unit = systemd_page.PageUnit()
    unit.renew("shop")
    (tmp_path / "page").mkdir()
    assert not (tmp_path / "called").exists(), "no page is wanted"
    unit.renew("shop")
    assert not (tmp_path / "over").exists()
    (tmp_path / "go").write_text("on\n")
    until((tmp_path / "over").exists)
    assert (tmp_path / "called").read_text() == "--no-block restart onehost-page.service\n"
    # A host without systemd has no page, and no trouble either.
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    unit.renew("shop")


def test_when_operations_ask_for_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    class Page:
        def renew(self, stack: str) -> None:
            paths = (lock.lock_path(stack, env, world.places.locks) for env in ("staging", "production"))
            asked.append(any(lock.holder(path) is not None for path in paths))

    monkeypatch.setattr(world, "host", world.host.__class__(**{**vars(world.host), "page": Page()}))
    assert world.run("deploy", check=True) and asked == [], "check mode changes nothing"
    world.commit({"api": HEALTHY})
    world.good("deploy")
    assert asked == [True, False], "while it runs, and after it gave the lock back"
    asked.clear()
    world.good("promote")
    assert asked == [False], "what is over in a moment shows when it is"
    asked.clear()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    asked.clear()
    world.good("promote", watch_seconds=5)
    assert asked == [True, False], "while it is watched, and at the end"
