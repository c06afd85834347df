# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds: what a pushed commit gets to see and to do before anything is live."""

from __future__ import annotations

import json

import pytest
from support.attacks import HOME, PLACE, SECRET, Attacked, Content, Link, Submodule
from support.lab import until

BASE = "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nARG STACK\nWORKDIR /app\nCOPY --chmod=644 app.py behaviour.json ./\n"
RUN = 'CMD ["python3", "-S", "-u", "app.py"]\n'


def dockerfile(*steps: str) -> str:
    return BASE + "".join(f"{step}\n" for step in steps) + RUN


@pytest.mark.attack(
    "4", "a commit that copies config/ into its image, past .dockerignore", "no value, no key, no untracked file"
)
def test_a_build_sees_the_commit_and_nothing_else(shop: Attacked) -> None:
    collect = dockerfile(
        "COPY . /c",
        "RUN cd /c && find . | sort >/loot",
        "RUN cd /c && { grep -rhs '' --include='.env*' . || true; grep -rls 'PRIVATE KEY' . || true; } >>/loot",
    )
    try:
        shop.alice("echo untracked >untracked.txt; mkdir -p config/mine; echo x >config/mine/x").ok()
        said = shop.deploy({".dockerignore": "config\nreleases\n!con*\n!rel*\n", "Dockerfile": collect})
        loot = shop.loot()
        if said.code == 0:
            assert "./app.py" in loot
        for bad in (SECRET, "SHOP_COLOUR", "PRIVATE KEY", "jwt_private", "untracked", "release.json", ".git/", ".env"):
            assert bad not in loot, f"{bad} is in the image:\n{loot}"
        assert said.code == 0, "a .dockerignore decides nothing any more: " + said.text
    finally:
        shop.root(f"rm -rf {HOME}/untracked.txt {HOME}/config/mine")


@pytest.mark.attack(
    "14", "one stack's build leaves something in a shared cache mount", "another stack's build does not find it"
)
def test_cache_mounts_are_a_stack_s_own(shop: Attacked) -> None:
    step = (
        "RUN --mount=type=cache,target=/root/.cache cat /root/.cache/poison >/loot 2>/dev/null || true; "
        "echo poisoned-by-$STACK >/root/.cache/poison"
    )
    try:
        shop.deploy({"Dockerfile": dockerfile(step), "turn": "1"}).ok()
        shop.deploy({"Dockerfile": dockerfile(step), "turn": "2"}, stack="depot").ok()
        assert "poisoned-by-shop" not in shop.loot("depot")
    finally:
        shop.releases["staging"] = shop.live("staging", "depot")


@pytest.mark.attack("2, 3", "RUN steps that reach for the host's loopback", "nothing comes back")
def test_a_build_step_reaches_no_loopback(shop: Attacked) -> None:
    script = shop.read(f"{PLACE}/reach_loopback.py")
    step = "COPY reach.py /reach.py\nRUN python3 /reach.py 5432 >/loot 2>&1 || true"
    with shop.background("python3", f"{PLACE}/serve.py", "127.0.0.1", "5432"):
        until(lambda: shop.root("curl -s --max-time 2 127.0.0.1:5432 || true") == "REACHED", 10, "the service")
        shop.deploy({"Dockerfile": dockerfile(step), "reach.py": script}).ok()
    assert shop.loot().strip() in ("NOTHING", "FORBIDDEN")


#: Commits that may be refused or built, but never have the effect.
COMMITS: dict[str, dict[str, Content | None]] = {
    "the Dockerfile is a link to /etc/passwd": {"Dockerfile": Link("/etc/passwd")},
    "the Dockerfile is a link to the env file": {"Dockerfile": Link("config/.env.production")},
    "COPY of a link out of the context": {
        "out": Link("/etc/passwd"),
        "up": Link("../../../../etc"),
        "Dockerfile": dockerfile("COPY out /loot"),
    },
    "COPY of a directory that is a link out": {"up": Link("/etc"), "Dockerfile": dockerfile("COPY up/passwd /loot")},
    "RUN --network=host": {"Dockerfile": dockerfile("RUN --network=host ls /sys/class/net >/loot")},
    "RUN --security=insecure": {"Dockerfile": dockerfile("RUN --security=insecure id >/loot")},
    "a bind mount of the host's /etc": {
        "Dockerfile": dockerfile("RUN --mount=type=bind,source=/etc,target=/m ls /m >/loot"),
    },
    "a submodule by ext::": {
        ".gitmodules": '[submodule "sub"]\n\tpath = sub\n\turl = ext::sh -c "id>/tmp/attack-ext"\n',
        "sub": Submodule(),
    },
    "a submodule from a path of the host": {
        ".gitmodules": '[submodule "sub"]\n\tpath = sub\n\turl = /srv/git/depot.git\n',
        "sub": Submodule(),
    },
    "a submodule whose path is .git/hooks": {
        ".gitmodules": '[submodule "x"]\n\tpath = .git/hooks\n\turl = ./x\n',
        "sub": Submodule(),
    },
}


