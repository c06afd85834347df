"""The main job: a commit on its way from the repository to staging, to production, and back."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import pytest
from support.lab import ROOT, Answer, Lab, until
from support.load import Load, Target

pytestmark = pytest.mark.usefixtures("as_users_run_it")

HUBS = {"/": "wbhubmanager", "/saleshub/": "wbsaleshub", "/finhub/": "wbfinhub"} | {
    "/onboarding/": "wbonboardinghub",
    "/hwtest/": "hwtestagent",
}
CHECKOUT = "/home/ubuntu/workhub"
JSON = {"Accept": "application/json", "Content-Type": "application/json"}
PASSWORD = "lab-only-demo-password"


def touch(lab: Lab, *hubs: str, branch: str = "main", base: str = "main") -> str:
    """Push a change of the code of some hubs; their behaviour stays. Returns the commit's id."""
    version = base if base != "main" else "main"
    changes: dict[str, str | None] = {}
    for hub in hubs:
        path = f"{hub}/src/main.js"
        changes[path] = lab.read_source(path, version) + "// one more line\n"
    return lab.push_commit(changes, branch=branch, base=base)


def pages(lab: Lab, port: str) -> dict[str, dict[str, str]]:
    """What each hub says of itself, asked at the edge."""
    return {hub: lab.get(port, path, JSON).json() for path, hub in HUBS.items()}


def tags(lab: Lab, tag: str) -> dict[str, str]:
    """Image IDs by app."""
    names = " ".join(f"{hub}:{tag}" for hub in HUBS.values())
    identifiers = lab.ssh(f"sudo docker image inspect --format '{{{{.Id}}}}' {names}").split()
    return dict(zip(HUBS.values(), identifiers, strict=True))


def test_every_hub_answers_in_both_environments(released: Lab) -> None:
    for port in ("staging", "production", "http"):
        environment = "production" if port == "http" else port
        for hub, page in pages(released, port).items():
            assert (page["app"], page["environment"]) == (hub, environment)
            assert page["release"] == released.get(port).release


def test_every_answer_names_its_release(released: Lab) -> None:
    for port in ("staging", "production", "http"):
        release = released.get(port).release
        assert port in release or port == "http"
        answers = [released.get(port, path) for path in [*HUBS, "/health", "/finhub/me", "/no-such-page", "/finhub"]]
        answers.append(released.get(port, "/login", JSON, method="POST", body="{broken"))
        answers.append(released.get(port, "/finhub/", method="HEAD"))
        assert {answer.status for answer in answers} >= {200, 307, 400, 401, 404}
        assert [answer for answer in answers if answer.release != release] == []


def log_in(lab: Lab, port: str, password: str = PASSWORD) -> Answer:
    return lab.get(port, "/login", JSON, method="POST", body=json.dumps({"user": "anna", "password": password}))


def test_a_login_at_one_hub_is_good_at_the_others(released: Lab) -> None:
    tokens = {port: log_in(released, port).json()["token"] for port in ("staging", "production")}
    for port, token in tokens.items():
        for path in list(HUBS)[1:]:
            answer = released.get(port, f"{path}me", {"Authorization": f"Bearer {token}"})
            assert answer.status == 200, answer
            assert "anna" in answer.body
    cookie = log_in(released, "production").headers["set-cookie"].partition(";")[0]
    assert released.get("production", "/hwtest/me", {"Cookie": cookie}).status == 200
    elsewhere = released.get("production", "/finhub/me", {"Authorization": f"Bearer {tokens['staging']}"})
    assert elsewhere.status == 401, "a token of staging is worth nothing in production"
    assert log_in(released, "production", "guessed").status == 401


def test_a_websocket_passes_through_the_edge(released: Lab) -> None:
    async def talk() -> tuple[str, str]:
        address = f"http://127.0.0.1:{released.ports['production']}/hwtest/ws"
        async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
            greeting = json.loads(await socket.receive_str(timeout=10))
            await socket.send_str("are you there?")
            return greeting["release"], await socket.receive_str(timeout=10)

    assert asyncio.run(talk()) == (released.get("production").release, "are you there?")


