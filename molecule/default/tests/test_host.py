"""What provisioning leaves on the host."""

import json

import pytest

PUBLIC_PORTS = {22, 80, 443, 4400, 4500, 4600, 4643}


@pytest.mark.parametrize("name", ["docker", "haproxy", "nginx"])
def test_service_runs_now_and_at_boot(host, name):
    service = host.service(name)
    assert service.is_running
    assert service.is_enabled


def test_only_the_edge_and_ssh_listen_publicly(host):
    listening = [line.split() for line in host.check_output("ss -Htlnp").splitlines()]
    public = {}
    for line in listening:
        address, _, port = line[3].rpartition(":")
        if not address.startswith("127.") and address != "[::1]":
            public[int(port)] = line[-1]
    assert set(public) == PUBLIC_PORTS
    assert all('"nginx"' in who for port, who in public.items() if port != 22)


def test_docker_keeps_apps_running_and_its_disk_small(host):
    options = json.loads(host.file("/etc/docker/daemon.json").content_string)
    assert options["live-restore"] is True
    assert options["userland-proxy"] is False
    assert options["log-driver"] == "local"
    assert options["log-opts"] == {"max-size": "10m", "max-file": "5"}
    assert options["builder"]["gc"]["enabled"] is True
    # What the engine runs with, not only what its file says.
    info = json.loads(host.check_output("docker info --format '{{json .}}'"))
    assert info["LiveRestoreEnabled"] is True
    assert info["LoggingDriver"] == "local"
    assert host.run("docker compose version").succeeded
    assert host.run("docker buildx version").succeeded


OWNERS_AND_MODES = """\
ubuntu 755 /home/ubuntu/workhub
ubuntu 750 /home/ubuntu/workhub/config
ubuntu 600 /home/ubuntu/workhub/config/.env.common
ubuntu 600 /home/ubuntu/workhub/config/.env.production
ubuntu 600 /home/ubuntu/workhub/config/.env.staging
root 644 /home/ubuntu/workhub/config/keys/jwt_public.pem
ubuntu 644 /home/ubuntu/workhub/docker-compose.yml
root 644 /home/ubuntu/workhub/nginx/nginx.conf
ubuntu 755 /home/ubuntu/workhub/scripts/deploy-staging.sh
ubuntu 755 /home/ubuntu/workhub/scripts/promote-production.sh
ubuntu 755 /home/ubuntu/workhub/scripts/rollback-production.sh
root 755 /var/lib/onehost/workhub
root 700 /var/lib/onehost/workhub/env
root 600 /var/lib/onehost/workhub/env/production
root 711 /var/lib/onehost/workhub/keys
root 755 /var/lib/onehost/workhub/nginx
root 755 /var/lib/onehost/workhub/releases
notes 755 /srv/notes
notes 600 /srv/notes/config/.env.common
root 440 /etc/sudoers.d/onehost
root 644 /etc/onehost/stacks/notes.json
root 600 /etc/onehost/notifications.json
root 644 /etc/haproxy/haproxy.cfg
root 644 /var/lib/onehost/switch/notes-production-off.map
root 644 /var/lib/onehost/switch/notes-production.map
root 2750 /var/lib/onehost/notes/page
root 640 /var/lib/onehost/notes/page/index.html
"""


def test_owners_and_modes(host):
    paths = " ".join(line.split()[-1] for line in OWNERS_AND_MODES.splitlines())
    assert host.check_output(f"stat --format '%U %a %n' {paths}") == OWNERS_AND_MODES.strip()


def test_private_key_is_readable_for_the_apps_user_alone(host):
    private = "/home/ubuntu/workhub/config/keys/jwt_private.pem"
    assert host.check_output(f"stat --format '%u %a' {private}") == "10001 600"
    public = host.check_output(f"openssl pkey -in {private} -pubout")
    assert public == host.file("/home/ubuntu/workhub/config/keys/jwt_public.pem").content_string.strip()
    assert "2048 bit" in host.check_output(f"openssl pkey -in {private} -noout -text")


def test_no_env_value_where_everybody_can_read(host):
    definition = host.file("/etc/onehost/stacks/notes.json").content_string
    assert json.loads(definition)["name"] == "notes"
    assert "ecret # value" not in definition
    assert host.file("/srv/notes/config/.env.common").contains("API_TOKEN=")


