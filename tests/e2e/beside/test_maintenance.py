"""A stack that is closed for visitors for a while, and what is said in its name when nothing else answers."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.beside import Beside
from support.lab import Answer, Lab, Result, until
from support.load import Load, Target

SOURCE = Path(__file__).parents[1] / "files" / "kiosk"
PAGES = {"404": "nothing", "413": "much", "502": "rubbish", "503": "later", "maintenance": "works"}
#: Beside WorkHub, which has every other name.
HOST = "kiosk.example"
JSON = {"Accept": "application/json"}


def stacks(_lab: Lab) -> dict[str, Any]:
    return {"kiosk": definition({})}


def definition(pages: dict[str, Any]) -> dict[str, Any]:
    app = {"context": ".", "port": 8000, "health": "/health", "body_limit": "1k", "timeout_seconds": 5}
    routes = {"desk": [{"path": "/desk"}], "till": [{"path": "/till", "strip_path": True}]}
    return {
        "directory": "/home/ubuntu/kiosk",
        "source": "/srv/git/kiosk.git",
        "watch_seconds": 1,
        "disk_floor_gb": 1,
        "environments": {
            "staging": {"ports": [4400], "hosts": ["staging.kiosk.example"]},
            "production": {"ports": [80], "hosts": [HOST]},
        },
        "build_arguments": {"BASE_IMAGE": "onehost-lab/python:3"},
        "maintenance": {"allow": ["192.0.2.0/24"]},
        **({"error_pages": pages} if pages else {}),
        "apps": {
            name: {**app, "loopback_port": 21620 + 10 * number, "routes": its}
            for number, (name, its) in enumerate(routes.items())
        },
    }


@dataclass
class Kiosk:
    """The stack on its lab."""

    beside: Beside

    @property
    def lab(self) -> Lab:
        return self.beside.lab

    def provision(self, pages: dict[str, Any]) -> None:
        self.beside.provision("--tags stack,router,edge", kiosk=definition(pages))

    def playbook(self, name: str, **options: Any) -> Result:
        return self.beside.playbook(name, stack="kiosk", **options)

    def operate(self, name: str, **options: Any) -> Result:
        return self.beside.operate(name, stack="kiosk", **options)

    def push(self, text: str) -> None:
        files = {path.name: path.read_text() for path in SOURCE.iterdir() if path.is_file()}
        pages = {
            f"pages/{name}.html": f"<!doctype html><title>{it}</title>{text} {name}\n" for name, it in PAGES.items()
        }
        said = {"pages/503.json": json.dumps({"text": text})}
        self.lab.push_commit({**files, **pages, **said, "app.py": f"{files['app.py']}# {text}\n"}, repository="kiosk")

    def release(self, text: str) -> None:
        self.push(text)
        self.operate("deploy_staging").ok()
        self.operate("promote").ok()

    def onehost(self, words: str, *, check: bool = True) -> str:
        return self.lab.ssh(f"sudo onehost {words} 2>&1", check=check, seconds=120)

    def close(self, until: str = "30m", words: str = "") -> str:
        return self.onehost(f"maintenance --stack kiosk --environment production --state on --until {until} {words}")

    def open(self) -> str:
        return self.onehost("maintenance --stack kiosk --environment production --state off")

    def get(self, path: str = "/desk", **headers: str) -> Answer:
        """What a visitor gets."""
        return self.ask(path, headers)

    def ask(self, path: str, headers: dict[str, str], **options: Any) -> Answer:
        return self.lab.get("http", path, {"Host": HOST, **headers}, **options)


@pytest.fixture(scope="module")
def kiosk(beside: Beside) -> Iterator[Kiosk]:
    with beside.until_stopped("kiosk"):
        it = Kiosk(beside)
        it.release("first")
        until(lambda: it.get().status == 200, 30, "the app answers")
        yield it


@pytest.fixture(autouse=True)
def opened(kiosk: Kiosk) -> Iterator[None]:
    yield
    kiosk.open()


def seconds_from_now(seconds: int) -> str:
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def client(kiosk: Kiosk) -> str:
    """The address that these tests come from, as the edge sees it."""
    return str(kiosk.get().json()["client"])


def test_closed_for_visitors_until_a_moment(kiosk: Kiosk) -> None:
    release = kiosk.get().release
    said = kiosk.close("30m", "--reason 'it moves'")
    assert "production is in maintenance until" in said and "it moves" in said
    page = kiosk.get()
    assert (page.status, page.release, page.headers["cache-control"]) == (503, release, "no-store")
    assert 1700 < int(page.headers["retry-after"]) <= 1800
    assert page.headers["content-type"] == "text/html; charset=utf-8" and "maintenance" in page.body
    answer = kiosk.get(**JSON)
    assert (answer.status, answer.json()["status"]) == (503, 503)
    assert kiosk.get(Accept="text/html,application/json").headers["content-type"].startswith("text/html")
    assert kiosk.lab.get("staging", "/desk", {"Host": "staging.kiosk.example"}).status == 200
    assert "production is in maintenance until" in kiosk.onehost("status --stack kiosk")
    assert "opens" in kiosk.open() or kiosk.get().status == 200
    assert "x-maintenance" not in kiosk.get().headers, "an app cannot say that"


def test_a_promote_in_it_under_load(kiosk: Kiosk) -> None:
    """Who is let through loses nothing, everybody else is turned away, and the promote confirms what apps answer."""
    mine = client(kiosk)
    before = kiosk.get().release
    kiosk.close("30m", f"--allow {mine}")
    targets = [
        Target(name, kiosk.lab.ports["http"], path, HOST) for name, path in (("desk", "/desk"), ("till", "/till/"))
    ]
    kiosk.push("second")
    kiosk.operate("deploy_staging").ok()
    with Load(targets, 100) as load:
        load.take()
        report = kiosk.operate("promote").ok().report
        elsewhere = kiosk.lab.ssh(
            "curl -s -o /dev/null -w '%{http_code}' -H 'Host: kiosk.example' http://localhost/desk"
        )
        window = load.take()
    assert window.failed == 0 and window.answered > 100, window.line()
    assert elsewhere == "503"
    assert kiosk.get().release not in ("", before)
    assert any("in maintenance" in note for note in report["notes"])
    assert report["probes"]["asked"] and not report["probes"]["failed"]
    kiosk.onehost("rollback --stack kiosk --watch-seconds 1")
    assert kiosk.get().release == before


def test_nobody_can_pretend_to_be_let_through(kiosk: Kiosk) -> None:
    kiosk.close()
    for name in ("X-Real-IP", "X-Forwarded-For", "X_Real_IP", "Forwarded", "X-Onehost-Pages", "True-Client-IP"):
        assert kiosk.ask("/desk", {name: "192.0.2.7"}).status == 503, name
        assert kiosk.ask("/desk", {name: ""}).status == 503, name
    assert kiosk.ask("/desk", {"Connection": "close, X-Real-IP"}).status == 503


def test_an_app_or_a_path(kiosk: Kiosk) -> None:
    kiosk.close("30m", "--app till")
    assert (kiosk.get("/desk").status, kiosk.get("/till/").status) == (200, 503)
    kiosk.open()
    kiosk.close("30m", "--route /till/coins")
    paths = ("/till/", "/till/coinsafe", "/till/coins", "/till/Coins/", "/till/coins/1", "/till/c%6fins")
    assert [kiosk.get(path).status for path in paths] == [200, 200, 503, 503, 503, 503]


def test_it_ends_by_itself(kiosk: Kiosk) -> None:
    kiosk.close(seconds_from_now(8))
    assert kiosk.get().status == 503
    until(lambda: kiosk.get().status == 200, 15, "it is open again")
    until(lambda: "is over" in kiosk.onehost("status --stack kiosk"), 15, "the timer has told of the end")
    assert kiosk.lab.ssh("cat /var/lib/onehost/switch/kiosk-production-maintenance.map") == ""


def test_without_its_timer_and_over_a_restart(kiosk: Kiosk) -> None:
    kiosk.close(seconds_from_now(12))
    kiosk.lab.ssh("sudo systemctl stop 'onehost-end-maintenance-kiosk-*.timer'; sudo systemctl restart haproxy")
    until(lambda: kiosk.get().status == 503 and "maintenance" in kiosk.get().body, 5, "closed after the restart")
    until(lambda: kiosk.get().status == 200, 20, "it is open again")


def test_by_playbook(kiosk: Kiosk) -> None:
    wish = {"where": "production", "state": "on", "ends": "1h"}
    would = kiosk.playbook("maintenance", options="--check", **wish).ok()
    assert "would be: production is in maintenance" in would.stdout and kiosk.get().status == 200
    assert kiosk.playbook("maintenance", **wish).ok().changes == 1
    assert kiosk.get().status == 503
    assert kiosk.playbook("maintenance", where="production", state="off").ok().changes == 1
    assert kiosk.get().status == 200
    refused = kiosk.playbook("maintenance", where="production", state="on", ends="yesterday", app="shop", allow="all")
    assert refused.rc != 0
    for part in ("'yesterday' is no time", "'shop' is no web app", "'all' is no address"):
        assert part in refused.stdout, refused.stdout


def test_the_pages_of_a_release(kiosk: Kiosk) -> None:
    """They come with a promote and go back with a rollback; what an app says itself passes unchanged."""
    assert "Nothing" not in kiosk.get("/nowhere").body and "nginx" not in kiosk.get("/nowhere").body
    files: dict[str, Any] = {name: f"pages/{name}.html" for name in PAGES}
    kiosk.provision({**files, "503": {"html": "pages/503.html", "json": "pages/503.json"}})
    assert "old" not in kiosk.get("/nowhere").body
    kiosk.release("old")
    said(kiosk, "old")
    release = kiosk.get().release
    kiosk.release("new")
    said(kiosk, "new")
    kiosk.onehost("rollback --stack kiosk --watch-seconds 1")
    assert kiosk.get().release == release
    said(kiosk, "old")
    kiosk.lab.ssh("sudo systemctl restart nginx haproxy")
    until(lambda: kiosk.get().status == 200, 20, "the app answers")
    said(kiosk, "old")


def said(kiosk: Kiosk, text: str) -> None:
    """What everybody who may answer says."""
    page = kiosk.get("/nowhere")
    assert (page.status, page.body.strip().endswith(f"{text} 404")) == (404, True), page
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert kiosk.get("/nowhere", **JSON).json() == {"status": 404, "error": "Not found"}
    large = kiosk.ask("/desk", {}, method="POST", body="x" * 2000)
    assert (large.status, large.body.strip().endswith(f"{text} 413")) == (413, True), large
    bad = kiosk.get("/till/rubbish")
    assert (bad.status, bad.body.strip().endswith(f"{text} 502")) == (502, True), bad
    for status in (404, 413, 502, 503):
        own = kiosk.get(f"/till/status/{status}")
        assert (own.status, own.json()["own"]) == (status, status), own
    release = kiosk.get().release
    kiosk.close()
    closed = kiosk.get()
    assert (closed.status, closed.body.strip().endswith(f"{text} maintenance")) == (503, True), closed
    assert (closed.release, int(closed.headers["retry-after"]) > 1700) == (release, True), closed.headers
    assert closed.headers["cache-control"] == "no-store"
    assert kiosk.get(**JSON).json()["error"] == "Closed for maintenance"
    kiosk.open()


def test_an_app_that_is_gone_has_the_page_too(kiosk: Kiosk) -> None:
    name = kiosk.lab.ssh("sudo docker ps --format '{{.Names}}' | grep kiosk-production | grep till").strip()
    kiosk.lab.ssh(f"sudo docker stop -t 1 {name}")
    try:
        gone = kiosk.ask("/till/", {}, seconds=30)
        assert (gone.status, gone.body.strip().endswith("old 503"), gone.headers["retry-after"]) == (503, True, "10")
        assert kiosk.ask("/till/", JSON, seconds=30).json() == {"text": "old"}
    finally:
        kiosk.lab.ssh(f"sudo docker start {name}")
    until(lambda: kiosk.get("/till/").status == 200, 20, "the app answers")


def test_a_page_that_is_none_is_refused(kiosk: Kiosk) -> None:
    kiosk.lab.push_commit({"pages/404.html": None, "note.txt": str(time.time())}, repository="kiosk")
    refused = kiosk.operate("deploy_staging")
    assert refused.rc != 0 and "pages/404.html: is no file of this commit" in refused.problems


def test_a_reboot_in_it(kiosk: Kiosk) -> None:
    kiosk.close("30m")
    kiosk.lab.reboot()
    until(lambda: "maintenance" in kiosk.get().body, 60, "it is closed after the boot")
    timers = "systemctl list-timers --all 'onehost-end-maintenance-kiosk-production:*' --no-legend"
    until(lambda: "onehost-end" in kiosk.lab.ssh(timers), 60, "its timer is set again")
    kiosk.open()
    until(lambda: kiosk.get().status == 200, 60, "the app answers")


def test_a_reboot_over_its_end(kiosk: Kiosk) -> None:
    kiosk.close(seconds_from_now(15))
    kiosk.lab.reboot()
    until(lambda: kiosk.get().status == 200, 90, "the app answers")
