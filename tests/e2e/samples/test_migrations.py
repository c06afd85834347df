# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alumni, from its demo on: migrations under load, that wait, fail, are killed; and what is said of each."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import alumni_demo as sample
import pytest
from support import bench as support
from support import strategy
from support.faults import Faults, give_source
from support.lab import ROOT, Lab, Result, kept_lab, started, until
from support.load import Load, Target, Window
from support.snapshot import reach

CHANGES = ROOT / "examples" / "alumni-changes"
VERSIONS = "api/migrations/versions"
MIGRATION = '''"""{what}"""

from alembic import op

revision, down_revision = "{revision}", "{before}"


def upgrade() -> None:
    {body}
'''
#: As the stack has it by default.
LOCK_SECONDS = 3.0
#: What releases of a year bring, each in a release of its own.
YEAR = (
    "alter table posts add column reads integer not null default 0",
    "create table tags (id bigserial primary key, name text not null)",
    "create index concurrently posts_by_reads on posts (reads)",
    "alter table posts add column edited timestamptz",
    "update posts set edited = now() where edited is null",
    "alter table posts add column shown boolean not null default true",
    "create index concurrently posts_by_edited on posts (edited)",
    "create view popular as select id, reads from posts where reads > 100",
    "insert into tags (name) select 'tag ' || n from generate_series(1, 1000) n",
    "create index concurrently tags_by_name on tags (name)",
)
BENCH_PAGE = """# Ten releases that migrate, under load

100 requests a second to production all the while, a third of them posts: rows of the table that is migrated.
Ten commits of the example alumni, each with one migration, were deployed and promoted in turn. On a lab with
two cores, with a PostgreSQL of the role.

{table}

Each promote asks alembic twice, in containers of the new image, and again after a migration. Written by `make bench`.
"""


@dataclass
class Product:
    """The stack on its lab. `newest` is the last of its migrations."""

    lab: Lab
    said: str
    newest: str = "0003"

    def of(self, environment: str) -> sample.Alumni:
        return sample.Alumni(self.lab.ports[f"alumni_{environment}"])

    def play(self, name: str, **options: Any) -> Result:
        return self.lab.operate(name, stack=sample.STACK, **options)

    def onehost(self, words: str, *, check: bool = True) -> str:
        return self.lab.ssh(f"sudo onehost {words} --stack {sample.STACK} 2>&1", check=check, seconds=120)

    def sql(self, environment: str, query: str, database: str = "") -> str:
        return self.lab.ssh(self._psql(environment, query, database)).strip()

    def start_sql(self, environment: str, query: str) -> subprocess.Popen[str]:
        """A session that goes on."""
        words = [*self.lab.ssh_words, "ubuntu@127.0.0.1", self._psql(environment, query)]
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)

    @staticmethod
    def _psql(environment: str, query: str, database: str = "") -> str:
        return sample.psql(environment, f"--tuples-only --no-align -c {shlex.quote(query)}", database or "main")

    def add(self, revision: str, what: str, body: str, name: str = "", **files: str) -> None:
        """Commit a migration on top of the newest, in a file of this name."""
        text = MIGRATION.format(what=what, revision=revision, before=self.newest, body=body)
        self.lab.push_commit({f"{VERSIONS}/{name or revision}.py": text, **files}, repository=sample.STACK)
        self.newest = revision

    def change(self, number: int) -> None:
        """Commit one of the example's later changes on top of the newest migration."""
        folder = CHANGES / str(number)
        files = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.py")}
        [name] = [name for name in files if name.startswith(VERSIONS)]
        revision = name.removeprefix(f"{VERSIONS}/")[:4]
        before = f"{int(revision) - 1:04}"
        files[name] = files[name].replace(f'"{before}"', f'"{self.newest}"')
        self.lab.push_commit(files, repository=sample.STACK)
        self.newest = revision

    def schema(self, environment: str) -> str:
        return str(self.of(environment).health()["schema"])


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """From `make demo STACK=alumni` on: commit 2 in staging, commit 1 in production again, on the newer schema."""
    with started("e2e" if kept_lab() else "alumni") as lab:
        if not kept_lab():
            reach(lab, "provisioned", lambda: lab.playbook("provision").ok())
        words = [sys.executable, "tools/demo.py", "--name", lab.name, "--stack", sample.STACK]
        environment = os.environ | strategy.environment()
        shown = subprocess.run(
            words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=900
        )
        assert shown.returncode == 0, shown.stdout + shown.stderr
        yield Product(lab, shown.stdout + shown.stderr)


def notes(result: Result) -> str:
    return " ".join(result.ok().report["notes"])


def test_the_demo_shows_what_is_special(product: Product) -> None:
    said = product.said
    assert "alumni-api: migrated from nothing to 0002" in said and "alumni-api: migrated from 0002 to 0003" in said, (
        said
    )
    assert "version 1 answers again, on schema 0003: a rollback never migrates" in said
    assert "with 429" in said
    status = product.onehost("status")
    assert "schema of staging: alumni-api 0003" in status and "schema of production: alumni-api 0003" in status


