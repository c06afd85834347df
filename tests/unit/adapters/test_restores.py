# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters that go back: real directories, by scripts in the place of PostgreSQL's and systemd's programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from release.adapters import restores
from release.adapters.restores import GUARD, GUARD_TEXT, READ_ONLY, Restores
from release.errors import OperationError
from release.releases.backups import Stanza
from release.releases.restores import fresh

ASIDE = "before-20261126T014210Z"


@dataclass(frozen=True)
class Here(Stanza):
    """A cluster whose data is in a directory of the test."""

    root: str = ""

    @property
    def data(self) -> str:
        return f"{self.root}/17/{self.name}"


class Host:
    """The directories of a cluster, what its programs were told, and what they answer."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.stanza = Here("shop_production_main", "17", 5434, "main", str(root))
        self.data = Path(self.stanza.data)
        self.guard = root / "etc" / "17" / self.stanza.name / "conf.d" / GUARD
        self.units = root / "units"
        self.adapter = Restores(str(root / "etc"), str(self.units))
        for folder in (self.data, self.guard.parent, self.units):
            folder.mkdir(parents=True)
        (self.data / "rows").write_text("as they were")

    @property
    def told(self) -> list[str]:
        log = self.root / "told"
        return log.read_text().splitlines() if log.exists() else []

    def answers(self, *texts: str) -> None:
        """What psql says, one after the other; the last one again and again. An empty one is a refusal."""
        for number, text in enumerate(texts):
            (self.root / "answers" / str(number)).write_text(text)

    @property
    def asked(self) -> str:
        return (self.root / "asked").read_text()

    def rows(self, path: Path | str) -> str:
        return (Path(path) / "rows").read_text()


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    programs = {
        "setpriv": 'shift 2; exec "$@"',
        "runuser": f'echo "runuser $*" >>{tmp_path}/told; shift 3; exec "$@"',
        "nice": 'shift 2; exec "$@"',
        "psql": f"""cat >>{tmp_path}/asked
found={tmp_path}/answers
first=$(ls $found | sort -n | head -1)
test -n "$first" || exit 2
text=$(cat $found/$first)
test $(ls $found | wc -l) -eq 1 || rm $found/$first
test -n "$text" || {{ echo 'connection refused' >&2; exit 2; }}
echo "$text" """,
        "systemctl": f"""echo "systemctl $*" >>{tmp_path}/told
