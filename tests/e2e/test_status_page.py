"""The status page on a host in use: who sees it, and that it follows what happens."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from support.lab import Lab, until

PAGE = "/_onehost/"
HOME = "/var/lib/onehost/workhub/page"
#: An address of the host itself that nobody named.
STRANGER = "192.0.2.9"


@pytest.fixture
def by_operations_alone(released: Lab) -> Iterator[Lab]:
    """Without the timer, which would bring everything within the minute."""
    released.ssh("sudo systemctl stop onehost-page.timer")
    yield released
    released.ssh("sudo systemctl start onehost-page.timer")


def test_it_is_there_for_those_who_are_named(released: Lab) -> None:
    answer = released.get("staging", PAGE)
    assert answer.status == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store" and answer.release == ""
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert released.get("production", PAGE).headers.get("x-release"), "there the path is the apps'"
    # The host itself is a stranger too: any of its users and any tunnel on it have this address.
    stranger = (
        f"sudo ip addr add {STRANGER}/32 dev lo; for host in {STRANGER} 127.0.0.1; do "
        "for path in '' index.html status.json; do curl --silent --output /dev/null --write-out '%{http_code} ' "
        f"http://$host:4400{PAGE}$path; done; done; sudo ip addr del {STRANGER}/32 dev lo"
    )
    assert released.ssh(stranger).split() == ["403"] * 6
    modes = released.ssh(f"sudo stat --format '%U %G %a' {HOME} {HOME}/index.html {HOME}/status.json").splitlines()
    assert modes == ["root www-data 2750", "root www-data 640", "root www-data 640"]


def test_it_follows_an_operation_at_once(by_operations_alone: Lab) -> None:
    lab = by_operations_alone
    lab.ssh("sudo onehost promote --reason 'for <b>the</b> page'")
    lab.ssh("sudo onehost rollback --apps nothing-of-the-kind", check=False)
    live = {name: lab.get(name).release for name in ("staging", "production")}

    def shown() -> bool:
        data = json.loads(lab.get("staging", f"{PAGE}status.json").body)
        newest = [(item["operation"], item["outcome"], item["reason"]) for item in data["operations"][:2]]
        # Whether the promote finds something to do depends on what ran before.
        return (
            newest[0][:2] == ("rollback", "refused")
            and newest[1][::2] == ("promote", "for <b>the</b> page")
            and live == {name: env["release"] for name, env in data["environments"].items()}
        )

    until(shown, 30, "the page shows both operations")
    body = lab.get("staging", PAGE).body
    assert all(release in body for release in live.values())
    assert "for &lt;b&gt;the&lt;/b&gt; page" in body and "<b>" not in body
    assert "This page is out of date" not in body


def test_an_old_page_says_so(by_operations_alone: Lab) -> None:
    lab = by_operations_alone
    lab.ssh(f"sudo sed -i 's#/^([0-9|]*)/#/^(202001010000)/#' {HOME}/index.html")
    assert '<p class="stale" role="status"><strong>This page is out of date.' in lab.get("staging", PAGE).body
    # What the timer does.
    lab.ssh("sudo systemctl restart onehost-page.service")
    assert "This page is out of date" not in lab.get("staging", PAGE).body


def test_it_looks_at_locks_where_it_may_not_write(released: Lab) -> None:
    """As in its first minute after a boot: the directory of the locks was made after the unit had its view of it."""
    limits = "--property=ProtectSystem=strict --property=ReadWritePaths=/var/lib/onehost"
    assert released.ssh("ls /run/onehost/workhub-staging.lock")
    released.ssh(f"sudo systemd-run --quiet --wait --pipe {limits} /usr/local/bin/onehost page")


def test_docker_away_is_told(released: Lab) -> None:
    released.ssh("sudo systemctl stop docker.socket docker.service")
    try:
        released.ssh("sudo systemctl restart onehost-page.service || true")
        assert "could not be inspected" in released.get("staging", PAGE).body
        assert "problem: " in released.ssh("sudo journalctl --no-pager -u onehost-page.service --lines 5")
    finally:
        released.ssh("sudo systemctl start docker.socket docker.service")
    released.ssh("sudo systemctl restart onehost-page.service")
    assert "could not be inspected" not in released.get("staging", PAGE).body
