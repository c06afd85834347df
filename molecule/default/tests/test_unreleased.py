"""The road of a request while nothing is released."""

import pytest
from support.http import get, inside, name


@pytest.mark.parametrize("port", [4400, 4500, 80])
def test_without_a_release_says_so(host, port):
    status, headers, body = get(host, f"http://127.0.0.1:{port}/")
    assert status == 503
    assert headers["retry-after"] == "10"
    assert headers["cache-control"] == "no-store"
    assert headers["x-release"] == "none"
    assert "Nothing is released here yet" in body


def test_unclaimed_host_name_is_told_so(host):
    staging = inside("notes-staging", 4600)
    assert get(host, "http://127.0.0.1:4600/", name("notes.staging.test"), staging)[0] == 503
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
    since = host.check_output("date +%s")
    get(host, "http://127.0.0.1:4400/callback?code=one-time-secret")
    host.check_output("systemctl stop haproxy")
    try:
        get(host, "http://127.0.0.1:4400/broken?code=one-time-secret")
    finally:
        host.check_output("systemctl start haproxy")
    # What failed is told nevertheless: where it went, and what came of it.
    told = host.check_output("tail -n 5 /var/log/nginx/access.log")
    assert "GET /callback HTTP" in told
    broken = next(line for line in told.splitlines() if "GET /broken HTTP" in line)
    assert " 503 " in broken
    assert "to=unix:/run/haproxy/workhub-staging-wbhubmanager.sock answered=502" in broken
    assert host.run("grep --recursive one-time-secret /var/log/nginx").rc == 1
    assert "one-time-secret" not in host.check_output(f"journalctl --unit nginx --unit haproxy --since @{since}")


# Uploads that are never finished: port, how many. Prints what each is answered within a second, and what others get.
UPLOADS = """
import collections, select, socket, sys, urllib.error, urllib.request
port, number = int(sys.argv[1]), int(sys.argv[2])
head = b"POST / HTTP/1.1\\r\\nHost: x\\r\\n" + sys.argv[3].encode() + b"\\r\\n\\r\\n"
kept = []
for _ in range(number):
    one = socket.create_connection(("127.0.0.1", port), 5)
    one.sendall(head + b"5\\r\\nhello")
    kept.append(one)
# Until no more of them is answered or closed for a second; each is waited for once.
waiting = set(kept)
while ready := select.select(list(waiting), [], [], 1)[0]:
    waiting -= set(ready)
ends = collections.Counter()
for one in kept:
    one.setblocking(False)
    try:
        ends[one.recv(99).split()[1].decode()] += 1
    except BlockingIOError:
        ends["held"] += 1
print(*sorted(f"{name}:{count}" for name, count in ends.items()))
try:
    urllib.request.urlopen(f"http://127.0.0.1:{port}/", b"short", 5)
except urllib.error.HTTPError as error:
    print(error.code)
"""
# A request line, and a body, that are never finished: after how many seconds nginx closes each.
UNFINISHED = """
import socket, threading, time
def wait(text):
    with socket.create_connection(("127.0.0.1", 4500), 30) as one:
        one.sendall(text)
        begun = time.monotonic()
        try:
            assert not one.recv(99)
        except ConnectionResetError:
            pass
        print(round(time.monotonic() - begun))
for text in (b"GET / HT", b"POST / HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 9\\r\\n\\r\\nx"):
    threading.Thread(target=wait, args=(text,)).start()
"""


@pytest.mark.parametrize(
    ("port", "header", "ends", "then"),
    [
        (4500, "Content-Length: 200000", "429:10 held:20", "503"),
        (4500, "Transfer-Encoding: chunked", "429:10 held:20", "503"),
        # Too short to be kept on disk for long: the connections are their limit, and for staging the requests.
        (4500, "Content-Length: 2000", "held:30", "503"),
        (4400, "Content-Length: 2000", "429:5 held:25", "429"),
    ],
)
def test_unfinished_requests_are_limited(host, port, header, ends, then):
    answer = host.check_output(f"python3 -c '{UPLOADS}' {port} 30 '{header}'")
    assert answer.splitlines() == [ends, then]


def test_unfinished_requests_are_cut(host):
    assert host.check_output(f"python3 -c '{UNFINISHED}'").split() == ["10", "15"]


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
    # Other tests had the router say that something is live, which the page of that minute tells.
    host.check_output("systemctl start onehost-page.service")
    # Staging of notes has TLS, and the port without it is for the engine.
    for port, options in ((4400, []), (4600, [name("notes.staging.test"), inside("notes-staging", 4600)])):
        status, headers, body = get(host, f"http://127.0.0.1:{port}{PAGE}", *options, "--user eve:molecule")
        assert status == 200
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "Nothing has been released yet" in body
        assert "This page is out of date" not in body
    status, headers, _ = get(host, "http://127.0.0.1:4400/_onehost")
    assert (status, headers["location"]) == (308, PAGE)


def test_status_page_is_for_those_who_are_named(host, stranger):
    assert get(host, f"{stranger}:4400{PAGE}")[0] == 401
    assert get(host, f"{stranger}:4400{PAGE}status.json")[0] == 401
    # A tunnel or any user of the host comes from here too.
    assert get(host, f"http://127.0.0.1:4400{PAGE}")[0] == 401
    # The password of staging opens staging, and nothing more; the page's opens nothing else.
    ann = [name("notes.staging.test"), "--user ann:molecule"]
    tls = "https" + stranger.removeprefix("http") + ":4643"
    assert get(host, f"{tls}/", *ann, "--insecure")[0] == 503
    assert get(host, f"{tls}{PAGE}", *ann, "--insecure")[0] == 401
    assert get(host, f"{tls}/", ann[0], "--user eve:molecule --insecure")[0] == 401
    # In production the path is the apps'.
    assert get(host, f"http://127.0.0.1:4500{PAGE}")[0] == 503


@pytest.mark.parametrize("claim", ["", "X-Forwarded-For: 127.0.0.1", "X-Real-IP: unix:", "Forwarded: for=127.0.0.1"])
def test_no_address_stands_in_for_the_password_of_staging(host, claim):
    options = f"--insecure --header '{claim}'"
    assert get(host, "https://127.0.0.1:4643/", name("notes.staging.test"), options)[0] == 401
    # The port without TLS leads there, whoever asks.
    assert get(host, "http://127.0.0.1:4600/", name("notes.staging.test"))[0] == 308


def test_the_way_in_of_the_engine_is_root_s(host):
    assert host.check_output("stat --format '%U %a' /run/onehost-edge") == "root 700"
    assert host.check_output("ls /run/onehost-edge").split() == [
        "notes-production-443.sock",
        "notes-production-80.sock",
        "notes-staging-4600.sock",
        "notes-staging-4643.sock",
    ]
    ask = "curl --silent --unix-socket /run/onehost-edge/notes-staging-4600.sock http://notes.staging.test/"
    assert host.run(f"runuser -u notes -- {ask}").rc == 7


def test_nginx_starts_over_the_sockets_of_a_killed_one(host):
    host.check_output("pkill --signal KILL --pidfile /run/nginx.pid; ls /run/onehost-edge/*.sock")
    host.check_output("systemctl restart nginx")
    options = [name("notes.staging.test"), inside("notes-staging", 4600)]
    assert get(host, "http://127.0.0.1:4600/", *options)[0] == 503
