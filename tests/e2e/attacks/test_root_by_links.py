# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links, renames and pipes in a directory that its owner can rename: root neither follows nor believes them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from support.attacks import HOME, OTHER, PLACE, STACK, Attacked, Said, printable
from support.lab import until

#: Looks newer than everything.
FORGED = "20991231T235959Z-production-abcdef0"
STATUS = json.dumps({"status": "previous", "since": "20991231T235959Z", "via": "promote"})
CRON = "/etc/cron.d/onehost-attack"
#: What people type and timers run that only looks.
LOOKS = (("status",), ("status", "--json"))


def live_release(shop: Attacked) -> dict[str, Any]:
    release: dict[str, Any] = json.loads(shop.read(f"{shop.kept('releases')}/{shop.live('production')}/release.json"))
    return release


def plant_release(shop: Attacked, release: dict[str, Any]) -> None:
    """A release as alice would like it, where the history is for her."""
    home = f"{HOME}/releases"
    # Beside the live one, so that it looks like a history.
    live = f"{home}/{release['id']}"
    shop.write(f"{live}/release.json", json.dumps(release))
    shop.write(f"{live}/status.json", STATUS.replace("previous", "live"))
    release = copy.deepcopy(release)
    release["id"] = FORGED
    for service in release["services"].values():
        service |= {"privileged": True, "volumes": ["/:/host"], "user": "0"}
    for name, text in (
        ("release.json", json.dumps(release)),
        ("status.json", STATUS),
        ("compose.json", json.dumps(release["services"])),
        ("env/common", "SHOP_SECRET='x'\n"),
    ):
        shop.write(f"{home}/{FORGED}/{name}", text)


def listed(status: Said) -> bool:
    """Whether the forged release is in the history. That it was refused is told too, and names it."""
    return any(line.strip().startswith(FORGED) for line in status.text.splitlines())


@pytest.mark.attack(
    "1a", "owner forges a privileged release in place of the history, rolls back to it", "refused, nothing is started"
)
def test_a_forged_release_is_not_released(shop: Attacked) -> None:
    live, release = shop.live("production"), live_release(shop)
    with shop.contained(), shop.away("releases"):
        plant_release(shop, release)
        said = shop.onehost("rollback", "--release", FORGED)
        assert said.code == 1 and FORGED in said.text, said
        assert not listed(shop.onehost("status").ok())
    assert shop.live("production") == live
    assert shop.answers()


@pytest.mark.attack(
    "1a", "owner renames the whole directory and puts a forged one in its place", "operations go on from root's own"
)
def test_a_forged_directory_changes_nothing(shop: Attacked) -> None:
    live, release = shop.live("production"), live_release(shop)
    with shop.contained():
        try:
            shop.alice(f"cd && mv {STACK} {STACK}.away && mkdir {STACK}").ok()
            plant_release(shop, release)
            shop.alice("cp -r ../shop.away/.git . ; mkdir -p config nginx/live").ok()
            assert shop.onehost("rollback", "--release", FORGED).code == 1
            status = shop.onehost("status").ok()
            assert live in status.text and not listed(status)
        finally:
            shop.root(f"rm -rf {HOME} && mv {HOME}.away {HOME}")
    assert shop.live("production") == live
    assert shop.answers()


@pytest.mark.attack("1b", "owner's own key directory, its files linked to {path}", "root writes nothing there")
@pytest.mark.parametrize("path", [CRON, "/root/.ssh/authorized_keys2"])
def test_the_end_of_a_key_rotation_writes_root_s_files_only(shop: Attacked, path: str) -> None:
    with shop.contained(), shop.away("config/keys"):
        shop.alice("mkdir config/keys").ok()
        shop.write(f"{HOME}/config/keys/rotation.json", '{"since": 1, "until": 2}')
        shop.write(f"{HOME}/config/keys/jwt_public.pem", "* * * * * root id >/root/pwned\n")
        shop.alice(
            f"cd config/keys; for name in jwt_public_previous.pem rotation.json.partial jwt_private.pem.partial; do "
            f"ln -s {path} $name; done"
        ).ok()
        for words in (("end-overlap",), ("recover",)):
            shop.onehost(*words)
            shop.onehost(*words, by="root")
        try:
            assert not shop.exists(path)
        finally:
            shop.root(f"rm -f {path}")


