"""What makes the host look after itself: cleanup, logs, firewall, hardening."""

import json
import re

import pytest
from support.external_client import neighbour

CLOSED, PUBLISHED = 9100, 9101
PUBLIC_PORTS = {22, 80, 443, 4400, 4500, 4600, 4643}
# The inventory names the networks.
LIMITED = 4400
# Ports that take a connection, by address: `scan.py SECONDS FIRST LAST`. What is dropped is given up after SECONDS.
SCAN = """
import json, resource, select, socket, sys, time
seconds, first, last = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
AT_ONCE, NO_PORT = 8000, 24
def ask(family, address, source, ports):
    found, asked, watch = [], {}, select.epoll()
    for port in ports:
        one = socket.socket(family)
        one.setblocking(False)
        one.setsockopt(socket.IPPROTO_IP, NO_PORT, 1)
        one.bind((source, 0))
        one.connect_ex((address, port))
        asked[one.fileno()] = one, port
        watch.register(one, select.EPOLLOUT)
    end = time.monotonic() + seconds
    while asked and (left := end - time.monotonic()) > 0:
        for number, events in watch.poll(left):
            one, port = asked.pop(number)
            if not events & (select.EPOLLERR | select.EPOLLHUP):
                found.append(port)
            one.close()
    for one, _ in asked.values():
        one.close()
    return found
resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
found = {}
for family, address, source in (
    (socket.AF_INET, "192.0.2.1", "192.0.2.2"), (socket.AF_INET6, "2001:db8::1", "2001:db8::2")
):
    found[address] = []
    for begin in range(first, last + 1, AT_ONCE):
        found[address] += ask(family, address, source, range(begin, min(begin + AT_ONCE, last + 1)))
print(json.dumps(found))
"""


def test_cleanup_runs_by_cron_and_its_log_is_rotated(host):
    assert host.file("/etc/cron.d/onehost-cleanup").contains("root /usr/local/lib/onehost/cron-cleanup")
    assert host.file("/usr/local/lib/onehost/cron-cleanup").mode == 0o755
    assert "/var/log/onehost/*.log" in host.check_output("logrotate --debug /etc/logrotate.d/onehost 2>&1")
    assert json.loads(host.file("/etc/onehost/cleanup.json").content_string)["free_gb"] == 20


def test_cleanup_says_what_it_would_do(host):
    answer = json.loads(host.run("onehost cleanup --check --json --free-gb 100000").stdout)
    assert answer["failed"] is True
    assert not any("onehost-lab/" in name for item in answer["removed"] for name in item["names"])
    assert answer["consumers"]


@pytest.mark.parametrize("hold", [False, True])
def test_cleanup_removes_ours_alone_and_holds_off_while_a_lock_is_held(host, hold):
    label = "LABEL release.onehost.stack=workhub release.onehost.app=wbfinhub"
    host.check_output("head -c 100000 /dev/urandom > /tmp/f && tar -C /tmp -cf /tmp/seed.tar f")
    host.check_output(f"docker import --change '{label}' /tmp/seed.tar wbfinhub:0123456789ab")
    host.check_output("docker import /tmp/seed.tar foreign:1")
    lock = "flock /run/onehost/workhub-production.lock " if hold else ""
    host.check_output("mkdir -p /run/onehost")
    answer = host.run(f"{lock}onehost cleanup --free-gb 100000")
    assert answer.rc == 1
    images = host.check_output("docker images --format '{{.Repository}}:{{.Tag}}'").splitlines()
    assert "foreign:1" in images
    assert ("wbfinhub:0123456789ab" in images) is hold
    assert ("lock workhub-production.lock" in answer.stderr) is hold


def test_logs_are_capped(host):
    assert host.file("/etc/systemd/journald.conf.d/onehost.conf").contains("SystemMaxUse=500M")
    assert host.file("/etc/logrotate.d/nginx").contains("maxsize 100M")
    assert "hourly" in host.check_output("systemctl cat logrotate.timer")


def test_firewall_lets_the_edge_and_ssh_through_and_nothing_else(host):
    rules = host.check_output("nft list table inet onehost")
    assert "policy drop" in rules
    open_ports = {int(port) for port in re.findall(r"^\s*tcp dport (\d+) accept$", rules, re.MULTILINE)}
    assert open_ports == PUBLIC_PORTS - {LIMITED}
    assert host.service("onehost-firewall").is_enabled


@pytest.fixture(scope="module")
def outside(host):
    """A neighbour with an address within the networks that the inventory names, and one without, by both families."""
    with neighbour(host, ("192.0.2.2", "192.0.2.200"), ("2001:db8::2", "2001:db8::1:2")) as ask:
        yield ask
    host.run("systemctl start onehost-firewall")


def test_scan_from_outside_finds_the_edge_and_ssh_alone(host, outside):
    """Every port, by both families; first without the rules, so that the question is a fair one."""
    host.check_output(f"echo '{SCAN}' >/tmp/scan.py")
    host.check_output(f"systemd-run --quiet --unit=test-closed python3 -m http.server --bind :: {CLOSED}")
    serve = "onehost-lab/python:3 python3 -m http.server"
    host.check_output(
        f"docker run --detach --rm --name published --publish {PUBLISHED}:{PUBLISHED} {serve} {PUBLISHED}"
    )

    def scan(seconds, first, last):
        answer = json.loads(outside(f"python3 /tmp/scan.py {seconds} {first} {last}").stdout)
        return set(answer["192.0.2.1"]), set(answer["2001:db8::1"])

    ours = (CLOSED, PUBLISHED)
    try:
        host.check_output("nft delete table inet onehost")
        # As soon as they are up. Docker publishes by IPv4 alone.
        assert any(scan(1, *ours) == ({CLOSED, PUBLISHED}, {CLOSED}) for _ in range(20))
        host.check_output("systemctl restart onehost-firewall")
        for ports in scan(0.4, 1, 65535):
            assert ports <= PUBLIC_PORTS
        assert all(scan(5, port, port) == ({port}, {port}) for port in PUBLIC_PORTS)
        host.check_output("systemctl restart docker")
        assert scan(1, *ours) == (set(), set())
    finally:
        host.run("systemctl start onehost-firewall; systemctl stop test-closed; docker rm --force published")


@pytest.mark.parametrize(
    ("source", "address", "let_through"),
    [
        ("192.0.2.2", "192.0.2.1", True),
        ("192.0.2.200", "192.0.2.1", False),
        ("2001:db8::2", "[2001:db8::1]", True),
        ("2001:db8::1:2", "[2001:db8::1]", False),
    ],
)
def test_port_that_is_limited_to_networks(outside, source, address, let_through):
    ask = "curl --silent --globoff --output /dev/null --max-time 2 --interface"
    assert (outside(f"{ask} {source} http://{address}:{LIMITED}/").rc == 0) is let_through
    assert outside(f"{ask} {source} http://{address}:4500/").rc == 0


def test_staging_asks_for_a_password(outside):
    ask = (
        "curl --silent --output /dev/null --max-time 5 --write-out '%{http_code}' "
        "--cacert /etc/ssl/notes/authority.pem --resolve notes.staging.test:4643:192.0.2.1 https://notes.staging.test:4643/"
    )
    assert outside(ask).stdout == "401"
    assert outside(f"{ask} --user ann:wrong").stdout == "401"
    # The one who knows it is told that nothing is released.
    assert outside(f"{ask} --user ann:molecule").stdout == "503"