def test_a_rollback_says_what_is_applied_before_it_begins(product: Product) -> None:
    again = product.play("promote").ok()
    assert "migrate" in again.report["steps"] and "migrated from" not in notes(again), "there was nothing to do"
    told = product.play("rollback", options="--check")
    [gate] = [row for row in told.ok().report["gates"] if row["gate"] == "schema"]
    assert gate["result"] == "go" and "alumni-api: 0003 is applied" in gate["evidence"]
    assert "went live with 0002; newer by steps that only add (0002 to 0003)" in gate["evidence"]


def test_one_that_waits_for_a_lock_fails_no_request_and_stalls_none_for_longer(product: Product) -> None:
    """60 requests a second read and write all the while; somebody else has the table for longer than the limit."""
    product.add("0003a", "a place", 'op.execute("alter table posts add column place text")')
    product.play("deploy_staging").ok()
    port = product.lab.ports["alumni_production"]
    targets = [
        Target("posts", port, "/api/posts"),
        Target("a post", port, "/api/posts", method="POST"),
        Target("health", port, "/healthz"),
    ]
    hold = "begin; lock table posts in access share mode; select pg_sleep(300)"
    holder = product.start_sql("production", hold)
    until(lambda: "pg_sleep(300)" in product.sql("production", _BUSY), 20, "the table is locked")
    with Load(targets, 60) as load:
        letting_go = threading.Thread(target=_let_go_once_it_was_in_vain, args=(product,))
        letting_go.start()
        # Tried on a copy it would wait for nobody, and what is of interest here comes after that.
        result = product.play("promote", skip_gates="migration_safe")
        letting_go.join(60)
        window = load.take()
    holder.wait(60)
    print("\n" + window.line())
    assert "waited 3 s for a lock in vain" in notes(result) and "migrated from 0003 to 0003a" in notes(result)
    assert window.failed == 0 and window.sent > 300, window
    # On a machine that is busy with more than this.
    assert window.worst < LOCK_SECONDS + 3, window


def _let_go_once_it_was_in_vain(product: Product) -> None:
    """Whoever has the table goes on until the migration has given up waiting once."""
    until(lambda: "alter table" in product.sql("production", _WAITING).lower(), 90, "the migration waits")
    until(lambda: "alter table" not in product.sql("production", _WAITING).lower(), 30, "the migration gives up")
    product.sql("production", "select pg_terminate_backend(pid) from pg_stat_activity where query like '%sleep(300)'")


_BUSY = "select query from pg_stat_activity where state = 'active' and pid <> pg_backend_pid()"
_WAITING = f"{_BUSY} and wait_event_type = 'Lock'"


