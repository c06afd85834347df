# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what a lost host has left, by a restic in its place; files get where they belong, and links nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from release.adapters import restic
from release.adapters.salvage import Salvage
from release.errors import OperationError
from release.releases.backups import Places, Stanza
from release.releases.host_recovery import ClusterCopy, Copy, Deployed, HostRecovery, StackRecovery

PLACES = Places("/mnt/backups", "the-old-passphrase")
SNAPSHOTS = [
    {
        "id": "b2",
        "time": "2026-11-27T05:00:00.123456789+09:00",
        "paths": ["/v/uploads"],
        "tags": ["p/uploads", "whole"],
    },
    {"id": "a1", "time": "2026-11-26T19:00:00Z", "paths": ["/etc/onehost"], "tags": ["whole", "state/shop"]},
]


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is in a copy: a directory whose content is laid out. restic's words are written to `told` beside it."""
    folder, kept = tmp_path / "bin", tmp_path / "kept"
    folder.mkdir()
    kept.mkdir()
    (tmp_path / "snapshots").write_text(json.dumps(SNAPSHOTS))
    script = f"""#!/bin/sh
echo "$* $(cat $RESTIC_PASSWORD_FILE)" >>{tmp_path}/told
for word in "$@"; do
    case $word in
    --target=*) cp -a {kept}/. "${{word#--target=}}" ;;
    snapshots) cat {tmp_path}/snapshots ;;
    esac
done
"""
    for name, text in {"nice": '#!/bin/sh\nshift 5; exec "$@"\n', "restic": script}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setattr(restic, "PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return kept


def copy(path: str = "/copied") -> Copy:
    return Copy("path", "shop", "a1", "state/shop", 1.0, path)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fill(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_copies_by_age_whatever_their_zone(kept: Path, tmp_path: Path) -> None:
    found = Salvage(str(tmp_path / "home")).copies(PLACES, "path", "shop")
    assert [(one.snapshot, one.tag, one.path) for one in found] == [
        ("a1", "state/shop", "/etc/onehost"),
        ("b2", "p/uploads", "/v/uploads"),
    ]
    assert found[1].at - found[0].at == 3600
    told = (kept.parent / "told").read_text()
    assert "--no-lock" in told and told.strip().endswith("the-old-passphrase")


def test_of_the_state_what_is_named_and_no_link(kept: Path, tmp_path: Path) -> None:
    state = tmp_path / "state" / "shop"
    fill(kept, {f"{state}/{name}": "" for name in ("databases.json", "releases/r1/release.json", "env/common")})
    (kept / str(state).lstrip("/") / "keys").symlink_to("/etc")
    fill(tmp_path, {"state/shop/releases/left/release.json": "of a run that was killed"})
    salvage = Salvage(str(tmp_path / "home"))
    assert salvage.state(PLACES, copy(), str(state), ["databases.json", "releases", "keys"]) == [
        *("databases.json", "releases"),
    ]
    assert names(state) == ["databases.json", "releases"] and names(state / "releases") == ["r1"]
    assert names(tmp_path / "home") == [], "nothing is left where it was laid out"


def test_a_volume_is_as_it_was_with_links_and_all(kept: Path, tmp_path: Path) -> None:
    fill(kept, {"/copied/_data/upload.txt": "two"})
    (kept / "copied" / "_data" / "link").symlink_to("/etc/passwd")
    (kept / "copied" / "_data").chmod(0o750)
    place = tmp_path / "volumes" / "v" / "_data"
    fill(tmp_path, {"volumes/v/_data/half": "of a run that was killed", "volumes/v/_onehost_recovery/x": "too"})
    Salvage(str(tmp_path / "home")).volume(PLACES, copy("/copied/_data"), str(place))
    assert names(place) == ["link", "upload.txt"] and (place / "link").is_symlink()
    assert names(place.parent) == ["_data"] and place.stat().st_mode & 0o777 == 0o750


def test_a_sqlite_file_takes_the_place_of_one_with_its_log(kept: Path, tmp_path: Path) -> None:
    fill(kept, {"lite.db": "whole"})
    fill(tmp_path, {"v/lite.db": "torn", "v/lite.db-wal": "its log", "elsewhere/x": ""})
    Salvage(str(tmp_path / "home")).file(PLACES, copy("/lite.db"), f"{tmp_path}/v/lite.db")
    assert names(tmp_path / "v") == ["lite.db"] and (tmp_path / "v/lite.db").read_text() == "whole"
    (tmp_path / "linked").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OperationError, match="leads elsewhere"):
        Salvage(str(tmp_path / "home")).file(PLACES, copy("/lite.db"), f"{tmp_path}/linked/lite.db")
    assert names(tmp_path / "elsewhere") == ["x"]


def test_what_a_state_knows_is_read_beside_everything(kept: Path, tmp_path: Path) -> None:
    kept_of = {"version": "17", "port": 5434, "generation": 1}
    kept_of |= {who: {"password": "p", "salt": "00"} for who in ("owner", "app")}
    fill(kept, {"/var/lib/onehost/shop/databases.json": json.dumps({"production": {"main": kept_of}})})
    found = Salvage(str(tmp_path / "home")).known(PLACES, copy(), "/var/lib/onehost/shop")
    assert found.entries == () and found.databases["production"]["main"].port == 5434
    assert not (tmp_path / "home").exists()


def test_the_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    salvage = Salvage(str(tmp_path / "home"))
    assert salvage.read() is None
    clusters = {"c": ClusterCopy("1F", 2.0, 1, 3)}
    stack = StackRecovery("shop", copy(), {"p/x": copy()}, clusters, (Deployed("abc"),), "r", "d")
    record = HostRecovery(1.0, (stack,)).with_done("c", 2.0, 3.0)
    salvage.write(record)
    assert salvage.read() == record and (tmp_path / "home").stat().st_mode & 0o777 == 0o700
    assert record.cluster("c") is None and HostRecovery(1.0, (stack,)).cluster("c") == stack.clusters["c"]
    (tmp_path / "home" / "recovery.json").write_text("{")
    assert salvage.read() is None


def test_backups_of_a_cluster_that_is_not_here(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = [{"backup": []}]
    program = kept.parent / "bin" / "pgbackrest"
    program.write_text(f"#!/bin/sh\necho $* >>{tmp_path}/asked\necho '{json.dumps(answer)}'\n")
    program.chmod(0o755)
    assert Salvage(str(tmp_path)).sets(Stanza("shop_production_main", "17", 5434, "main"), "[global]\n") == ()
    assert "--stanza=shop_production_main" in (tmp_path / "asked").read_text()
    assert Salvage(str(tmp_path)).missing(clusters=True) == []
    monkeypatch.setenv("PATH", "/nowhere")
    assert Salvage(str(tmp_path)).missing(clusters=True) == ["restic", "pgbackrest"]
    assert Salvage(str(tmp_path)).missing(clusters=False) == ["restic"], "files alone"