@pytest.mark.attack("held", "a commit: {what}", "refused or without effect")
@pytest.mark.parametrize("what", COMMITS)
def test_a_hostile_commit_has_no_effect(shop: Attacked, what: str) -> None:
    live = shop.live("staging")
    shop.root("rm -f /tmp/attack-*")
    with shop.contained():
        said = shop.deploy(COMMITS[what])
        assert not said.hung and "Traceback" not in said.text, said
        assert SECRET not in said.text and "root:x:" not in said.text
        if said.code == 0:
            loot = shop.loot()
            assert "root:x:" not in loot and SECRET not in loot and "docker0" not in loot and "shadow" not in loot, loot
        else:
            assert shop.live("staging") == live
        assert not shop.exists("/tmp/attack-ext")
    shop.others_answer()


@pytest.mark.attack(
    "held",
    "a commit: filters, export-ignore and export-subst in .gitattributes",
    "the image has the commit's files, as they are",
)
def test_attributes_change_nothing(shop: Attacked) -> None:
    shop.root("rm -f /tmp/attack-*")
    filters = (
        "git config --global filter.evil.smudge 'id -u >>/tmp/attack-filter; cat'; "
        "git config --global filter.evil.clean cat"
    )
    try:
        shop.alice(f"cd; {filters}").ok()
        said = shop.deploy(
            {
                ".gitattributes": "behaviour.json export-ignore\nstamp export-subst\nplain filter=evil\n",
                "stamp": "$Format:%H %an$\n",
                "plain": "as committed\n",
                "Dockerfile": dockerfile("COPY stamp plain /x/", "RUN cat /x/stamp /x/plain >/loot"),
            }
        )
        assert said.code == 0, said
        assert shop.loot() == "$Format:%H %an$\nas committed\n"
        ran = set(shop.root("cat /tmp/attack-filter 2>/dev/null || true").split())
        assert ran <= {shop.root("id -u alice").strip()}, "as root"
    finally:
        shop.root("rm -f /home/alice/.gitconfig /tmp/attack-*")


@pytest.mark.attack("held", "a commit: forged labels, so that its image counts as another's", "the platform's own")
def test_labels_are_the_platform_s(shop: Attacked) -> None:
    forged = " ".join(
        f"release.onehost.{name}=forged" for name in ("stack", "app", "source", "slot", "id", "environment")
    )
    shop.deploy({"Dockerfile": dockerfile(f"LABEL {forged}")}).ok()
    told = json.loads(shop.root(f"docker inspect {shop.container('staging')}"))[0]["Config"]["Labels"]
    assert not [name for name, value in told.items() if name.startswith("release.onehost.") and value == "forged"]
    assert told["release.onehost.stack"] == "shop" and told["release.onehost.app"] == "shop-web"


@pytest.mark.attack(
    "held",
    "a commit that tracks the platform's own names: config, nginx, releases, docker-compose.yml",
    "no effect on the host",
)
def test_names_of_the_platform_in_a_commit(shop: Attacked) -> None:
    env = "SHOP_SECRET='from the commit'\nSHOP_COLOUR='evil'\n"
    tracked: dict[str, Content | None] = {
        **dict.fromkeys(("config/.env.common", "config/.env.staging", "config/.env.staging.shop-web"), env),
        "config/keys/jwt_public.pem": "forged\n",
        "nginx/live/staging.conf": "broken {\n",
        "nginx/nginx.conf": "broken {\n",
        "docker-compose.yml": "services: {x: {image: x, privileged: true}}\n",
        "releases/x/release.json": "{}",
        "scripts/status.sh": "#!/bin/sh\nid >/tmp/attack-script\n",
    }
    with shop.contained():
        said = shop.deploy(tracked)
        assert not said.hung and "Traceback" not in said.text, said
        shop.root("nginx -t")
        assert "from the commit" not in shop.inside("env; cat /keys/jwt_public.pem", "staging").out
        assert "evil" not in shop.inside("env", "staging").out
        shop.onehost("status").ok()
    shop.provision("stack", "jwt_keys").ok()


@pytest.mark.attack("held", "{what} while a commit is named", "refused")
@pytest.mark.parametrize(
    "what", ["$(id)", "HEAD@{0}", "-x", "--upload-pack=id", "main;id", "../../etc", "refs/heads/../x", "a..b", ":/x"]
)
def test_versions_are_names(shop: Attacked, what: str) -> None:
    said = shop.onehost("deploy", f"--version={what}")
    assert said.code in (1, 2) and "Traceback" not in said.text, said
