"""What ops expect of a public host."""

import pytest


def test_ssh_takes_neither_passwords_nor_root(host):
    settings = host.check_output("sshd -T")
    assert "passwordauthentication no" in settings
    assert "permitrootlogin no" in settings


@pytest.mark.parametrize("user", ["ubuntu", "root"])
def test_a_password_is_not_even_asked_for(host, user):
    options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o PubkeyAuthentication=no"
    ssh = f"ssh -o BatchMode=no -o NumberOfPasswordPrompts=0 {options} {user}@127.0.0.1 true"
    # Testinfra takes ssh's 255 for trouble of its own.
    assert "Permission denied (publickey)" in host.check_output(f"{ssh} 2>&1 || test $? -eq 255")


def test_updates_leave_what_runs_apps_alone(host):
    dump = host.check_output("apt-config dump Unattended-Upgrade")
    assert 'Unattended-Upgrade::Package-Blacklist:: "^docker";' in dump
    assert 'Unattended-Upgrade::Automatic-Reboot "false";' in dump
    assert "qr(^haproxy)" in host.file("/etc/needrestart/conf.d/onehost.conf").content_string


def test_updates_do_run_and_know_what_to_leave(host):
    """The program itself, as its timer starts it, but for the installing."""
    assert host.service("apt-daily-upgrade.timer").is_enabled
    said = host.run("unattended-upgrade --dry-run --debug")
    assert said.rc == 0, said.stderr
    text = said.stdout + said.stderr
    assert "Allowed origins are:" in text
    assert "^docker" in text


def test_guessed_logins_are_banned(host):
    assert host.service("fail2ban").is_running
    assert "sshd" in host.check_output("fail2ban-client status")


def test_a_ban_shuts_the_door_and_is_over_when_it_is_over(host):
    """An address of nobody's (RFC 5737)."""
    host.check_output("fail2ban-client set sshd banip 203.0.113.9")
    rules = host.check_output("nft list ruleset")
    assert "203.0.113.9" in rules
    assert "table inet onehost" in rules, "beside the firewall's own table"
    host.check_output("fail2ban-client set sshd unbanip 203.0.113.9")
    assert "203.0.113.9" not in host.check_output("nft list ruleset")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("net.ipv4.tcp_syncookies", "1"),
        ("net.ipv4.conf.all.accept_redirects", "0"),
        # Of our own inventory.
        ("net.ipv4.conf.all.log_martians", "1"),
        # Not mentioned anywhere: without it no container reaches anything.
        ("net.ipv4.ip_forward", "1"),
    ],
)
def test_kernel_switches(host, name, value):
    assert host.check_output(f"sysctl --values {name}") == value


def test_the_clock_is_kept(host):
    assert host.service("systemd-timesyncd").is_enabled