def test_a_pushed_commit_is_deployed_and_only_its_hub_is_built(released: Lab) -> None:
    released.playbook("deploy_staging").ok()
    before, images = released.get("staging").release, tags(released, "staging")
    sha = touch(released, "WBFinHub")
    result = released.playbook("deploy_staging").ok()
    assert result.report["commit"] == sha
    assert set(result.report["built"]) == {"wbfinhub"}
    assert result.seconds < 30
    print(f"one hub rebuilt and deployed in {result.seconds:.1f} s")
    assert released.get("staging").release == result.report["release"] != before
    assert released.ssh(f"git -C {CHECKOUT} rev-parse HEAD").strip() == sha
    now = tags(released, "staging")
    assert {hub for hub in now if now[hub] != images[hub]} == {"wbfinhub"}
    assert tags(released, sha[:12])["wbfinhub"] == now["wbfinhub"]


def test_a_whole_promote_as_typed_under_load(released: Lab) -> None:
    """With the product's own time of watching: no request fails, no answer is a mix, within the time that was asked."""
    staging, old, before = tags(released, "staging"), tags(released, "production"), released.get("production").release
    port = released.ports["production"]
    targets = [Target(hub, port, path) for path, hub in HUBS.items()]
    targets += [Target(f"{hub}-post", port, f"{path}echo", method="POST") for path, hub in HUBS.items()]
    with Load(targets, rate=200, fresh=0.5) as load:
        result = released.ansible("playbooks/promote.yml").ok()
        window = load.take()
    print(f"ansible-playbook playbooks/promote.yml, five apps: {result.seconds:.1f} s")
    print(
        f"   {window.sent} requests, {window.kept_alive} of them on kept connections: {window.failed} failed, "
        f"99 of 100 within {1000 * window.p99:.0f} ms"
    )
    assert (window.failed, window.causes) == (0, {}), window.failures
    assert min(window.fresh, window.kept_alive) > window.sent * 0.4
    assert window.sent > 150 * result.seconds, "too few to say anything"
    after = released.get("production").release
    seen = window.releases[str(port)]
    assert (seen[0][1], seen[-1][1]) == (before, after) and {name for _, name in seen} == {before, after}
    # Requests that the old slot was still answering come in after the first of the new one, and then no more.
    assert seen[-1][0] - seen[1][0] < 1, seen
    assert result.seconds < 30
    # The very images of staging, and the old ones kept for the way back.
    assert tags(released, "production") == staging != old
    assert tags(released, "rollback") == old
    assert {page["environment"] for page in pages(released, "production").values()} == {"production"}


def test_rollback_brings_back_what_was_there(released: Lab) -> None:
    new, old = tags(released, "production"), tags(released, "rollback")
    release = released.get("production").release
    result = released.playbook("rollback").ok()
    assert tags(released, "production") == old != new
    assert released.get("production").release == result.report["release"] != release
    assert released.get("staging").release != released.get("production").release
    before = released.state()
    again = released.playbook("rollback").ok()
    assert again.changes == 0
    assert "a second rollback changes nothing" in again.stdout
    assert not released.changes(before)


def test_second_runs_change_nothing(released: Lab) -> None:
    released.playbook("promote").ok()
    before = released.state()
    for name in ("provision", "deploy_staging", "promote", "status", "recover"):
        result = released.playbook(name).ok()
        assert result.changes == 0, f"{name}: {result.changed_tasks}"
    assert not released.changes(before)


def test_status_tells_what_runs_where(released: Lab) -> None:
    # After a rollback there may be nothing older to name; after a promote there is.
    released.playbook("promote").ok()
    text = released.playbook("status").ok().stdout
    for port in ("staging", "production"):
        assert released.get(port).release in text
    for image in tags(released, "production").values():
        assert image.removeprefix("sha256:")[:12] in text
    assert "rollback would go to" in text
    known = json.loads(released.ssh("sudo onehost status --json"))[0]["environments"]["production"]
    assert known["slot"] in ("blue", "green") and known["since"] and known["commit"] in text


def test_containers_have_the_addresses_that_the_status_names(released: Lab) -> None:
    for name, known in json.loads(released.ssh("sudo onehost status --stack workhub --json"))[0][
        "environments"
    ].items():
        block = ipaddress.IPv4Network(known["network"])
        slot = list(block.subnets())[("blue", "green").index(known["slot"])]
        project = f"workhub-{name}-{known['slot']}"
        listed = released.ssh(
            f"sudo docker ps --quiet --filter label=com.docker.compose.project={project} | xargs sudo docker inspect "
            "--format '{{ range .NetworkSettings.Networks }}{{ .IPAddress }}{{ end }}'"
        ).split()
        assert listed and all(ipaddress.IPv4Address(address) in slot for address in listed), (slot, listed)


