"""What other people's apps and hosts did wrong, told so that a person can put it right. Each was a report somewhere."""

from __future__ import annotations

import pytest
from support.lab import Lab

MIRROR = "/var/lib/onehost/cases/source/mirror.git"
DOCKERFILE = """ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY app.py /
CMD ["python3", "-u", "/app.py"]
"""
APP = """
import http.server, signal, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(STATUS)
        self.send_header("Location", "/login")
        self.send_header("Content-Length", "0")
        self.end_headers()

signal.signal(signal.SIGTERM, ON_TERM)
http.server.ThreadingHTTPServer((ADDRESS, PORT), Handler).serve_forever()
"""
USUAL = {"STATUS": "200", "ADDRESS": "''", "PORT": "8000", "ON_TERM": "lambda *_: sys.exit()"}


def app(**changes: str) -> str:
    text = APP
    for name, value in {**USUAL, **changes}.items():
        text = text.replace(name, value)
    return text


@pytest.fixture(scope="module")
def cases(public: Lab) -> Lab:
    """The stack, live in staging."""
    public.push_commit({"Dockerfile": DOCKERFILE, "app.py": app()}, repository="cases")
    assert "live now: " in deploy(public)
    return public


def push(lab: Lab, branch: str, **changes: str) -> None:
    lab.push_commit({"app.py": app(**changes)}, repository="cases", branch=branch)


def deploy(lab: Lab, version: str = "main") -> str:
    return lab.ssh(f"sudo onehost deploy --stack cases --version {version} 2>&1", check=False, seconds=120)


def live(lab: Lab) -> tuple[int, str]:
    answer = lab.get("staging", "/", {"Host": "staging.cases.example"})
    return answer.status, answer.release


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"STATUS": "302"}, "a redirect is not healthy; let /health answer 200, or declare `health_status`"),
        ({"STATUS": "500"}, "HTTP 500"),
        ({"ADDRESS": "'127.0.0.1'"}, "nothing listens on 0.0.0.0:8000; it listens on 127.0.0.1:8000"),
        ({"PORT": "9000"}, "nothing listens on 0.0.0.0:8000; it listens on 0.0.0.0:9000"),
    ],
    ids=["redirect", "error", "loopback", "port"],
)
def test_why_an_app_is_not_healthy(cases: Lab, changes: dict[str, str], told: str) -> None:
    before = live(cases)
    push(cases, "ill", **changes)
    said = deploy(cases, "ill")
    assert said.count(told) == 1, said
    assert live(cases) == before


def test_an_app_that_ignores_sigterm_is_named(cases: Lab) -> None:
    push(cases, "deaf", ON_TERM="signal.SIG_IGN")
    assert "ignored SIGTERM" not in deploy(cases, "deaf")
    said = deploy(cases)
    assert "cases ignored SIGTERM and was killed after 1 s" in said and "live now: " in said


def test_what_a_killed_git_left_is_in_nobodys_way(cases: Lab) -> None:
    locks = " ".join(f"{MIRROR}/{name}.lock" for name in ("packed-refs", "config", "refs/heads/main", "HEAD"))
    cases.ssh(f"sudo -u ubuntu touch {locks}")
    cases.push_commit({"app.py": app() + "# changed\n"}, repository="cases")
    said = deploy(cases)
    assert "live now: " in said, said
    assert cases.ssh(f"sudo find {MIRROR} -name '*.lock'") == ""


def test_a_damaged_mirror_is_made_anew(cases: Lab) -> None:
    cases.ssh(f"sudo find {MIRROR}/objects -type f -exec truncate --size 3 {{}} +")
    cases.push_commit({"app.py": app() + "# changed again\n"}, repository="cases")
    said = deploy(cases)
    assert "live now: " in said, said
