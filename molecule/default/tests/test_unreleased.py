"""The road of a request while nothing is released."""

import pytest
from support.http import get, name


@pytest.mark.parametrize("port", [4400, 4500, 80])
def test_without_a_release_says_so(host, port):
    status, headers, body = get(host, f"http://127.0.0.1:{port}/")
    assert status == 503
    assert headers["retry-after"] == "10"
    assert headers["cache-control"] == "no-store"
    assert headers["x-release"] == "none"
    assert "Nothing is released here yet" in body


def test_unclaimed_host_name_is_told_so(host):
    assert get(host, "http://127.0.0.1:4600/", name("notes.staging.test"))[0] == 503
    assert get(host, "http://127.0.0.1:4600/", name("elsewhere.test"))[0] == 421


def test_switch_away_gives_a_page_to_wait_on(host):
    host.check_output("systemctl stop haproxy")
    try:
        status, headers, body = get(host, "http://127.0.0.1:4500/saleshub/", "--request POST --data x")
    finally:
        host.check_output("systemctl start haproxy")
    assert status == 503
    assert headers["retry-after"] == "10"
    assert "is not responding right now" in body


def test_query_stays_out_of_the_log(host):
    get(host, "http://127.0.0.1:4400/callback?code=one-time-secret")
    log = host.check_output("tail -n 5 /var/log/nginx/access.log")
    assert "GET /callback HTTP" in log
    assert "one-time-secret" not in log


PAGE = "/_onehost/"
# An address of the host that nobody named.
STRANGER = "192.0.2.9"


@pytest.fixture
def stranger(host):
    host.check_output(f"ip addr add {STRANGER}/32 dev lo")
    yield f"http://{STRANGER}"
    host.check_output(f"ip addr del {STRANGER}/32 dev lo")


def test_status_page_is_there_before_the_first_release(host):
    assert host.service("onehost-page.timer").is_running
    assert host.service("onehost-page.timer").is_enabled
    for port, options in ((4400, []), (4600, [name("notes.staging.test")])):
        status, headers, body = get(host, f"http://127.0.0.1:{port}{PAGE}", *options)
        assert status == 200
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "Nothing has been released yet" in body
        assert "This page is out of date" not in body
    status, headers, _ = get(host, "http://127.0.0.1:4400/_onehost")
    assert (status, headers["location"]) == (308, PAGE)


def test_status_page_is_for_those_who_are_named(host, stranger):
    assert get(host, f"{stranger}:4400{PAGE}")[0] == 403
    assert get(host, f"{stranger}:4400{PAGE}status.json")[0] == 403
    # The password of staging opens staging, and nothing more.
    ann = [name("notes.staging.test"), "--user ann:molecule"]
    tls = "https" + stranger.removeprefix("http") + ":4643"
    assert get(host, f"{tls}/", *ann, "--insecure")[0] == 503
    assert get(host, f"{tls}{PAGE}", *ann, "--insecure")[0] == 403
    # In production the path is the apps'.
    assert get(host, f"http://127.0.0.1:4500{PAGE}")[0] == 503
