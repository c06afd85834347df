# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provisioning a host whose stack's owner has put links everywhere: root follows none of them."""

from __future__ import annotations

import pytest
from support.attacks import HOME, Attacked

ROOTS = "/opt/of-root"
#: What root is known to write there, and names that it might use on the way.
NAMES = {
    "env files": (
        *("config/.env.common", "config/.env.common.partial", "config/.env.staging", "config/.env.staging.partial"),
        *("config/.env.staging.shop-web", "config/.env.staging.shop-web.partial"),
    ),
    "the names of env files on the way": ("config/.env.staging.partial", "config/.env.staging.shop-web.partial"),
    "the Compose file": ("docker-compose.yml", "docker-compose.yml.partial"),
    "git's files": (".git/config", ".git/config.lock", ".git/info/exclude", ".git/HEAD"),
}


@pytest.fixture(autouse=True)
def repaired_afterwards(shop: Attacked) -> None:
    shop.provision("stack", "jwt_keys").ok()


@pytest.mark.attack("1d, 1e", "{kind} are links to root's files, then provision", "no file changes")
@pytest.mark.parametrize("kind", NAMES)
def test_no_link_is_written_through(shop: Attacked, kind: str) -> None:
    names = NAMES[kind]
    victims = [f"{ROOTS}/{number}" for number in range(len(names))]
    shop.root(f"install -d -m 755 {ROOTS}")
    shop.alice("cp -r .git .git.away; cp -r config config.away; cp docker-compose.yml docker-compose.yml.away").ok()
    try:
        for victim in victims:
            shop.root(f"install -m 600 /dev/null {victim}; echo of-root >{victim}")
        with shop.contained():
            for name, victim in zip(names, victims, strict=True):
                shop.alice(f"rm -f {name}; ln -s {victim} {name}").ok()
            shop.provision("stack", attacks_colour="red")
    finally:
        shop.root(
            f"cd {HOME} && rm -rf .git config docker-compose.yml* {ROOTS} && mv .git.away .git && mv config.away config"
        )


@pytest.mark.attack("1d", ".git/info is a link to /etc/cron.hourly, then provision", "nothing is written there")
def test_no_linked_directory_gets_a_file(shop: Attacked) -> None:
    with shop.victim_directory("/etc/cron.hourly.of-root"), shop.contained(), shop.away(".git/info", "scripts"):
        shop.alice("ln -s /etc/cron.hourly.of-root .git/info; ln -s /etc/cron.hourly.of-root scripts").ok()
        shop.provision("stack")


@pytest.mark.attack("1f", "{name} is a link to a directory of root's, then provision", "it stays root's, empty")
@pytest.mark.parametrize("name", ["config", "config/keys", "nginx", "releases"])
def test_no_linked_directory_is_given_away(shop: Attacked, name: str) -> None:
    with shop.victim_directory(ROOTS), shop.contained(), shop.away(name):
        shop.alice(f"ln -s {ROOTS} {name}").ok()
        shop.provision("stack", "jwt_keys", "edge", attacks_colour="red")


@pytest.mark.attack("1f", "the stack's directory itself is a link to one of root's, then provision", "it stays root's")
def test_the_directory_itself_is_not_followed(shop: Attacked) -> None:
    with shop.victim_directory(ROOTS), shop.contained():
        try:
            shop.alice(f"cd; mv shop shop.away; ln -s {ROOTS} shop").ok()
            shop.provision("stack", "jwt_keys", "edge")
        finally:
            shop.root(f"rm -rf {HOME}; mv {HOME}.away {HOME}")
