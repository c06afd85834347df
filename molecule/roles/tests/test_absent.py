"""Roles that were taken away leave nothing that acts, and what is live stays live."""

import pytest

GONE = [
    "/opt/onehost",
    "/etc/onehost/control",
    "/usr/local/bin/onehost-control",
    "/etc/sudoers.d/onehost-control",
    "/etc/systemd/system/onehost-page.timer",
    "/etc/nginx/onehost/own/status_page.conf",
    "/usr/local/bin/onehost",
    "/usr/local/lib/onehost/release",
    "/etc/sudoers.d/onehost",
    "/etc/systemd/system/onehost-boot.service",
    "/etc/systemd/system/onehost-maps.service",
    "/etc/systemd/system/onehost.slice",
    "/etc/systemd/system/haproxy.service.d/onehost.conf",
    "/etc/cron.d/onehost-cleanup",
    "/usr/local/lib/onehost/cron-cleanup",
    "/etc/logrotate.d/onehost",
    "/etc/systemd/journald.conf.d/onehost.conf",
    "/etc/systemd/system/logrotate.timer.d/onehost.conf",
    "/etc/ssh/sshd_config.d/05-onehost.conf",
    "/etc/apt/apt.conf.d/52onehost",
    "/etc/fail2ban/jail.d/zz-onehost.conf",
    "/etc/sysctl.d/60-onehost.conf",
    "/etc/onehost/firewall.nft",
    "/etc/systemd/system/onehost-firewall.service",
]


def test_a_second_time_there_is_nothing_left_to_do(removed):
    first, second = removed
    assert first > 10
    assert second == 0


@pytest.mark.parametrize("path", GONE)
def test_file_is_gone(host, removed, path):
    assert not host.file(path).exists


def test_nothing_of_it_is_in_force(host, removed):
    assert host.run("nft list table inet onehost").rc != 0
    assert "05-onehost" not in host.check_output("grep -rl . /etc/ssh/sshd_config.d || true")
    assert "x11forwarding yes" in host.check_output("sshd -T")
    assert "OnCalendar=hourly" not in host.check_output("systemctl cat logrotate.timer")
    assert "maxsize" not in host.check_output("cat /etc/logrotate.d/nginx /etc/logrotate.d/haproxy")
    for user in ("ops", "ubuntu"):
        assert "/bin/onehost" not in host.run(f"sudo -l -U {user}").stdout


def test_what_is_live_and_what_was_done_stays(host, removed):
    assert "200" in host.check_output(
        "curl --silent --output /dev/null --write-out '%{http_code}' http://127.0.0.1:4700/"
    )
    assert host.run("ls /srv/notes/releases/*/release.json /var/lib/onehost/runs/promote/*/stdout").rc == 0