def test_killed_in_it_the_next_ones_know_and_say_what_is_applied(product: Product) -> None:
    product.add("0003b", "one that takes its time", 'op.execute("select pg_sleep(20)")')
    deploy = subprocess.Popen(
        [*product.lab.ssh_words, "ubuntu@127.0.0.1", f"sudo onehost deploy --stack {sample.STACK}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: "pg_sleep" in product.sql("staging", _BUSY), 60, "the migration goes on")
    status = json.loads(product.onehost("status --json"))
    status = status[0] if isinstance(status, list) else status
    product.lab.ssh(f"sudo kill -9 {status['environments']['staging']['running_operation']['pid']}")
    deploy.wait(60)
    told = product.onehost("recover")
    assert "was interrupted at migrate" in told, told
    assert "alumni-api: its migration was interrupted; applied is 0003a, it was 0003a before" in told, told
    assert not product.lab.ssh("sudo docker ps --all --quiet --filter label=release.onehost.run").strip()
    assert product.of("staging").health()["version"] == 2
    assert "was interrupted" in product.onehost("status")
    # The same commit, which was not live before: it is begun once more, and that is said.
    product.add("0003c", "one that is quick", 'op.execute("select 1")', **_quick("0003b", "0003a"))
    said = notes(product.play("deploy_staging"))
    assert "was interrupted; the database says 0003a now, and goes on from there" in said
    assert "migrated from 0003a to 0003c" in said and product.schema("staging") == "0003c"
    assert "was interrupted" not in product.onehost("status").partition("last operations")[0]


def test_killed_before_in_and_after_it_schema_and_history_agree(product: Product) -> None:
    give_source(product.lab)
    host = Faults(product.lab, sample.STACK)
    product.add("0003d", "one that takes a while", 'op.execute("select pg_sleep(2)")')
    before = product.of("staging").health()["version"]
    for moment in ("migrate:begun", "migrate:run", "old_release:begun", "migrate:done", "start:begun"):
        host.kill_at(moment, "deploy")
        told = product.onehost("recover")
        assert f"was interrupted at {moment.partition(':')[0]}" in told and "it was undone" in told, told
        assert not product.lab.ssh("sudo docker ps --all --quiet --filter label=release.onehost.run").strip()
        applied = product.sql("staging", "select version_num from alembic_version")
        assert f"schema of staging: alumni-api {applied}" in product.onehost("status"), moment
        assert product.of("staging").health()["version"] == before
        if moment == "old_release:begun":
            assert applied == "0003d" and "its database keeps 0003d" in told
    assert "migrated from" not in notes(product.play("deploy_staging")), "it was applied already"
    assert product.schema("staging") == "0003d"


def _quick(revision: str, before: str) -> dict[str, str]:
    text = MIGRATION.format(what="quick", revision=revision, before=before, body='op.execute("select 1")')
    return {f"{VERSIONS}/{revision}.py": text}


def test_a_live_release_that_the_new_schema_leaves_behind_is_told(product: Product) -> None:
    product.change(3)
    said = notes(product.play("deploy_staging"))
    assert "is not well on the new schema: alumni-api:" in said and "Do not roll back to" in said
    assert product.of("staging").health()["version"] == 3


def test_one_that_fails_leaves_the_old_release_and_says_which_statement(product: Product) -> None:
    staging = product.of("staging")
    staging.post(body="untagged")
    product.change(4)
    result = product.play("deploy_staging")
    assert result.rc != 0
    text = result.problems + " ".join(result.report["log"])
    assert "the migration of alumni-api failed" in text and "migration 0005" in text
    assert "statement ALTER TABLE posts ADD CONSTRAINT posts_are_tagged" in text
    assert "applied now: 0004, as before" in text
    assert "lab-only-staging" not in result.stdout and "untagged" not in text, "a secret, or somebody's post"
    assert staging.health()["version"] == 3
    assert product.sql("staging", "select count(*) from information_schema.columns where column_name = 'tags'") == "0"
    assert "alumni-api: 0004; the migration of" in product.onehost("status")


def test_one_without_a_transaction_leaves_a_part_and_goes_on_when_it_is_mended(product: Product) -> None:
    body = 'with op.get_context().autocommit_block():\n        op.execute("{}")\n        op.execute("{}")'
    product.newest = "0004"
    half = body.format("alter table posts add column tags text", "select 1/0")
    product.add("0005", "without a transaction", half, "0005_tags")
    text = product.play("deploy_staging").problems
    assert "division by zero" in text and "statement select 1/0" in text and "applied now: 0004" in text
    assert "a part of it may be done" in text
    assert product.sql("staging", "select count(*) from information_schema.columns where column_name = 'tags'") == "1"
    product.newest = "0004"
    mended = body.format("alter table posts add column if not exists tags text", "select 1")
    product.add("0005", "mended", mended, "0005_tags")
    assert "migrated from 0004 to 0005" in notes(product.play("deploy_staging"))


def test_a_database_that_takes_nobody_is_no_reason_to_begin(product: Product) -> None:
    product.add("0006", "one more", 'op.execute("select 1")')
    product.sql("staging", "alter database main allow_connections false", "postgres")
    try:
        result = product.play("deploy_staging")
    finally:
        product.sql("staging", "alter database main allow_connections true", "postgres")
    assert result.rc != 0 and "database main of alumni staging: does not answer" in result.problems
    assert "not currently accepting connections" in result.problems
    cluster = f"postgresql@$({sample.CLUSTER.format('staging')} | tr / -)"
    product.lab.ssh(f"sudo systemctl stop {cluster}")
    try:
        result = product.play("deploy_staging")
    finally:
        product.lab.ssh(f"sudo systemctl start {cluster}")
    assert result.rc != 0 and "does not answer" in result.problems and "build" not in result.report["steps"]
    assert "migrated from 0005 to 0006" in notes(product.play("deploy_staging"))
    assert product.schema("staging") == "0006"


@pytest.mark.bench
def test_ten_releases_that_migrate_under_load(product: Product) -> None:
    """Each brings one migration; production reads and writes all the while."""
    port = product.lab.ports["alumni_production"]
    targets = [
        Target("posts", port, "/api/posts"),
        Target("a post", port, "/api/posts", method="POST"),
        Target("health", port, "/healthz"),
    ]
    rows, all_of_it = [], Window()
    with Load(targets, 100) as load:
        for number, statement in enumerate(YEAR, 1):
            body = f'op.execute("{statement}")'
            if "concurrently" in statement:
                body = f"with op.get_context().autocommit_block():\n        {body}"
            product.add(f"b{number:02}", "of a year", body)
            product.play("deploy_staging").ok()
            load.take()
            result = product.play("promote")
            window = load.take()
            assert f"to b{number:02} in" in notes(result)
            all_of_it += window
            seconds = result.report["steps"]["migrate"]
            rows.append(
                f"| `{statement}` | {seconds:.1f} s | {window.failed} of {window.sent} "
                f"| {window.p99 * 1000:.0f} ms | {window.gap * 1000:.0f} ms |"
            )
            print(rows[-1], flush=True)
    head = ["| migration | step `migrate` | failed | p99 | longest gap |", "| --- | --- | --- | --- | --- |"]
    table = "\n".join([*head, *rows])
    if support.planned() == support.FULL:
        page = ROOT / "docs" / "benchmarks" / "migrations.md"
        page.write_text(BENCH_PAGE.format(table=table), encoding="utf-8")
    assert all_of_it.failed == 0 and all_of_it.sent > 1000, table
