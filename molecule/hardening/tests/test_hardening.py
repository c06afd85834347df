"""What ops expect of a public host."""


def test_ssh_takes_neither_passwords_nor_root(host):
    settings = host.check_output("sshd -T")
    assert "passwordauthentication no" in settings
    assert "permitrootlogin no" in settings


def test_updates_leave_what_runs_apps_alone(host):
    dump = host.check_output("apt-config dump Unattended-Upgrade")
    assert 'Unattended-Upgrade::Package-Blacklist:: "^docker";' in dump
    assert 'Unattended-Upgrade::Automatic-Reboot "false";' in dump
    assert "qr(^haproxy)" in host.file("/etc/needrestart/conf.d/onehost.conf").content_string


def test_guessed_logins_are_banned(host):
    assert host.service("fail2ban").is_running
    assert "sshd" in host.check_output("fail2ban-client status")
    assert host.check_output("sysctl --values net.ipv4.tcp_syncookies") == "1"