def test_compose_gives_the_env_value_unchanged(host):
    config = host.check_output("docker compose --project-directory /srv/notes --profile staging config --format json")
    service = json.loads(config)["services"]["notes-staging"]
    # Compose writes a dollar sign that is one as two.
    assert service["environment"]["API_TOKEN"].replace("$$", "$") == "molecule's $ecret # value"
    assert service["ports"][0]["host_ip"] == "127.0.0.1"


@pytest.mark.parametrize(("user", "directory"), [("ubuntu", "/home/ubuntu/workhub"), ("notes", "/srv/notes")])
def test_directory_is_a_clean_checkout_of_its_source(host, user, directory):
    git = f"runuser -u {user} -- git -C {directory}"
    assert host.check_output(f"{git} remote get-url origin").startswith("/srv/git/")
    assert host.check_output(f"{git} config remote.origin.fetch") == "+refs/heads/*:refs/remotes/origin/*"
    assert host.check_output(f"{git} status --porcelain") == ""


def test_owner_may_run_the_engine_and_nothing_else(host):
    rules = host.check_output("sudo -l -U notes")
    found = {line.split()[-1] for line in rules.splitlines() if "NOPASSWD" in line}
    assert found == {"/usr/local/bin/onehost", "/usr/local/bin/onehost-control"}


def test_scripts_explain_themselves(host):
    answer = host.check_output("/home/ubuntu/workhub/scripts/rollback-production.sh --help")
    assert "rollback-production.sh" in answer
    assert "onehost-control rollback" in answer


def test_scripts_go_through_the_collection_on_the_host(host):
    # Of the stack whose directory is not in somebody's home.
    answer = host.run("runuser -u oncall -- /srv/notes/scripts/status.sh")
    assert answer.rc == 0, answer.stdout + answer.stderr
    assert "notes production" in answer.stdout
    assert "nothing is live" in answer.stdout
    assert host.check_output("ls /var/lib/onehost/runs/status")


def as_user(host, user, command):
    return host.run(f"runuser -u {user} -- sh -c '{command}'")


def test_owner_of_a_stack_may_not_act_on_another(host):
    assert as_user(host, "notes", "sudo -n onehost status").stdout.startswith("notes ")
    assert "workhub" not in as_user(host, "notes", "sudo -n onehost status").stdout
    for words in (
        "onehost rollback --stack workhub --check",
        "onehost status --stack workhub",
        "onehost cleanup --check",
        "/usr/local/bin/onehost recover --stack workhub",
    ):
        answer = as_user(host, "notes", f"sudo -n {words}")
        assert answer.rc == 1, words
        assert "notes may not act on workhub" in answer.stderr
        assert "ask ubuntu, or anyone in the group onehost-ops" in answer.stderr


def test_members_of_the_group_may_act_on_all(host):
    seen = as_user(host, "oncall", "sudo -n onehost status").stdout
    assert "workhub production" in seen
    assert "notes production" in seen
    assert "rollback workhub production" in as_user(host, "oncall", "sudo -n onehost rollback --stack workhub").stdout
    assert as_user(host, "oncall", "sudo -n /bin/sh -c id").rc != 0


@pytest.mark.parametrize(
    "trick",
    [
        "sudo -n SUDO_USER=root onehost status --stack workhub",
        "SUDO_USER=root sudo -n -E onehost status --stack workhub",
        "sudo -n -g onehost-ops onehost status --stack workhub",
        "sudo -n -u ubuntu onehost status --stack workhub",
        "sudo -n PYTHONPATH=/tmp/trick onehost status --stack workhub",
        "cd /tmp/trick && sudo -n onehost status --stack workhub",
        "cd /tmp/trick && PYTHONPATH=. PYTHONSTARTUP=./json.py sudo -n onehost status --stack workhub",
    ],
)
def test_no_way_round_it(host, trick):
    """Code of the caller's own must not be run, and the caller's word of who they are must not count."""
    evil = 'import os; os.mknod("/tmp/run-as-" + str(os.geteuid()))'
    host.check_output(
        "install -d -o notes /tmp/trick/release && rm -f /tmp/run-as-0 && "
        f"for f in json.py argparse.py release/__init__.py release/__main__.py; do echo '{evil}' >/tmp/trick/$f; done"
    )
    answer = as_user(host, "notes", trick)
    assert answer.rc == 1
    assert "workhub production" not in answer.stdout
    assert not host.file("/tmp/run-as-0").exists
