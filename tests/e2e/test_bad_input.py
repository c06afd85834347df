"""Bad input is refused before anything changes, all of it at once, each with its place and its fix."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import strategy
from support.lab import INVENTORY, ROOT, Lab

CHECKOUT = "/home/ubuntu/workhub"
HOME = "/var/lib/onehost/workhub"


@pytest.fixture
def unchanged(provisioned: Lab) -> Iterator[Lab]:
    """The host, which after the test must be as it was before."""
    before = provisioned.state()
    yield provisioned
    assert not provisioned.changes(before)


def test_operations_that_have_nothing_to_work_on(unchanged: Lab) -> None:
    promote = unchanged.playbook("promote")
    assert promote.rc != 0
    assert "nothing is live in staging" in promote.problems
    assert "playbooks/deploy_staging.yml" in promote.problems
    rollback = unchanged.operate("rollback")
    assert rollback.rc != 0
    assert "nothing is live, so there is nothing to roll back" in rollback.problems
    assert "playbooks/deploy_staging.yml" in rollback.problems, "there is nothing that could be promoted either"
    some = unchanged.operate("deploy_staging", apps="wbfinhub")
    assert some.rc != 0
    assert "the first deploy must include every app" in some.problems
    status = unchanged.playbook("status").ok()
    assert status.stdout.count("nothing is live") >= 2


@pytest.mark.parametrize("output", ["onehost.release.operation", "ansible.builtin.default"])
@pytest.mark.parametrize(
    ("playbook", "folder", "next_one"),
    [
        ("playbooks/promote.yml", "", "ansible-playbook -i inventories/lab playbooks/deploy_staging.yml"),
        ("promote.yml", "playbooks", "ansible-playbook -i ../inventories/lab deploy_staging.yml"),
        ("onehost.release.promote", "", "ansible-playbook -i inventories/lab onehost.release.deploy_staging"),
    ],
)
def test_the_command_that_is_named_can_be_pasted(
    unchanged: Lab, playbook: str, folder: str, next_one: str, output: str
) -> None:
    environment = os.environ | unchanged.environment | strategy.environment("promote")
    environment |= {"ANSIBLE_STDOUT_CALLBACK": output}

    def typed(command: str) -> subprocess.CompletedProcess[str]:
        words = {"cwd": ROOT / folder, "env": environment, "stdin": subprocess.DEVNULL, "timeout": 600}
        return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, **words)

    refused = typed(f"ansible-playbook -i {INVENTORY} {playbook}")
    named = re.search(r"Fix: +(ansible-playbook .*)", refused.stdout)
    assert refused.returncode != 0 and named, refused.stdout
    assert named[1] == next_one
    pasted = typed(f"{named[1]} --check")
    assert pasted.returncode == 0 and "would deploy" in pasted.stdout, pasted.stdout + pasted.stderr


def test_the_command_that_is_named_on_the_host_can_be_pasted_there(unchanged: Lab) -> None:
    refused = unchanged.ssh("sudo onehost promote --stack workhub", check=False)
    named = re.search(r"Fix: (sudo onehost .*)", refused)
    assert named and named[1] == "sudo onehost deploy --stack workhub"
    assert "would deploy" in unchanged.ssh(f"{named[1]} --check")


@pytest.mark.usefixtures("released")
class TestOnAReleasedHost:
    def test_rollback_with_nothing_to_go_back_to(self, unchanged: Lab) -> None:
        """Must come before any second promote."""
        result = unchanged.operate("rollback")
        assert result.rc != 0
        assert "there is no good release to roll back to" in result.problems
        assert "after the second promote" in result.problems

    def test_promote_of_what_is_live_already(self, unchanged: Lab) -> None:
        result = unchanged.operate("promote").ok()
        assert result.changes == 0
        assert f"production already runs {unchanged.get('production').release}" in result.stdout

    def test_everything_wrong_is_told_at_once(self, unchanged: Lab) -> None:
        unchanged.ssh(
            f"cd {HOME} && sudo mv env/staging away && sudo mv keys/jwt_public.pem keys/away && "
            f"echo changed >> {CHECKOUT}/WBFinHub/src/main.js && touch {CHECKOUT}/left-here.txt"
        )
        try:
            result = unchanged.playbook("deploy_staging", apps="wbfinhub,wbfinhup,shop", version="v9.9")
        finally:
            unchanged.ssh(
                f"cd {HOME} && sudo mv away env/staging && sudo mv keys/away keys/jwt_public.pem && "
                f"cd {CHECKOUT} && umask 022 && git checkout --quiet WBFinHub/src/main.js && rm left-here.txt"
            )
        assert result.rc != 0
        assert "'wbfinhup' is not an app of stack workhub. choose from hwtestagent, wbfinhub" in result.problems
        assert "'shop' is not an app" in result.problems
        assert f"{HOME}/env/staging: env file is missing" in result.problems
        assert f"{HOME}/keys/jwt_public.pem: key file is missing" in result.problems
        assert "playbooks/provision.yml" in result.problems
        assert "local changes" not in result.problems, "the directory is no source"
        assert "version 'v9.9' is not a branch, tag or commit" in result.problems
        for problem in result.report["problems"]:
            assert problem["what"] in result.stdout, "what the report holds is also what people see"
            assert problem["fix"], f"no fix for: {problem['what']}"

    def test_promote_and_rollback_of_an_unknown_app(self, unchanged: Lab) -> None:
        for name in ("promote", "rollback"):
            result = unchanged.operate(name, apps="shop")
            assert result.rc != 0
            assert "'shop' is not an app of stack workhub" in result.problems

    def test_promote_without_its_env_file_and_key(self, unchanged: Lab) -> None:
        unchanged.ssh(f"cd {HOME} && sudo mv env/production away && sudo mv keys/jwt_private.pem keys/away")
        try:
            result = unchanged.operate("promote")
        finally:
            unchanged.ssh(f"cd {HOME} && sudo mv away env/production && sudo mv keys/away keys/jwt_private.pem")
        assert result.rc != 0
        assert f"{HOME}/env/production: env file is missing" in result.problems
        assert f"{HOME}/keys/jwt_private.pem: key file is missing" in result.problems

    def test_a_repository_that_holds_the_platforms_files(self, unchanged: Lab) -> None:
        unchanged.push_commit(
            {"docker-compose.yml": "services: {}\n", "config/.env.common": "A=1\n", "WBFinHub/note.txt": "new\n"},
            branch="with-our-files",
        )
        result = unchanged.operate("deploy_staging", version="with-our-files", options="--check").ok()
        assert "would deploy" in result.stdout

    def test_a_name_that_means_two_commits(self, unchanged: Lab) -> None:
        unchanged.push_commit({"WBFinHub/note.txt": "1\n"}, branch="twice")
        unchanged.ssh("git -C /srv/git/workhub.git tag twice main")
        result = unchanged.operate("deploy_staging", version="twice")
        assert result.rc != 0
        assert "version 'twice' is ambiguous: refs/heads/twice (" in result.problems
        assert "name one of them: refs/heads/twice, refs/tags/twice" in result.problems
        unchanged.operate("deploy_staging", version="refs/tags/twice", options="--check").ok()

    def test_an_app_without_a_folder_or_a_dockerfile(self, unchanged: Lab) -> None:
        unchanged.push_commit({"WBFinHub": None, "WBSalesHub/Dockerfile": None}, branch="incomplete")
        result = unchanged.operate("deploy_staging", version="incomplete")
        assert result.rc != 0
        assert "app wbfinhub: folder WBFinHub does not exist in commit" in result.problems
        assert "app wbsaleshub: WBSalesHub/Dockerfile does not exist in commit" in result.problems

    def test_an_unknown_stack(self, unchanged: Lab) -> None:
        asked = [unchanged.operate(name, stack="shop") for name in ("deploy_staging", "promote", "rollback")]
        for result in (*asked, unchanged.playbook("status", stack="shop")):
            assert result.rc != 0
            assert "shop" in result.stdout and "choose from workhub" in result.stdout

    def test_definitions_that_cannot_be(self, unchanged: Lab, tmp_path: Path) -> None:
        """Told by name, all at once, by provision.yml and before it has done anything."""

        def app(port: int, **more: Any) -> dict[str, Any]:
            return {
                "context": "a",
                "port": 80,
                "loopback_port": port,
                "health": "/up",
                "routes": [{"path": "/a"}],
                **more,
            }

        stack = {
            "directory": "/srv/bad",
            "environments": {"staging": {"ports": [4402]}, "production": {"ports": [4500]}},
            "apps": {
                "healthless": {key: value for key, value in app(21000).items() if key != "health"},
                "same-route": app(21010),
                "same-port": app(21015, routes=[{"path": "/c"}]),
                "mistyped": app(21030, memory="lots", routes=[{"path": "d"}], helth="/up"),
            },
        }
        inventory = tmp_path / "bad.yml"
        hosts = {"onehost-lab": {"onehost_stack_bad": stack}}
        inventory.write_text(yaml.safe_dump({"onehost_hosts": {"hosts": hosts}}))
        result = unchanged.playbook("provision", inventories=[inventory])
        assert result.rc != 0
        for expected in (
            "stack bad.apps.healthless.health: is missing",
            "set `health` to the path that answers 200",
            "route /a is already taken by app",
            "loopback_port 21015 overlaps the ports 21010 to 21019 of stack bad.apps.same-route",
            "stack bad.apps.mistyped.memory",
            "stack bad.apps.mistyped.routes[0].path",
            "stack bad.apps.mistyped.helth",
        ):
            assert expected in " ".join(result.stdout.split()), expected

    def test_two_stacks_on_one_address(self, unchanged: Lab, tmp_path: Path) -> None:
        stack = {
            "directory": "/home/ubuntu/workhub",
            "environments": {"staging": {"ports": [4402]}, "production": {"ports": [4500]}},
            "apps": {
                "wbfinhub": {
                    "context": "a",
                    "port": 80,
                    "loopback_port": 20000,
                    "health": "/",
                    "routes": [{"path": "/"}],
                }
            },
        }
        inventory = tmp_path / "second.yml"
        hosts = {"onehost-lab": {"onehost_stack_second": stack}}
        inventory.write_text(yaml.safe_dump({"onehost_hosts": {"hosts": hosts}}))
        result = unchanged.playbook("provision", inventories=[inventory])
        assert result.rc != 0
        seen = " ".join(result.stdout.split())
        for expected in (
            "public address (any host):4500 is already used by",
            "directory /home/ubuntu/workhub is already used by",
            "app name wbfinhub is already used by",
            "loopback_port 20000 overlaps",
        ):
            assert expected in seen, expected


@pytest.mark.parametrize(
    ("words", "lost"),
    [
        (("promote.yml", "-e", "reason=approved by QA"), "'by QA'"),
        (("promote.yml", "-e", "apps=wbfinhub, wbsaleshub"), "'wbsaleshub'"),
        (("flags.yml", "-e", "flag=battle", "-e", "state=off", "-e", "reason=a b"), "'b'"),
    ],
)
def test_an_option_that_the_shell_cut_short(released: Lab, words: tuple[str, ...], lost: str) -> None:
    """It would mean something else: some apps in place of others, say."""
    before = released.state()
    result = released.ansible(f"playbooks/{words[0]}", *words[1:])
    assert result.rc != 0
    assert f"-e: {lost} belongs to no option" in " ".join(result.stdout.split())
    assert not released.changes(before)
