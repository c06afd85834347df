# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what, as SQL without a password."""

from __future__ import annotations

import dataclasses

from release.planning.databases import roles
from release.planning.databases.clusters import Cluster
from release.releases.databases import Kept, Login
from release.stack.databases import Database

SALT = "00112233445566778899aabbccddeeff"
DATABASE = Database("main", "postgresql", ("staging",), memory="256m", connections=30)
KEPT = Kept("17", 5433, 1, Login("owner-password", SALT), Login("app-password", SALT))


def grants(kept: Kept = KEPT, database: Database = DATABASE) -> str:
    return roles.grants(Cluster("shop", "staging", database, kept))


def test_a_server_knows_a_password_as_the_standard_says() -> None:
    # The example of RFC 7677.
    login = Login("pencil", "5b6d99689d12358eec a04b141236fa81".replace(" ", ""))
    assert roles.verifier(login) == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


def test_no_password_is_in_it() -> None:
    for generation in (1, 2):
        kept = dataclasses.replace(KEPT, generation=generation, app_before=Login("the-one-before", SALT))
        text = grants(kept)
        assert not [word for word in ("owner-password", "app-password", "the-one-before") if word in text]


def test_apps_connect_as_one_of_two() -> None:
    assert "ALTER ROLE app_2 NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOLOGIN" in grants()
    later = grants(dataclasses.replace(KEPT, generation=2, app_before=KEPT.app))
    assert "NOBYPASSRLS NOLOGIN" not in later and later.count("LOGIN PASSWORD 'SCRAM") == 2


def test_apps_may_be_the_owner() -> None:
    assert "ALTER ROLE app_1 RESET role;" in grants() and " SET role" not in grants()
    as_owner = grants(database=dataclasses.replace(DATABASE, app_user=False))
    assert "GRANT owner TO app_1;" in as_owner and "ALTER ROLE app_1 SET role = 'owner';" in as_owner


def test_a_look_changes_nothing() -> None:
    cluster = Cluster("shop", "staging", DATABASE, KEPT)
    assert roles.applied(cluster, write=False).endswith("ROLLBACK;\n")
    assert roles.applied(cluster, write=True).endswith("COMMIT;\n")
