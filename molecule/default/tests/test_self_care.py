"""What makes the host look after itself: cleanup, logs, firewall, hardening."""

import json

import pytest

CLOSED = 9100


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
    open_ports = {int(line.split()[2]) for line in rules.splitlines() if line.strip().startswith("tcp dport")}
    assert open_ports == {22, 80, 4400, 4500, 4600}
    assert host.service("onehost-firewall").is_enabled


def test_published_port_cannot_go_round_the_firewall(host):
    """From a network of its own, as a neighbour would: first without the rules, so that the question is a fair one."""
    host.check_output(
        "ip netns add outside && ip link add veth-t type veth peer name eth0 netns outside && "
        "ip addr add 192.0.2.1/24 dev veth-t && ip link set veth-t up && "
        "ip -n outside addr add 192.0.2.2/24 dev eth0 && ip -n outside link set eth0 up"
    )
    ask = "ip netns exec outside curl --silent --output /dev/null --max-time 2 http://192.0.2.1:%d/"
    staging = (
        "ip netns exec outside curl --silent --output /dev/null --max-time 5 --write-out '%{http_code}' "
        "--header 'Host: notes.staging.test' http://192.0.2.1:4600/"
    )
    serve = "onehost-lab/python:3 python3 -m http.server"
    host.check_output(f"docker run --detach --rm --name published --publish {CLOSED}:{CLOSED} {serve} {CLOSED}")
    try:
        host.check_output("sleep 1; nft delete table inet onehost")
        assert host.run(ask % CLOSED).rc == 0
        host.check_output("systemctl restart onehost-firewall")
        assert host.run(ask % CLOSED).rc != 0
        assert host.run(ask % 4500).rc == 0
        # Staging asks for a password; the one who knows it is told that nothing is released.
        assert host.check_output(staging) == "401"
        assert host.check_output(f"{staging} --user ann:molecule") == "503"
        host.check_output("systemctl restart docker")
        assert host.run(ask % CLOSED).rc != 0
    finally:
        host.run(
            "systemctl start onehost-firewall; docker rm --force published; ip link del veth-t; ip netns del outside"
        )