@pytest.mark.attack("1c", "owner's own nginx configuration with a log in /etc/cron.d", "nginx never reads it")
def test_nginx_reads_no_file_of_the_owner(shop: Attacked) -> None:
    hostile = f"log_format pwn escape=none '$http_x'; access_log {CRON} pwn;\n"
    with shop.contained(), shop.away("nginx"):
        shop.alice("cp -rL nginx.away nginx; chmod -R u+w nginx; mkdir -p nginx/live; chmod -R a+rX nginx").ok()
        for name in ("nginx.conf", "staging.conf", "production.conf", "live/staging.conf", "live/production.conf"):
            known = shop.root(f"cat {HOME}/nginx/{name} 2>/dev/null", check=False)
            shop.write(f"{HOME}/nginx/{name}", hostile + known)
        commit = shop.push({"colour": "with hostile routes\n"}, branch="routes")
        shop.onehost("deploy", "--version", commit)
        shop.root("nginx -t && systemctl reload nginx", check=False)
        for port in ("staging", "production"):
            shop.get(port, headers={"X": "* * * * * root id >/root/pwned"})
        written = shop.exists(CRON)
        shop.root(f"rm -f {CRON}")
        assert not written, "nginx wrote it"
        assert "log_format pwn" not in shop.root("nginx -T 2>/dev/null")
    until(shop.answers, 20, "every app answers")


@pytest.mark.attack("1h", "a leftover release that is a link to another stack's live one; cron's cleanup", "it stays")
def test_a_cleanup_removes_nothing_of_another_stack(shop: Attacked) -> None:
    target = shop.root(
        f"ls -d /var/lib/onehost/{OTHER}/releases /home/ubuntu/{OTHER}/releases 2>/dev/null | head -1"
    ).strip()
    target += f"/{shop.live('production', OTHER)}"
    with shop.contained(), shop.away("releases"):
        for environment in ("staging", "production"):
            live = shop.live(environment)
            for name in ("release.json", "status.json"):
                text = shop.root(
                    f"cat {shop.kept('releases')}/{live}/{name} 2>/dev/null || cat {HOME}/releases.away/{live}/{name}"
                )
                shop.write(f"{HOME}/releases/{live}/{name}", text)
        shop.alice(f"ln -s {target} releases/20200101T000000Z-production-0000000.partial").ok()
        shop.run(["onehost", "cleanup"]).ok()
        assert shop.exists(f"{target}/release.json")
        assert "no way back" not in shop.onehost("status", by="root", stack=OTHER).ok().out


PIPES = {
    "releases": "x/release.json x/status.json",
    "config": ".env.common .env.staging .env.production .env.staging.shop-web keys/rotation.json keys/jwt_public.pem",
    "nginx": "staging.conf production.conf live/staging.conf nginx.conf",
    ".git": "config HEAD info/exclude",
}


@pytest.mark.attack("1i", "pipes that nobody writes to, in place of {directory}", "nothing hangs, for any stack")
@pytest.mark.parametrize("directory", PIPES)
def test_a_pipe_stops_nothing(shop: Attacked, directory: str) -> None:
    with shop.contained(), shop.away(directory):
        shop.alice(
            f"mkdir {directory}; cd {directory}; for name in {PIPES[directory]}; do mkdir -p $(dirname $name); "
            f"mkfifo $name; done"
        ).ok()
        for words, by, stack in (
            (("status",), "alice", STACK),
            (("status",), "root", ""),
            (("page",), "root", ""),
            (("cleanup", "--check"), "root", ""),
            (("recover",), "root", ""),
        ):
            said = shop.onehost(*words, by=by, stack=stack, seconds=25)
            assert not said.hung, f"{words} as {by} hangs"
            assert "Traceback" not in said.text, said.text
        # Of the other stack, whatever becomes of this one's.
        shop.onehost("status", by="root", stack=OTHER, seconds=25).ok()
        said = shop.onehost("deploy", seconds=60)
        assert not said.hung and "Traceback" not in said.text, said
    shop.root("systemctl reset-failed onehost-page.service; timeout 30 systemctl start onehost-page.service")