test ! -e {tmp_path}/systemctl-fails || {{ echo 'Job failed.' >&2; exit 1; }}""",
        "pg_lsclusters": f"cat {tmp_path}/clusters 2>/dev/null",
    }
    folder = tmp_path / "bin"
    folder.mkdir()
    (tmp_path / "answers").mkdir()
    for name, script in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(restores, "POLL_SECONDS", 0.01)
    return Host(tmp_path)


def unit(verb: str) -> str:
    return f"systemctl {verb} postgresql@17-shop_production_main.service"


def test_stopped_nobody_writes_however_it_starts_again(host: Host) -> None:
    host.adapter.halt(host.stanza)
    assert host.guard.read_text() == GUARD_TEXT + READ_ONLY and host.told == [unit("stop")]
    host.adapter.open(host.stanza, for_good=False)
    assert host.guard.read_text() == GUARD_TEXT, "apps write, and nothing of that is archived"
    for _again in range(2):
        host.adapter.open(host.stanza, for_good=True)
        assert not host.guard.exists()
    assert host.told[-2:] == [unit("start"), unit("reload")]


def test_a_cluster_that_does_not_stop_is_told(host: Host) -> None:
    (host.root / "systemctl-fails").touch()
    with pytest.raises(OperationError, match=r"could not be told to stop.*Job failed"):
        host.adapter.halt(host.stanza)
    assert host.guard.exists(), "whatever it does, nobody writes"


def test_what_was_is_kept_and_what_was_laid_out_takes_its_place(host: Host) -> None:
    new = Path(fresh(host.stanza, ASIDE))
    new.mkdir()
    (new / "rows").write_text("as restored")
    for _again in range(2):
        host.adapter.swap(host.stanza, ASIDE)
        assert host.rows(host.data) == "as restored" and host.rows(f"{host.data}.{ASIDE}") == "as they were"
    assert not new.exists()
    assert list(host.adapter.kept(host.stanza)) == [ASIDE] and host.adapter.kept(host.stanza)[ASIDE] > 0


def test_of_a_cluster_that_was_lost_nothing_is_kept(host: Host) -> None:
    (host.data / "rows").unlink()
    host.data.rmdir()
    host.adapter.swap(host.stanza, ASIDE)
    kept = Path(f"{host.data}.{ASIDE}")
    assert kept.stat().st_mode & 0o777 == 0o700 and not list(kept.iterdir())
    host.adapter.put_back(host.stanza, ASIDE, starts=False)
    assert not list(host.data.iterdir()) and not kept.exists()


def test_put_back_it_is_as_before(host: Host) -> None:
    new = Path(fresh(host.stanza, ASIDE))
    new.mkdir()
    (new / "rows").write_text("as restored")
    host.adapter.halt(host.stanza)
    host.adapter.swap(host.stanza, ASIDE)
    for _again in range(2):
        host.adapter.put_back(host.stanza, ASIDE, starts=True)
        assert host.rows(host.data) == "as they were" and not host.guard.exists()
    assert sorted(path.name for path in host.data.parent.iterdir()) == [host.stanza.name], "nothing is left"
    assert host.told[-2:] == [unit("start"), unit("reload")]


def test_put_back_before_anything_was_moved(host: Host) -> None:
    Path(fresh(host.stanza, ASIDE)).mkdir()
    host.adapter.put_back(host.stanza, ASIDE, starts=False)
    assert host.rows(host.data) == "as they were" and not Path(fresh(host.stanza, ASIDE)).exists()
    assert not any("systemctl" in line for line in host.told), "and it runs on"


def test_only_clusters_of_before_are_kept_and_dropped(host: Host) -> None:
    for name in (ASIDE, "before-20261125T000000Z", "before-noon", "new-20261126T014210Z"):
        Path(f"{host.data}.{name}").mkdir()
    (host.data.parent / f"other.{ASIDE}").mkdir()
    assert list(host.adapter.kept(host.stanza)) == ["before-20261125T000000Z", ASIDE], "oldest first"
    host.adapter.drop(host.stanza, ASIDE)
    assert list(host.adapter.kept(host.stanza)) == ["before-20261125T000000Z"]
    for name in ("before-noon", "", "before-20261125T000000Z/../..", "new-20261126T014210Z"):
        with pytest.raises(ValueError, match=r".*"):
            host.adapter.drop(host.stanza, name)
    assert host.rows(host.data) == "as they were"
    missing = Here("gone", "17", 5435, "main", str(host.root / "nowhere"))
    assert host.adapter.kept(missing) == {}


def test_cleared_it_has_no_data_and_does_not_run(host: Host) -> None:
    for times in (1, 2):
        host.adapter.clear(host.stanza)
        assert not host.data.exists() and host.told.count(unit("stop")) == times
    assert host.told[1].startswith("runuser -u postgres -- rm ")


def test_everything_below_postgres_directories_is_done_as_postgres(host: Host) -> None:
    host.adapter.swap(host.stanza, ASIDE)
    host.adapter.drop(host.stanza, ASIDE)
    assert host.told and all(line.startswith("runuser -u postgres -- ") for line in host.told), host.told


def test_a_replay_is_waited_for(host: Host) -> None:
    host.answers("t", "t", "f", "7")
    assert host.adapter.replay(host.stanza) == "7" and host.told[0] == unit("start")


def test_a_replay_that_does_not_end(host: Host) -> None:
    host.answers("t")
    with pytest.raises(OperationError, match="has not got to its target"):
        host.adapter.replay(host.stanza, 0.05)


def test_one_that_does_not_answer_yet_is_waited_for(host: Host) -> None:
    host.answers("", "t", "f", "2")
    (host.root / "clusters").write_text("17 shop_production_main 5434 online,recovery postgres /data /log\n")
    assert host.adapter.replay(host.stanza) == "2"


def test_one_that_has_stopped_says_why(host: Host) -> None:
    host.answers("")
    (host.root / "clusters").write_text("17 shop_production_main 5434 down postgres /data /log\n")
    with pytest.raises(OperationError, match="has stopped on its way") as stopped:
        host.adapter.replay(host.stanza)
    assert "postgresql-17-shop_production_main.log" in stopped.value.fix


def test_heartbeats(host: Host) -> None:
    host.answers("CREATE\n1795244472.5")
    assert host.adapter.beat(host.stanza) == 1795244472.5 and "CREATE TABLE IF NOT EXISTS onehost" in host.asked
    host.answers("1", "f", "1795244400.25")
    assert host.adapter.archived_until(host.stanza) == 1795244400.25


@pytest.mark.parametrize(("said", "found"), [(("",), None), (("1", "t"), 0.0)])
def test_how_far_the_archive_is_of_one_that_is_silent_or_new(
    host: Host, said: tuple[str, ...], found: float | None
) -> None:
    host.answers(*said)
    assert host.adapter.archived_until(host.stanza) == found


def test_what_would_be_lost(host: Host) -> None:
    host.answers("12")
    assert host.adapter.commits_since(host.stanza, 1795244400.25) == 12 and "1795244400.250000" in host.asked
    host.answers("-3")
    assert host.adapter.commits_since(host.stanza, 5.0) == 0
    host.answers("")
    assert host.adapter.commits_since(host.stanza, 5.0) is None


def test_the_newest_heartbeat_of_a_copy(host: Host) -> None:
    host.answers("f", "1795244400.5")
    assert host.adapter.newest_beat(5999) == 1795244400.5
    for number in ("0", "1"):
        (host.root / "answers" / number).unlink(missing_ok=True)
    host.answers("t")
    assert host.adapter.newest_beat(5999) is None


def test_a_question_is_asked_by_somebody_who_can_only_read(host: Host) -> None:
    host.answers("12")
    assert host.adapter.answer(5999, "main", "SELECT count(*) FROM posts; ", 60) == "12"
    begin = "SET SESSION AUTHORIZATION reader;\nSET statement_timeout = '60s';\nBEGIN READ ONLY;\n"
    assert host.asked == f"{begin}SELECT count(*) FROM posts;\nROLLBACK;\n"


def test_units_of_ours_and_no_others(host: Host) -> None:
    (host.units / "onehost-heartbeat.service").write_text("as it is")
    (host.units / "onehost-drill-old.timer").write_text("gone")
    (host.units / "onehost-page.timer").write_text("not of restores")
    wanted = {"onehost-heartbeat.service": "as it is", "onehost-drill-shop.timer": "new"}
    changed = [f"{host.units}/onehost-drill-old.timer", f"{host.units}/onehost-drill-shop.timer"]
    assert host.adapter.schedule(wanted, write=False) == changed and not host.told
    assert host.adapter.schedule(wanted, write=True) == changed
    assert sorted(path.name for path in host.units.iterdir()) == [
        "onehost-drill-shop.timer",
        "onehost-heartbeat.service",
        "onehost-page.timer",
    ]
    assert [line for line in host.told if line.startswith("systemctl")] == [
        "systemctl disable --now onehost-drill-old.timer",
        "systemctl daemon-reload",
        "systemctl enable --now onehost-drill-shop.timer",
    ]
    assert host.adapter.schedule(wanted, write=True) == []


@pytest.mark.parametrize(("mounted", "is_mounted"), [("{data}", True), ("{home}", False), ("{data}2", False)])
def test_where_something_is_mounted_nothing_can_be_moved(host: Host, mounted: str, is_mounted: bool) -> None:
    place = mounted.format(data=host.data, home=host.data.parent)
    mounts = host.root / "mountinfo"
    mounts.write_text(f"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 22 8:2 / {place} rw shared:1 - ext4 /dev/sdb rw\n")
    adapter = Restores(str(host.root / "etc"), str(host.units), str(mounts))
    assert adapter.is_mounted(host.stanza) is is_mounted


def test_names_of_mount_points_are_those_of_proc() -> None:
    found = restores.mount_points(Path("/proc/self/mountinfo").read_text())
    assert "/proc" in found and restores.mount_name("/a b\\c") == "/a\\040b\\134c"
