"""Glimpse as its users see it, and what `make demo STACK=glimpse` shows of it.

`Glimpse` is used by the tests too.
"""

from __future__ import annotations

import http.client
import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from demo import Demo

STACK = "glimpse"
WWW, APEX, API, EARLIER = "www.glimpse.contact", "glimpse.contact", "api.glimpse.contact", "app.glimpse.contact"
HEALTH = "/api/v1/health"
#: Of the day of the incident: neither is ours, so no site of the edge may have it.
DEAD = ("glimpse-server.up.railway.app", "glimpse-server-psi.vercel.app")
ALLOWED = "https://glimpse-mobile.vercel.app"
REFUSED = "https://glimpse.app"
PASSWORD = "lab-only-production-probe"  # of a short-lived machine
#: The port that is in the addresses, whichever the lab has on this machine.
PORT = 4530
#: What the edge answers where it has no site.
NO_SITE = 421


@dataclass(frozen=True)
class Answer:
    status: int
    release: str
    headers: Mapping[str, str]
    text: str

    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def leads_to(self) -> str:
        return self.headers.get("location", "")


@dataclass(frozen=True)
class Glimpse:
    """Production through the edge, by any host name: no name of these is in DNS for a lab."""

    port: int

    def ask(self, host: str, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = {"Host": f"{host}:{PORT}"} | ({"Content-Type": "application/json"} if body is not None else {})
        try:
            connection.request(method, path, None if body is None else json.dumps(body), sent | headers)
            answer = connection.getresponse()
            known = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, known.get("x-release", ""), known, answer.read().decode(errors="replace"))
        finally:
            connection.close()

    def health(self, host: str = API) -> Answer:
        return self.ask(host, HEALTH)

    def lets_in(self, origin: str) -> bool:
        """Whether pages of an origin may log in."""
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        return (
            self.ask(API, "/api/v1/auth/login", "OPTIONS", **asked).headers.get("access-control-allow-origin") == origin
        )

    def session(self) -> list[tuple[str, int]]:
        """Log in, begin a session, read it, and read it as nobody: each step with its status."""
        token = self.ask(API, "/api/v1/auth/login", "POST", {"user": "demo", "password": PASSWORD})
        mine = {"Authorization": f"Bearer {token.json().get('token', '')}"}
        begun = self.ask(API, "/api/v1/sessions", "POST", {"mood": "curious"}, **mine)
        address = f"/api/v1/sessions/{begun.json().get('id', '')}"
        read, nobody = self.ask(API, address, **mine), self.ask(API, address)
        return [("log in", token.status), ("begin", begun.status), ("read", read.status), ("nobody", nobody.status)]


def of(demo: Demo) -> Glimpse:
    return Glimpse(demo.port("production"))


def version(demo: Demo, environment: str) -> tuple[str, str]:
    """The release that answers, and what it says it is."""
    host = API if environment == "production" else "api.staging.glimpse.contact"
    answer = Glimpse(demo.port(environment)).health(host)
    return answer.release, f"{answer.json()['service']} {answer.json()['version']}"


def show(demo: Demo, moment: str) -> list[str]:
    """Lines to show at a moment of the demo."""
    if moment == "first":
        return [*evidence(of(demo)), *drift(demo, demo.first_commit(), expected=2)]
    if moment == "second":
        return [*verified(demo), *drift(demo, demo.newest_commit(), expected=1)]
    if moment == "back":
        return ["after the rollback:", *evidence(of(demo))]
    return []


def evidence(glimpse: Glimpse) -> list[str]:
    """The table of the incident's report: each address, what was seen that day, and what is there now."""
    rows = [("address", "on that day", "now")]
    pages, api, beside = glimpse.ask(WWW, "/"), glimpse.health(), glimpse.health(WWW)
    assert (pages.status, api.status, beside.status) == (200, 200, 200), (pages, api, beside)
    assert api.json()["service"] == beside.json()["service"] == "glimpse-api" and api.release == beside.release
    said = f"200 JSON, {api.json()['service']} {api.json()['version']}"
    rows += [(f"{WWW}/", "200 static", "200 pages"), (f"{API}{HEALTH}", "no such name", said)]
    rows += [(f"{WWW}{HEALTH}", "200 JSON", f"{said}, for a while")]
    for host in (APEX, EARLIER):
        moved = glimpse.ask(host, f"{HEALTH}?page=2", "POST", {})
        assert moved.status == 308 and moved.leads_to == f"http://{WWW}:{PORT}{HEALTH}?page=2", moved
        was = "redirects" if host == APEX else "-"
        rows.append((f"{host}{HEALTH}", was, f"308 to {WWW}, a POST stays one"))
    for host in DEAD:
        gone = glimpse.health(host)
        assert gone.status == NO_SITE and not gone.release, gone
        rows.append((f"{host}{HEALTH}", "404, and clients used it", f"{gone.status} no site has this name"))
    assert glimpse.lets_in(ALLOWED) and not glimpse.lets_in(REFUSED)
    rows.append((f"page of {ALLOWED}", "not checked", "allowed"))
    rows.append((f"page of {REFUSED}", "not checked", "refused"))
    steps = glimpse.session()
    assert [status for _step, status in steps] == [200, 201, 200, 401], steps
    rows.append(("login, session, protected API", "failed", ", ".join(f"{step} {status}" for step, status in steps)))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return [f"{one:<{widths[0]}}  {two:<{widths[1]}}  {three}" for one, two, three in rows]


def on_host(demo: Demo, command: str, *, codes: Iterable[int] = (0,)) -> str:
    words = [*demo.ssh, command]
    answer = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert answer.returncode in codes, answer.stdout + answer.stderr
    return answer.stdout


def drift(demo: Demo, commit: str, expected: int) -> list[str]:
    """What the source of a commit still names; so many dead hosts are left in it."""
    (found,) = json.loads(on_host(demo, f"sudo onehost drift --stack {STACK} --version {commit} --json", codes=(0, 1)))
    new = found["findings"]
    dead = sorted({one["name"] for one in new if one["code"] == "dead host"})
    assert len(dead) == expected, new
    kinds = Counter(one["code"] for one in new)
    lines = [f"drift in commit {commit[:7]}: " + ", ".join(f"{count} x {code}" for code, count in kinds.items())]
    return (
        lines + [f"   {one['file']}:{one['lines'][0]} {one['shown']}: {one['fix']}" for one in new if one["lines"]][:4]
    )


def verified(demo: Demo) -> list[str]:
    said = on_host(demo, f"sudo onehost verify --stack {STACK} --environment production")
    return said.splitlines()[:1]


def closing(demo: Demo) -> list[str]:
    """Lines for the end: what else is there, and how to use it."""
    address = f"http://127.0.0.1:{demo.port('production')}"
    return [
        "   Each has pages and an api, by host names that only the header Host says here",
        "",
        "Ask",
        f"   curl -i -H 'Host: {API}' {address}{HEALTH}",
        f"   curl -i -H 'Host: {APEX}' {address}{HEALTH}",
        f"   curl -i -H 'Host: {API}' -H 'Origin: {ALLOWED}' {address}{HEALTH}",
    ]
