"""The road of a request to something that answers in a slot."""

import json

import pytest
from support.http import get, inside, name
from support.waiting import until

# Visitors of notes' production are sent to https.
PRODUCTION = inside("notes-production", 80)
MAP = "/var/lib/onehost/switch/notes-production.map"
# Where a slot's apps listen.
REACH = "/var/lib/onehost/switch/notes-production-reach.map"
# An app that tells what it was asked.
APP = """
import json, http.server
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if "Upgrade" in self.headers or self.path.partition("?")[0] == "/unasked":
            head = (b"HTTP/1.1 101 Go", b"Upgrade: any", b"Connection: Upgrade", b"", b"tunnel")
            self.wfile.write(bytes([13, 10]).join(head))
            self.close_connection = True
            return
        body = json.dumps({"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("127.0.0.1", %d), Answer).serve_forever()
"""
ASK = """
import socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect("/run/haproxy/admin.sock")
connection.sendall(sys.argv[1].encode() + b"\\n")
print(connection.makefile().read().strip())
"""


@pytest.fixture(scope="module")
def release(host):
    """Something that answers in the blue slot of notes' production, switched to. The switch waits until it does."""
    ask = "python3 -c '" + ASK + "' '%s'"
    apps = {"notes": 21002, "files": 21012}
    for app, port in apps.items():
        host.check_output(f"systemd-run --quiet --unit=test-{app} python3 -c '{APP % port}'")
        host.check_output(ask % f"add map {REACH} {app}/blue {port}/start_first")
    host.check_output(ask % f"set map {MAP} live blue/20261121T000000Z-production-abc")
    yield
    host.check_output(ask % f"set map {MAP} live none/none")
    for app in apps:
        host.check_output(ask % f"del map {REACH} {app}/blue")
    host.check_output("systemctl stop test-notes test-files")


def test_port_80_is_shared_by_host_name(host, release):
    assert get(host, "http://127.0.0.1/", name("notes.example.test"), PRODUCTION)[0] == 200
    # Every other name is WorkHub's, which has no release here.
    assert get(host, "http://127.0.0.1/", name("elsewhere.test"))[0] == 503


def test_answer_names_its_release(host, release):
    _, headers, _ = get(host, "http://127.0.0.1/", name("notes.example.test"), PRODUCTION)
    assert headers["x-release"] == "20261121T000000Z-production-abc"


@pytest.mark.parametrize(
    ("asked", "seen", "prefix"),
    [
        ("/", "/", None),
        ("/api/v1", "/api/v1", None),
        ("/api/v1/notes?page=2", "/api/v1/notes?page=2", None),
        ("/files/", "/", "/files"),
        ("/files/a%2Fb%20c?x=%2F", "/a%2Fb%20c?x=%2F", "/files"),
        ("/filesystem", "/filesystem", None),
    ],
)
def test_path_arrives_as_it_was_written(host, release, asked, seen, prefix):
    status, _, body = get(host, f"http://127.0.0.1{asked}", name("notes.example.test"), PRODUCTION)
    assert status == 200
    request = json.loads(body)
    assert request["path"] == seen
    assert request["headers"].get("x-forwarded-prefix") == prefix


OFF = "/var/lib/onehost/switch/notes-production-off.map"
AS_TYPED = "--path-as-is"


@pytest.fixture(scope="module")
def closed(host, release):
    """A feature flag has closed /files/drafts, as the engine tells HAProxy."""
    tell = "python3 -c '" + ASK + "' '%s'"
    entries = {"files/files/drafts/": "drafts", "files:": "closed"}
    for key, value in entries.items():
        assert host.check_output(tell % f"add map {OFF} {key} {value}") == ""
    yield
    for key in entries:
        host.check_output(tell % f"del map {OFF} {key}")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("/files/drafts", 503),
        ("/files/Dr%61fts/x", 503),
        ("/files/drafts%2F", 503),
        ("/files//drafts", 400),
        ("/files/drafts;a=b", 400),
        ("/files/x%5Cdrafts", 400),
        ("/files/x%2Fdrafts", 400),
        ("/files/./drafts", 404),
        ("/files/x/../drafts", 404),
        ("/files/%2e/drafts", 404),
        ("/files/x%2F..%2Fdrafts", 404),
        ("/api/../files/drafts", 404),
        ("/%66iles/drafts", 404),
        ("//files/drafts", 404),
        ("/files/open?a=//;b", 200),
        ("/files/a%20%ed%95%9c", 200),
        # The path is another app's, which has nothing closed.
        ("/api/v1//x;y%2Fz", 200),
    ],
)
def test_closed_route_stays_closed_however_it_is_spelled(host, closed, asked, status):
    answer = get(host, f"http://127.0.0.1{asked}", name("notes.example.test"), PRODUCTION, AS_TYPED)
    assert answer[0] == status
    if status == 200:
        assert json.loads(answer[2])["path"] == asked.removeprefix("/files")


