# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key pair for tokens: containers get root's files, whatever the owner puts in their place."""

from __future__ import annotations

import pytest
from support.attacks import HOME, Attacked
from support.lab import until

KEYS = ("jwt_private.pem", "jwt_public.pem", "jwt_public_previous.pem")


def restart(shop: Attacked) -> None:
    """What Docker does by itself after the app has ended: it looks the mounts up again."""
    shop.root(f"docker restart --time 1 {shop.container()} || true")


@pytest.mark.attack(
    "1g", "key files linked to docker.sock and /etc/shadow; the app ends and is started again", "it gets the keys"
)
def test_a_restarted_container_gets_the_keys(shop: Attacked) -> None:
    before = shop.inside("sha256sum /keys/*").ok().out
    try:
        with shop.contained(), shop.away("config/keys"):
            shop.alice(
                "mkdir config/keys; ln -s /var/run/docker.sock config/keys/jwt_private.pem; "
                "ln -s /etc/shadow config/keys/jwt_public.pem; ln -s /etc/shadow config/keys/jwt_public_previous.pem"
            ).ok()
            restart(shop)
            until(lambda: shop.get("production").status == 200, 20, "the app answers")
            assert shop.inside("cat /keys/*.pem | grep -c '^root:' || true").out.strip() in ("", "0")
            assert shop.inside("sha256sum /keys/*").ok().out == before
    finally:
        restart(shop)
        until(lambda: shop.get("production").status == 200, 20, "the app answers")


@pytest.mark.attack(
    "held",
    "the owner looks at the keys in her directory",
    "as promised: 600 and 644, one private key for the app alone",
)
def test_the_owner_sees_the_keys_as_before(shop: Attacked) -> None:
    modes = shop.root(f"cd {HOME}/config/keys && stat --dereference --format '%a %u %n' {' '.join(KEYS)}").splitlines()
    assert [mode.split()[::2] for mode in modes] == [["600", KEYS[0]], ["644", KEYS[1]], ["644", KEYS[2]]]
    assert modes[0].split()[1] == "10003"
    assert "BEGIN PUBLIC KEY" in shop.alice("cat config/keys/jwt_public.pem").ok().out
    assert shop.alice("cat config/keys/jwt_private.pem").code != 0


@pytest.mark.attack("1b", "links for a rotation of the keys to write through", "the rotation works, root's files stay")
def test_a_rotation_follows_no_link(shop: Attacked) -> None:
    with shop.victim("/etc/of-root"), shop.contained():
        shop.alice(
            "for name in jwt_private.pem.partial jwt_public.pem.partial rotation.json rotation.json.partial "
            "jwt_public_previous.pem.partial; do ln -s /etc/of-root config/keys/$name; done"
        )
        shop.playbook("rotate_jwt")
        shop.playbook("rotate_jwt", state="finished")
    shop.root(f"find {HOME}/config/keys/ -type l -name '*.partial' -delete")
    shop.provision("stack", "jwt_keys").ok()
    restart(shop)
    until(lambda: shop.get("production").status == 200, 20, "the app answers")
