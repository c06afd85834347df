"""What `make demo` shows of WorkHub: that a token of one hub is good at another, in both environments."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from demo import Demo

USER, PASSWORD = "anna", "lab-only-demo-password"


def version(demo: Demo, environment: str) -> tuple[str, str]:
    """The release that answers, and what it says it is."""
    release, page = demo.ask(environment, "/", headers={"Accept": "application/json"})
    return release, f"{page['app']} {page['version']}"


def show(demo: Demo, moment: str) -> list[str]:
    """Lines to show at a moment of the demo: nothing, the pages in the end say it all."""
    return []


def closing(demo: Demo) -> list[str]:
    """Lines for the end: what else is there, and how to use it."""
    for environment in ("staging", "production"):
        log_in(demo, environment)
    address = f"http://127.0.0.1:{demo.port('staging')}"
    return [
        f"   port 80 of the VM, production again: http://127.0.0.1:{demo.ports['http']}",
        "   Both hold five hubs: / /saleshub/ /finhub/ /onboarding/ /hwtest/",
        "",
        "Log in (tried just now, in both): a token of WBHubManager is good at every other hub",
        f"   curl -i {address}/",
        f"   token=$(curl -s {address}/login -d user={USER} -d password={PASSWORD} \\",
        "      | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"token\"])')",
        f'   curl -s {address}/saleshub/me -H "Authorization: Bearer $token"',
    ]


def log_in(demo: Demo, environment: str) -> str:
    """Get a token from one hub and show it to another; the answer names the user that the other one sees."""
    form = {"Content-Type": "application/json", "Accept": "application/json"}
    body = json.dumps({"user": USER, "password": PASSWORD})
    _, answer = demo.ask(environment, "/login", method="POST", body=body, headers=form)
    _, me = demo.ask(environment, "/saleshub/me", headers={"Authorization": f"Bearer {answer['token']}"})
    return str(me)
