# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cluster a database has: ports, versions and passwords stay as they were once given."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping

import pytest

from release.errors import RefusedError
from release.planning.databases.clusters import Cluster, budget_problems, cluster_name, keep, next_port
from release.releases.databases import FoundCluster, Kept, Login
from release.stack.databases import Database

DATABASE = Database("main", "postgresql", ("staging", "production"), memory="256m", connections=30)


def kept(
    known: Kept | None = None,
    found: FoundCluster | None = None,
    given: Mapping[str, str] | None = None,
    password_generation: int = 1,
    version: str = "",
) -> Kept:
    numbers = itertools.count(1)
    return keep(
        dataclasses.replace(DATABASE, password_generation=password_generation, version=version),
        known,
        found,
        version="17",
        port=lambda: 5440,
        given=given or {},
        new=lambda password: Login(password or f"made up {next(numbers)} {known.generation if known else 0}", "00"),
    )


def refused(
    known: Kept | None = None,
    given: Mapping[str, str] | None = None,
    password_generation: int = 1,
    version: str = "",
) -> str:
    with pytest.raises(RefusedError) as error:
        kept(known, None, given, password_generation, version)
    return str(error.value)


def test_names_of_clusters_have_no_hyphen_and_are_never_the_same() -> None:
    assert cluster_name("work-hub", "staging", "main") == "work.hub_staging_main"
    parts = ("a", "a-b", "b", "a-staging", "staging-b")
    names = [cluster_name(stack, "staging", database) for stack in parts for database in parts]
    assert len(set(names)) == len(names)


def test_a_new_one_gets_the_usual_version_a_port_and_passwords() -> None:
    new = kept()
    assert (new.version, new.port, new.generation, new.login) == ("17", 5440, 1, "app_1")
    assert new.owner.password != new.app.password


def test_what_is_kept_stays() -> None:
    known = kept()
    assert kept(known) == known
    moved = FoundCluster("17", "x", 5555, runs=True)
    assert kept(known, moved) == dataclasses.replace(known, port=5555), "where the cluster is in truth"
    upgraded = kept(known, FoundCluster("18", "x", 5555, runs=True))
    assert upgraded == dataclasses.replace(known, version="18", port=5555)
    lost = kept(None, FoundCluster("16", "x", 5555, runs=True))
    assert (lost.version, lost.port) == ("16", 5555), "whose record was lost"


def test_new_passwords_leave_those_of_before_valid_once() -> None:
    first = kept()
    second = kept(first, password_generation=2)
    assert (second.login, second.app_before) == ("app_2", first.app)
    third = kept(second, password_generation=3)
    assert (third.login, third.app_before) == ("app_1", second.app)
    leaked = kept(first, password_generation=3)
    assert leaked.app_before is None, "two at once: nothing of before is valid"
    assert leaked.port == first.port


def test_given_passwords_are_taken_with_a_new_generation() -> None:
    given = {"app": "given-app-password", "owner": "given-owner-pass"}
    new = kept(given=given)
    assert (new.app.password, new.owner.password) == ("given-app-password", "given-owner-pass")
    assert "set `password_generation: 2` with it" in refused(known=kept(), given=given)
    assert "printable" in refused(given={"app": "short"})
    assert "printable" in refused(given={"owner": "with a space in it"})


def test_what_cannot_be_done_here_is_refused() -> None:
    known = kept()
    assert "has version 17, not 18" in refused(known=known, version="18")
    assert "set it to 3 or more" in refused(known=kept(known, password_generation=3), password_generation=2)


def test_ports_go_to_the_first_that_is_free() -> None:
    assert next_port({5433, 5435}) == 5434
    with pytest.raises(RefusedError, match="no port"):
        next_port(range(5433, 5533))


def test_a_budget_of_the_hosts_memory() -> None:
    clusters = [Cluster("shop", name, DATABASE, kept()) for name in ("staging", "production")]
    assert budget_problems(clusters, 2**30, 50) == []
    (problem,) = budget_problems(clusters, 2**30, 49)
    assert "512 MB together, and may have 501" in problem.what and "shop production 256 MB" in problem.what
    assert budget_problems(clusters, 0, 50) == [], "a host whose memory nobody knows"
