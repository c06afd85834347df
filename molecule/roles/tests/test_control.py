"""The collection on the host, used by somebody who owns no stack and is not root."""

import json

import pytest

RUNS = "/var/lib/onehost/runs"
SECRET = "molecule-secret-7d1f"


def as_ops(host, command):
    return host.run(f"cd /tmp && runuser -u ops -- bash -c '{command}'")


def runs(host, verb):
    return host.check_output(f"ls -1 {RUNS}/{verb}").split()


@pytest.fixture(scope="module")
def released(host):
    """An ops user brings a commit to staging and on to production, with the stack's own scripts."""
    deployed = as_ops(host, "/srv/notes/scripts/deploy-staging.sh --version main --reason first")
    assert deployed.rc == 0, deployed.stdout + deployed.stderr
    # What root would evaluate, were it a template or a word of a shell.
    reason = '{{ lookup("ansible.builtin.pipe", "touch /tmp/owned") }} $(touch /tmp/owned)'
    promoted = host.run("cd /tmp && runuser -u ops -- /srv/notes/scripts/promote-production.sh --reason %s", reason)
    assert promoted.rc == 0, promoted.stdout + promoted.stderr
    assert "PLAY RECAP" in promoted.stdout
    return reason


def test_promote_is_in_the_history_like_any_other(host, released):
    release = json.loads(host.check_output("cat /srv/notes/releases/*-production-*/release.json"))
    assert (release["person"], release["reason"]) == ("ops", released)
    assert not host.file("/tmp/owned").exists
    assert "200" in host.check_output(
        "curl --silent --output /dev/null --write-out '%{http_code}' http://127.0.0.1:4700/"
    )


def test_status_tells_what_is_live(host, released):
    answer = as_ops(host, "/srv/notes/scripts/status.sh")
    assert answer.rc == 0, answer.stdout + answer.stderr
    live = host.check_output("ls /srv/notes/releases").split()
    assert len(live) == 2
    assert all(release in answer.stdout for release in live)


def test_runs_are_kept_for_the_group_and_rotated(host, released):
    (run,) = runs(host, "promote")
    assert "-ops-" in run
    assert host.check_output(f"cat {RUNS}/promote/{run}/rc") == "0"
    assert "PLAY RECAP" in as_ops(host, f"cat {RUNS}/promote/{run}/stdout").stdout
    before = runs(host, "status")
    for _ in range(3):
        assert as_ops(host, "sudo onehost-control status").rc == 0
    after = runs(host, "status")
    assert len(after) == 2
    assert not set(before) & set(after)
    # Whoever is not of the group sees nothing, the group changes nothing.
    assert host.run("runuser -u nobody -- ls %s", RUNS).rc != 0
    assert host.check_output(f"find {RUNS} -mindepth 1 -perm /o=rwx,g=w") == ""
    assert as_ops(host, f"rm -r {RUNS}/promote/{run}").rc != 0


def test_no_secret_in_what_is_kept(host, released):
    assert host.file("/srv/notes/config/.env.common").contains(SECRET)
    assert host.run(f"grep -r {SECRET} {RUNS}").rc == 1
    assert host.check_output("stat --format '%U %a' /etc/onehost/control/inventory.yml") == "root 600"
    assert as_ops(host, "cat /etc/onehost/control/inventory.yml").rc != 0


@pytest.mark.parametrize(
    "words",
    [
        "promote -e @/etc/shadow",
        "promote --inventory /tmp/mine",
        "promote --become-user root",
        "provision",
        "deploy --version --upload-pack=x",
    ],
)
def test_nothing_else_is_let_through(host, words):
    answer = as_ops(host, f"sudo onehost-control {words}")
    assert answer.rc == 2
    assert "root:" not in answer.stdout + answer.stderr


def test_ops_may_do_that_alone(host):
    rules = host.check_output("sudo -l -U ops")
    found = {line.split()[-1] for line in rules.splitlines() if "NOPASSWD" in line}
    assert found == {"/usr/local/bin/onehost", "/usr/local/bin/onehost-control"}
    assert as_ops(host, "sudo -n id").rc != 0
    assert as_ops(host, "/usr/local/bin/onehost-control status").rc == 1


def test_callers_settings_do_not_count(host, released):
    settings = "ANSIBLE_CONFIG=/tmp/mine.cfg PYTHONPATH=/tmp/mine ANSIBLE_LIBRARY=/tmp/mine"
    host.check_output("printf '[defaults]\\ninventory=/nowhere\\n' > /tmp/ansible.cfg")
    assert as_ops(host, f"{settings} sudo onehost-control status").rc == 0


def test_full_disk_is_no_obstacle(host, released):
    """A small file system in place of the runs' directory, full to the last byte."""
    host.check_output(f"mount -t tmpfs -o size=64k tmpfs {RUNS} && head -c 64k /dev/zero > {RUNS}/full")
    try:
        answer = as_ops(host, "sudo onehost-control promote --reason again")
        assert answer.rc == 0
        assert "the disk is full" in answer.stderr
        assert "PLAY RECAP" not in answer.stdout
    finally:
        host.check_output(f"umount {RUNS}")