def test_an_operation_can_be_limited_to_some_apps(released: Lab) -> None:
    before = {tag: tags(released, tag) for tag in ("staging", "production")}
    sha = touch(released, "WBFinHub", "WBSalesHub", "HWTestAgent")
    deployed = released.playbook("deploy_staging", apps="wbfinhub,wbsaleshub").ok()
    assert set(deployed.report["built"]) == {"wbfinhub", "wbsaleshub"}
    promoted = released.playbook("promote", apps="wbfinhub").ok()
    now = {tag: tags(released, tag) for tag in ("staging", "production")}
    changed = {tag: {hub for hub in HUBS.values() if now[tag][hub] != before[tag][hub]} for tag in now}
    assert changed == {"staging": {"wbfinhub", "wbsaleshub"}, "production": {"wbfinhub"}}
    assert pages(released, "production")["wbfinhub"]["commit"][:12] == sha[:12]
    assert released.get("production", "/hwtest/").release == promoted.report["release"], "the switch moves them all"


def test_a_build_error_is_shown_and_leaves_staging_alone(released: Lab) -> None:
    dockerfile = released.read_source("WBSalesHub/Dockerfile")
    broken = dockerfile.replace("USER 10001", "RUN echo the paper is jammed; exit 7\nUSER 10001")
    released.push_commit({"WBSalesHub/Dockerfile": broken}, branch="broken")
    release, images = released.get("staging").release, tags(released, "staging")
    containers = released.ssh("sudo docker ps --all --format '{{.ID}} {{.State}}' | sort")
    result = released.playbook("deploy_staging", version="broken")
    assert result.rc != 0
    assert "wbsaleshub" in result.stdout
    assert "RUN echo the paper is jammed; exit 7" in result.problems, "the step of the Dockerfile"
    assert "the paper is jammed" in result.report["log"][-1], "its last lines"
    assert "| the paper is jammed" in result.stdout
    assert (released.get("staging").release, tags(released, "staging")) == (release, images)
    assert released.ssh("sudo docker ps --all --format '{{.ID}} {{.State}}' | sort") == containers


def test_an_app_that_never_gets_healthy_is_shown_and_put_back(released: Lab) -> None:
    source = released.read_source("WBFinHub/src/main.js")
    failing = "console.error('no ink left'); process.exit(3);\n"
    released.push_commit({"WBFinHub/src/main.js": failing + source}, branch="crashing")
    release, images = released.get("staging").release, tags(released, "staging")
    result = released.playbook("deploy_staging", version="crashing")
    assert result.rc != 0
    assert "app wbfinhub keeps crashing" in result.problems
    assert "no ink left" in "\n".join(result.report["log"])
    assert (released.get("staging").release, tags(released, "staging")) == (release, images)


#: A chat service on the host's loopback, of which nobody knows the address but the engine: keeps what it is told.
LISTENER = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        with open('/run/told.jsonl', 'ab') as file:
            file.write(body + b'\\n')
        self.send_response(200)
        self.end_headers()
    def log_message(self, *arguments):
        pass
http.server.HTTPServer(('127.0.0.1', 7997), Handler).serve_forever()
"""
ADDRESS = "http://127.0.0.1:7997/services/kanarienvogel"


@pytest.fixture
def told(released: Lab) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What the host has told others so far."""
    settings = json.dumps([{"type": "webhook", "name": "listener", "url": ADDRESS}])
    place = "/etc/onehost/notifications.json"
    released.ssh(
        f"sudo systemd-run --quiet --collect --unit onehost-test-listener python3 -c {shlex.quote(LISTENER)}; "
        f"sudo cp --preserve {place} {place}.before; echo {shlex.quote(settings)} | sudo tee {place} >/dev/null"
    )
    until(lambda: "7997" in released.ssh("ss --listening --tcp --numeric"), 20, "the listener is there")

    def read() -> list[dict[str, Any]]:
        lines = released.ssh("sudo cat /run/told.jsonl 2>/dev/null || true").splitlines()
        return sorted((json.loads(line) for line in lines), key=lambda item: float(item["at"]))

    yield read
    released.ssh(
        f"sudo mv {place}.before {place}; sudo systemctl stop onehost-test-listener; sudo rm --force /run/told.jsonl"
    )