@pytest.mark.attack(
    "1", "a second look: everything that the engine opens as root", "none of it is in the owner's directory"
)
def test_root_opens_nothing_in_the_owner_s_home(shop: Attacked) -> None:
    output = f"{PLACE}/opened.txt"
    shop.root(f"rm -f {output}")
    commit = shop.push({"colour": "opened\n"}, branch="opened")
    for words in (
        ("deploy", "--stack", STACK, "--version", commit),
        ("promote", "--stack", STACK),
        ("rollback", "--stack", STACK),
        ("status", "--stack", STACK),
        ("recover", "--stack", STACK),
        ("end-overlap", "--stack", STACK),
        ("page",),
        ("cleanup", "--check"),
    ):
        said = shop.run(["python3", "-I", "-B", f"{PLACE}/opened.py", "/home/alice", output, "--", *words])
        assert said.code == 0, f"{words}: {said.text}"
    found = sorted(set(shop.root(f"cat {output} 2>/dev/null || true").splitlines()))
    assert not found, "\n".join(found)


def parents_of_others(shop: Attacked, paths: list[str]) -> list[str]:
    """Of these paths and the directories above them: those that somebody beside root may change or rename."""
    looked = "\n".join(paths)
    script = (
        'while read -r path; do path=$(realpath -m "$path"); while :; do echo "$path"; [ "$path" = / ] && break;'
        " path=$(dirname \"$path\"); done; done | sort -u | xargs -d '\\n' stat --format '%n %U %a %F'"
    )
    lines = shop.run(["bash", "-c", script], data=looked.encode()).out.splitlines()
    found = []
    for line in lines:
        _, owner, mode, kind = line.split(" ", 3)
        open_to_others = int(mode, 8) & 0o022 and not int(mode, 8) & 0o1000
        if owner != "root" or (open_to_others and kind != "symbolic link"):
            found.append(line)
    return found


@pytest.mark.attack(
    "1", "where nginx's files, the containers' mounts and the history are", "below root's directories alone"
)
def test_what_root_trusts_is_where_nobody_else_can_rename(shop: Attacked) -> None:
    files = [
        line.removeprefix("# configuration file ").rstrip(":")
        for line in shop.root("nginx -T 2>/dev/null").splitlines()
        if line.startswith("# configuration file ")
    ]
    assert any(STACK in name for name in files)
    mounts = json.loads(shop.root(f"docker inspect {shop.container()}"))[0]["Mounts"]
    assert {mount["Destination"] for mount in mounts} >= {"/keys/jwt_private.pem", "/keys/jwt_public.pem"}
    history = [f"{shop.kept('releases')}/{shop.live(name)}/release.json" for name in ("staging", "production")]
    # The private key itself belongs to the app's user; its directory must not.
    places = [mount["Source"].rpartition("/")[0] for mount in mounts]
    assert parents_of_others(shop, files + places + history) == []


@pytest.mark.attack("1", "control characters in names that the owner chooses", "no output has them")
def test_names_of_the_owner_reach_no_terminal(shop: Attacked) -> None:
    with shop.contained(), shop.away("releases"):
        shop.alice("mkdir releases; mkdir releases/$'20260101T000000Z-production-\\e[2Jowned'").ok()
        for stack, by in ((STACK, "alice"), ("", "root")):
            assert printable(shop.onehost("status", stack=stack, by=by).ok().text) == ""
        assert printable(shop.run(["onehost", "cleanup", "--check"]).ok().text) == ""