@pytest.mark.parametrize(
    "asked", ["/files/..", "/%66iles/x", "//files/x", "/files/../files/x", "/files/%2e%2e/files/x"]
)
def test_prefix_is_removed_only_where_it_is_written(host, release, asked):
    """What means the prefix but does not say so is nowhere. What only looks like it is another app's, as written."""
    status, _, body = get(host, f"http://127.0.0.1{asked}", name("notes.example.test"), PRODUCTION, AS_TYPED)
    if asked == "/files/..":
        assert status == 200
        assert "x-forwarded-prefix" not in json.loads(body)["headers"]
    else:
        assert status == 404
        assert "There is nothing at this address" in body


@pytest.mark.parametrize("protocol", ["h2c", "TLS/1.0", "h2c, websocket"])
def test_websocket_is_the_only_upgrade(host, release, protocol):
    upgrade = f"--header 'Upgrade: {protocol}' --header 'Connection: Upgrade, HTTP2-Settings' --max-time 3"
    status, _, body = get(host, "http://127.0.0.1/", name("notes.example.test"), PRODUCTION, upgrade)
    assert status == 200
    assert "upgrade" not in json.loads(body)["headers"]
    assert json.loads(body)["headers"]["connection"] == "close"
    key = "--header 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' --header 'Sec-WebSocket-Version: 13'"
    upgrade = f"--header 'Upgrade: WebSocket' --header 'Connection: Upgrade' {key}"
    assert get(host, "http://127.0.0.1/", name("notes.example.test"), PRODUCTION, upgrade)[0] == 101


def test_app_makes_no_tunnel_without_being_asked(host, release):
    assert get(host, "http://127.0.0.1/unasked", name("notes.example.test"), PRODUCTION)[0] == 502


def test_router_tells_what_failed_and_nothing_else(host, release):
    since = host.check_output("date +%s")
    get(host, "http://127.0.0.1/good?code=one-time-secret", name("notes.example.test"), PRODUCTION)
    get(host, "http://127.0.0.1/unasked?code=one-time-secret", name("notes.example.test"), PRODUCTION)
    # Nothing is released there, which is no failure.
    get(host, "http://127.0.0.1:4500/nothing?code=one-time-secret")
    read = f"journalctl --unit haproxy --output cat --since @{since}"
    # The journal has a line a moment after it was written.
    until(lambda: "/unasked" in host.check_output(read), 20)
    told = host.check_output(read)
    assert "notes-production notes-production-notes-blue/app status=502" in told
    assert "release=20261121T000000Z-production-abc" in told
    assert 'GET "/unasked"' in told
    assert "/good" not in told
    assert "/nothing" not in told
    assert "one-time-secret" not in told


def test_stripped_path_needs_its_slash(host, release):
    status, headers, _ = get(host, "http://127.0.0.1/files?a=b", name("notes.example.test"), PRODUCTION)
    assert (status, headers["location"]) == (307, "/files/?a=b")


def test_route_with_its_own_host_name(host, release):
    assert get(host, "http://127.0.0.1/public/x", name("files.example.test"), PRODUCTION)[0] == 200
    status, _, body = get(host, "http://127.0.0.1/", name("files.example.test"), PRODUCTION)
    assert status == 404
    assert "There is nothing at this address" in body


def test_client_cannot_say_who_it_is(host, release):
    claims = [
        "X-Forwarded-For: 1.2.3.4",
        "X-Forwarded-Prefix: /x",
        "X-Forwarded-Proto: https",
        "Forwarded: for=1.2.3.4",
    ]
    options = [f"--header '{claim}'" for claim in claims]
    _, _, body = get(host, "http://127.0.0.1/", name("notes.example.test:8480"), PRODUCTION, *options)
    headers = json.loads(body)["headers"]
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-host"] == headers["host"] == "notes.example.test:8480"
    assert "x-forwarded-prefix" not in headers
    assert "forwarded" not in headers


def test_app_is_told_that_the_client_came_by_https(host, release):
    to = "--cacert /etc/ssl/notes/authority.pem --resolve notes.example.test:443:127.0.0.1"
    _, headers, body = get(host, "https://notes.example.test/", to, "--http1.1")
    seen = json.loads(body)["headers"]
    assert (seen["x-forwarded-proto"], seen["x-forwarded-port"]) == ("https", "443")
    assert headers["x-release"] == "20261121T000000Z-production-abc"
    assert headers["strict-transport-security"] == "max-age=300"


def test_body_limit_of_an_app(host, release):
    sent = "--data-binary @/tmp/body --header Expect:"
    host.check_output("head -c 2000000 /dev/zero > /tmp/body")
    assert get(host, "http://127.0.0.1/files/", name("notes.example.test"), PRODUCTION, sent)[0] == 413
    assert get(host, "http://127.0.0.1/", name("notes.example.test"), PRODUCTION, sent)[0] == 501