def test_the_scripts_on_the_host(released: Lab, told: Callable[[], list[dict[str, Any]]]) -> None:
    sha = touch(released, "WBOnboardingHub")
    run = f"cd {CHECKOUT} && ./scripts"
    deployed = released.ssh(f"{run}/deploy-staging.sh --watch-seconds 1 --reason 'from the host'")
    assert f"staging runs {released.get('staging').release}" in deployed
    assert sha[:7] in released.get("staging").release
    released.ssh(f"{run}/promote-production.sh --watch-seconds 1")
    assert sha[:7] in released.get("production").release
    released.ssh(f"{run}/rollback-production.sh --watch-seconds 1")
    assert sha[:7] not in released.get("production").release
    assert "from the host" in released.ssh(f"cat {CHECKOUT}/releases/{released.get('staging').release}/release.json")
    # Each by a process of its own, so the last may still be on its way.
    until(lambda: len(told()) == 6, 20, "everything is told")
    events = [(item["event"], item["operation"], item["environment"]) for item in told()]
    assert events == [
        ("start", "deploy", "staging"),
        ("success", "deploy", "staging"),
        ("start", "promote", "production"),
        ("success", "promote", "production"),
        ("start", "rollback", "production"),
        ("rollback", "rollback", "production"),
    ]
    assert told()[1]["reason"] == "from the host" and told()[1]["person"] == "ubuntu"
    assert told()[-1]["release"] == released.get("production").release
    assert released.ssh("sudo onehost notify") == "listener: delivered\n"
    places = "/var/lib/onehost /var/log /usr/local/lib/onehost /etc/onehost/stacks"
    # Not the word itself: sudo notes this very command in the journal.
    # In the env files of earlier releases, which are for root alone, it may still be.
    search = "sudo grep --recursive --exclude-dir=env --files-with-matches 'kanarien[v]ogel'"
    assert released.ssh(f"{search} {places} || true") == ""


@pytest.mark.parametrize(
    ("playbook", "folder"),
    [("playbooks/promote.yml", ""), ("onehost.release.promote", ""), ("promote.yml", "playbooks")],
)
def test_playbooks_by_path_by_name_and_from_their_folder(released: Lab, playbook: str, folder: str) -> None:
    result = released.ansible(playbook, "--check", "--diff", where=ROOT / folder).ok()
    assert "would promote: production to 2026" in result.stdout or "gate" in result.stdout
    assert "unreachable=0    failed=0" in result.stdout


@pytest.mark.parametrize("folder", ["", "playbooks"])
def test_the_default_inventory_is_the_real_machine(folder: str) -> None:
    """Only read: nothing is contacted."""
    answer = subprocess.run(
        [ROOT / ".venv/bin/ansible-inventory", "--list"],
        cwd=ROOT / folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    known = json.loads(answer.stdout)
    assert known["onehost_hosts"]["hosts"] == known["workhub"]["hosts"] == ["workhub-oracle"]
    variables = known["_meta"]["hostvars"]["workhub-oracle"]
    assert (variables["ansible_host"], variables["ansible_user"]) == ("oracle-cloud", "ubuntu")
    assert "onehost_stack_workhub" in variables


def test_no_public_address_is_contacted(released: Lab) -> None:
    """Counted by the host's own firewall, which is first seen to count."""
    private = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
    rules = [f"OUTPUT -d {network} -j RETURN" for network in reversed(private)]
    chain = "sudo iptables -w"
    inserted = ["OUTPUT -m comment --comment public-address", *rules]

    def counted() -> int:
        lines = released.ssh(f"{chain} -nvxL OUTPUT").splitlines()
        return next(int(line.split()[0]) for line in lines if "public-address" in line)

    released.ssh(" && ".join(f"{chain} -I {rule}" for rule in inserted))
    try:
        released.ssh("curl --silent --max-time 1 http://192.0.2.1/", check=False)
        begin = counted()
        assert begin > 0
        released.playbook("deploy_staging", version=released.commit("main~1")).ok()
        released.playbook("promote").ok()
        released.playbook("status").ok()
        assert counted() == begin
    finally:
        released.ssh(" && ".join(f"{chain} -D {rule}" for rule in inserted))


def test_a_reboot_brings_everything_back_by_itself(released: Lab) -> None:
    before = {port: pages(released, port) for port in ("staging", "production")}
    assert before["staging"]["wbfinhub"]["release"] != before["production"]["wbfinhub"]["release"]
    booted, begin = boot_time(released), time.monotonic()
    released.reboot()
    until(lambda: {port: pages(released, port) for port in before} == before, 60, "all hubs answer as before")
    print(f"from the command to reboot until all hubs answered: {time.monotonic() - begin:.1f} s")
    until(lambda: boot_time(released) != booted, 60, "it was a reboot")
    guard = released.ssh("sudo nft list chain inet onehost guard")
    assert "policy drop" in guard and "tcp dport 4500 accept" in guard


def boot_time(lab: Lab) -> str:
    return lab.ssh("systemctl show --property=UserspaceTimestamp")
