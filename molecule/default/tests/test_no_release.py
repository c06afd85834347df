"""The road of a request while nothing is released."""

import pytest
from requests_from_inside import get, name


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
    assert "does not answer right now" in body


def test_query_stays_out_of_the_log(host):
    get(host, "http://127.0.0.1:4400/callback?code=one-time-secret")
    log = host.check_output("tail -n 5 /var/log/nginx/access.log")
    assert "GET /callback HTTP" in log
    assert "one-time-secret" not in log
