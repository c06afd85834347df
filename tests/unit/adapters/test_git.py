# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The git adapter against real repositories."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.commands import commands, git

from release.adapters.git import Git
from release.adapters.mirror import reason
from release.errors import OperationError
from release.planning.source_view import Build
from release.stack.model import Stack

pytestmark = pytest.mark.programs

API = [Build("api", "Dockerfile")]
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"


def commit_of(adapter: Git, stack: Stack, name: str = "refs/heads/main") -> str:
    adapter.fetch(stack)
    return adapter.resolve(stack, [name])[name]


def write(repository: Path, files: dict[str, str | None], message: str = "more") -> str:
    for name, text in files.items():
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    git(repository, "add", "--all", "--force")
    git(repository, "commit", "--quiet", "--allow-empty", "-m", message)
    return git(repository, "rev-parse", "HEAD")


def tree_of(home: str, name: str = "tree") -> dict[str, str]:
    """What a build sees: content by path, and where links lead."""
    tree = Path(home, name)
    paths = sorted(path for path in tree.rglob("*") if path.is_symlink() or path.is_file())
    return {
        str(path.relative_to(tree)): f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
        for path in paths
    }


def mirror_of(tmp_path: Path) -> Path:
    return tmp_path / "state" / "shop" / "source" / "mirror.git"


def test_what_names_mean(adapter: Git, stack: Stack, origin: Path) -> None:
    first = commit_of(adapter, stack)
    commit = write(origin, {"api/main.py": "print()\n"})
    git(origin, "tag", "v1")
    git(origin, "tag", "-m", "signed off", "v2")
    assert adapter.resolve(stack, [commit]) == {}, "not here before it was fetched"
    adapter.fetch(stack)
    names = ["refs/heads/main", "refs/tags/v1", "refs/tags/v2", commit, commit[:9]]
    assert adapter.resolve(stack, names) == dict.fromkeys(names, commit)
    assert adapter.resolve(stack, ["refs/heads/nothing", "0123456789", "a b", "a\nrefs/heads/main"]) == {}
    then, now = (adapter.entries(stack, c, ["api", "api/Dockerfile", "api/x", "front", "."]) for c in (first, commit))
    assert set(now) == {"api", "api/Dockerfile", "."}
    assert [now[path].kind for path in (".", "api", "api/Dockerfile")] == ["tree", "tree", "blob"]
    assert now["api"] != then["api"] and now["."] != then["."] and now["api/Dockerfile"] == then["api/Dockerfile"]


def test_moved_tag_and_deleted_branch(adapter: Git, stack: Stack, origin: Path) -> None:
    git(origin, "branch", "gone")
    git(origin, "tag", "v1")
    git(origin, "tag", "gone")
    adapter.fetch(stack)
    git(origin, "branch", "-D", "gone")
    git(origin, "tag", "-d", "gone")
    commit = write(origin, {})
    git(origin, "tag", "--force", "v1")
    adapter.fetch(stack)
    assert adapter.resolve(stack, ["refs/heads/gone", "refs/tags/gone", "refs/tags/v1"]) == {"refs/tags/v1": commit}


def test_a_branch_where_a_folder_of_branches_was(adapter: Git, stack: Stack, origin: Path) -> None:
    git(origin, "branch", "release/1")
    adapter.fetch(stack)
    git(origin, "branch", "-D", "release/1")
    git(origin, "branch", "release")
    adapter.fetch(stack)
    assert set(adapter.resolve(stack, ["refs/heads/release", "refs/heads/release/1"])) == {"refs/heads/release"}


@pytest.mark.parametrize(
    "said", ["../../../etc/cron.d commit", "--output=/etc/x commit", "abc commit", f"{'A' * 40} commit"]
)
def test_a_commit_is_a_number(
    adapter: Git, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """The owner may have changed git, and a commit's number is a part of paths."""
    adapter.fetch(stack)
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", git=f"test $1 = cat-file && echo '{said}'"))
    assert adapter.resolve(stack, ["refs/heads/main"]) == {}


def test_the_directory_is_no_source(adapter: Git, stack: Stack, origin: Path) -> None:
    """Not what was changed there, nor what git ignores or does not know: it was in images once."""
    write(origin, {".gitignore": "*.env\n"})
    directory = Path(stack.directory)
    (directory / "api" / "Dockerfile").write_text("FROM other\n")
    (directory / "api" / "local.env").write_text("SECRET=1\n")
    (directory / "api" / "dist.js").write_text("stale\n")
    with adapter.lay_out(stack, commit_of(adapter, stack), API) as home:
        assert tree_of(home) == {"api/Dockerfile": "FROM scratch\n"}
    assert not Path(home).exists()


def test_an_address_of_the_stack_comes_first(adapter: Git, stack: Stack, origin: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(origin), "other")
    commit = write(tmp_path / "other", {})
    named = dataclasses.replace(stack, source=str(tmp_path / "other"))
    assert commit_of(adapter, named) == commit != commit_of(adapter, stack)
    nowhere = dataclasses.replace(stack, directory=str(tmp_path))
    assert "no remote named origin" in adapter.problem(nowhere) and adapter.problem(stack) == ""
    git(Path(stack.directory), "remote", "set-url", "origin", "../other")
    assert commit_of(Git(state=adapter._state), stack) == commit, "an address beside the checkout"


def test_modes_links_and_what_a_commit_says_of_its_export(adapter: Git, stack: Stack, origin: Path) -> None:
    files = {
        ".gitattributes": "api/left-out export-ignore\napi/version export-subst\n",
        "api/left-out": "here\n",
        "api/version": "$Format:%H$\n",
        "api/run": "#!/bin/sh\n",
        "api/deep/" + "x" * 120 + "/" + "y" * 120: "long\n",
        "api/\u00e4 b\\c": "odd\n",
        "unrelated": "x",
    }
    (origin / "api" / "link").symlink_to("/etc/passwd")
    (origin / "api" / "run").touch(0o755)
    commit = write(origin, dict(files))
    adapter.fetch(stack)
    with adapter.lay_out(stack, commit, API) as home:
        tree = tree_of(home)
        modes = {name: os.lstat(f"{home}/tree/api/{name}").st_mode & 0o7777 for name in ("run", "version", "deep")}
        assert os.lstat(f"{home}/tree/api/run").st_mtime == int(git(origin, "show", "-s", "--format=%ct"))
        assert os.lstat(home).st_mode & 0o777 == 0o700
    expected = {name: text for name, text in files.items() if name.startswith("api/")}
    assert tree == expected | {"api/Dockerfile": "FROM scratch\n", "api/link": "-> /etc/passwd"}
    assert modes == {"run": 0o755, "version": 0o644, "deep": 0o755}
    with adapter.lay_out(stack, commit, [Build(".", "api/Dockerfile")]) as home:
        assert "unrelated" in tree_of(home) and ".gitattributes" in tree_of(home)


def test_what_a_killed_build_left_is_removed(adapter: Git, stack: Stack, tmp_path: Path) -> None:
    commit = commit_of(adapter, stack)
    left = tmp_path / "state" / "shop" / "source" / "tree-left"
    (left / "secrets").mkdir(parents=True)
    with adapter.lay_out(stack, commit, API):
        assert not left.exists()


@pytest.mark.parametrize(
    ("target", "builds", "why"),
    [
        ("/etc", [Build("web", "passwd")], "no folder of the commit"),
        ("../..", [Build("web", "x")], "no folder of the commit"),
        ("api", [Build("web", "Dockerfile")], "no folder of the commit"),
        ("/etc/passwd", [Build("api", "../web")], "web is a link to outside"),
    ],
)
def test_links_that_docker_would_follow(
    adapter: Git, stack: Stack, origin: Path, target: str, builds: list[Build], why: str
) -> None:
    (origin / "web").symlink_to(target)
    commit = write(origin, {})
    adapter.fetch(stack)
    assert adapter.entries(stack, commit, ["web"])["web"].kind == "link"
    with (
        pytest.raises(OperationError, match=why),
        adapter.lay_out(stack, commit, [*builds, Build(".", "api/Dockerfile")]),
    ):
        pass


@pytest.mark.parametrize("name", [".dockerignore", "Dockerfile.dockerignore", "Dockerfile"])
def test_a_file_of_the_build_is_no_way_out(adapter: Git, stack: Stack, origin: Path, name: str) -> None:
    (origin / "api" / name).unlink(missing_ok=True)
    (origin / "api" / name).symlink_to("/etc/passwd")
    commit = write(origin, {})
    adapter.fetch(stack)
    with pytest.raises(OperationError, match=f"{name} is a link to outside"), adapter.lay_out(stack, commit, API):
        pass
    (origin / "api" / name).unlink()
    (origin / "api" / name).symlink_to("../other")
    commit = write(origin, {"other": "FROM scratch\n"})
    adapter.fetch(stack)
    with adapter.lay_out(stack, commit, [*API, Build(".", "api/Dockerfile")]):
        pass


def test_submodules_at_their_commits(adapter: Git, stack: Stack, origin: Path, tmp_path: Path) -> None:
    """Below an app's folder, in each other, beside the parent, and as the app's folder."""
    allow = ("-c", "protocol.file.allow=always")
    for name in ("inner", "outer"):
        git(tmp_path, "init", "--quiet", "--initial-branch=main", name)
        write(tmp_path / name, {"Dockerfile": f"FROM {name}\n"})
    git(tmp_path / "outer", *allow, "submodule", "--quiet", "add", "../inner", "in it")
    wanted = write(tmp_path / "outer", {})
    write(tmp_path / "outer", {"Dockerfile": "FROM later\n"})
    git(origin, *allow, "submodule", "--quiet", "add", "../outer", "api/lib")
    git(origin / "api" / "lib", "checkout", "--quiet", wanted)
    git(origin, *allow, "submodule", "--quiet", "add", "../inner", "app")
    commit = write(origin, {})
    adapter.fetch(stack)
    paths = ["api", "api/Dockerfile", "app", "app/Dockerfile"]
    entries = adapter.entries(stack, commit, paths)
    assert [entries[path].kind for path in paths[:3]] == ["tree", "blob", "commit"] and len(entries) == 3
    for _again in range(2):
        with adapter.lay_out(stack, commit, [*API, Build("app", "Dockerfile")]) as home:
            assert tree_of(home) == {
                "api/Dockerfile": "FROM scratch\n",
                "api/lib/.gitmodules": (tmp_path / "outer" / ".gitmodules").read_text(),
                "api/lib/Dockerfile": "FROM outer\n",
                "api/lib/in it/Dockerfile": "FROM inner\n",
                "app/Dockerfile": "FROM inner\n",
            }
    (tmp_path / "inner").rename(tmp_path / "moved")
    elsewhere = Git(state=str(tmp_path / "elsewhere"))
    elsewhere.fetch(stack)
    with (
        pytest.raises(OperationError, match=r"submodule api/lib/in it cannot be fetched"),
        elsewhere.lay_out(stack, commit, API),
    ):
        pass


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ext::sh -c touch% {tmp}/pwned", "ext::sh -c touch% .* is no address that may be used"),
        ("-u{tmp}/pwned", "is no address that may be used"),
        ("../nowhere", "nowhere"),
        ("", "not in .gitmodules"),
    ],
)
def test_a_submodule_that_cannot_be_had(
    adapter: Git, stack: Stack, origin: Path, tmp_path: Path, url: str, why: str
) -> None:
    modules = '[submodule "a"]\n\tpath = api/lib\n' + (f"\turl = {url.format(tmp=tmp_path)}\n" if url else "")
    (origin / ".gitmodules").write_text(modules)
    git(origin, "update-index", "--add", "--cacheinfo", f"160000,{git(origin, 'rev-parse', 'HEAD')},api/lib")
    git(origin, "add", ".gitmodules")
    git(origin, "commit", "--quiet", "-m", "sub")
    commit = commit_of(adapter, stack)
    with (
        pytest.raises(OperationError, match=f"submodule api/lib cannot be fetched: .*{why}"),
        adapter.lay_out(stack, commit, API),
    ):
        pass
    assert not (tmp_path / "pwned").exists()
    assert not list((tmp_path / "state" / "shop" / "source").glob("tree-*"))


def test_a_commit_that_the_submodule_does_not_have(adapter: Git, stack: Stack, origin: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "inner")
    write(tmp_path / "inner", {})
    (origin / ".gitmodules").write_text('[submodule "a"]\n\tpath = api/lib\n\turl = ../inner\n')
    git(origin, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},api/lib")
    git(origin, "add", ".gitmodules")
    git(origin, "commit", "--quiet", "-m", "sub")
    commit = commit_of(adapter, stack)
    with (
        pytest.raises(OperationError, match=r"submodule api/lib .*its repository has no commit 111111111111"),
        adapter.lay_out(stack, commit, API),
    ):
        pass


def test_a_repository_in_itself(
    adapter: Git, stack: Stack, origin: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (origin / ".gitmodules").write_text('[submodule "a"]\n\tpath = api/lib\n\turl = ../origin\n')
    git(origin, "add", ".gitmodules")
    git(origin, "commit", "--quiet", "-m", "sub")
    commit = commit_of(adapter, stack)
    stub = f"[ $1 = ls-tree ] || exec /usr/bin/git \"$@\"; printf '160000 commit {commit}\\tapi/lib\\0'"
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", git=stub))
    with pytest.raises(OperationError, match="more than 8 submodules deep"), adapter.lay_out(stack, commit, API):
        pass


def test_pointers_of_lfs_are_not_built(adapter: Git, stack: Stack, origin: Path) -> None:
    commit = write(origin, {"api/model.bin": LFS, "api/about.txt": "version\n", "web.bin": LFS})
    adapter.fetch(stack)
    with (
        pytest.raises(OperationError, match=r"Git LFS.*only pointers: api/model.bin\. Fix: .*git lfs install"),
        adapter.lay_out(stack, commit, API),
    ):
        pass


def test_an_lfs_file_that_its_filter_brings(
    adapter: Git, stack: Stack, origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text('[filter "lfs"]\n\tsmudge = "cat >/dev/null; echo large"\n')
    monkeypatch.setattr("pwd.getpwnam", lambda name: Account(os.geteuid(), os.getegid(), str(home)))
    commit = write(origin, {"api/model.bin": LFS, ".gitattributes": "*.bin filter=lfs\n"})
    adapter.fetch(stack)
    with adapter.lay_out(stack, commit, API) as made:
        assert tree_of(made)["api/model.bin"] == "large\n"


@dataclasses.dataclass
class Account:
    pw_uid: int
    pw_gid: int
    pw_dir: str


# A mirror that is damaged


def objects(mirror: Path) -> Iterator[Path]:
    return (path for path in (mirror / "objects").rglob("*") if path.is_file())


def damage(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-30] + b"damaged here, for thirty bytes")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda mirror: (mirror / "HEAD").unlink(),
        lambda mirror: (mirror / "config").write_text("[core\n"),
        lambda mirror: (mirror / "refs" / "heads" / "main").write_text("x\n"),
        lambda mirror: [damage(path) for path in objects(mirror)],
        lambda mirror: [path.unlink() for path in objects(mirror)],
        lambda mirror: mirror.rename(mirror.with_name("away")),
    ],
)
def test_a_damaged_mirror_is_made_anew(adapter: Git, stack: Stack, origin: Path, tmp_path: Path, spoil: object) -> None:
    first = commit_of(adapter, stack)
    assert callable(spoil)
    spoil(mirror_of(tmp_path))
    commit = write(origin, {"api/main.py": "print()\n"})
    assert commit_of(adapter, stack) == commit
    for each in (first, commit):
        assert "api" in adapter.entries(stack, each, ["api"])
        with adapter.lay_out(stack, each, API) as home:
            assert "api/Dockerfile" in tree_of(home)
    assert not list(mirror_of(tmp_path).parent.glob("new-*"))


def test_an_object_that_is_missing_is_fetched_again(adapter: Git, stack: Stack, origin: Path, tmp_path: Path) -> None:
    """Without anything new to fetch, so only reading finds it."""
    mirror = mirror_of(tmp_path)
    for wanted in ("HEAD", "HEAD:api", "HEAD:api/Dockerfile"):
        commit = commit_of(adapter, stack)
        for pack in (mirror / "objects" / "pack").glob("*.pack"):
            moved = pack.rename(tmp_path / "pack")
            with moved.open("rb") as file:
                subprocess.run(["git", "-C", mirror, "unpack-objects", "-q"], stdin=file, check=True)
        number = git(origin, "rev-parse", wanted)
        (mirror / "objects" / number[:2] / number[2:]).unlink()
        for index in (mirror / "objects" / "pack").glob("*"):
            index.unlink()
        assert adapter.resolve(stack, ["refs/heads/main"]) == {"refs/heads/main": commit}
        assert adapter.entries(stack, commit, ["api", "api/Dockerfile"]).keys() == {"api", "api/Dockerfile"}
        with adapter.lay_out(stack, commit, API) as home:
            assert tree_of(home) == {"api/Dockerfile": "FROM scratch\n"}


def test_locks_of_a_killed_git(adapter: Git, stack: Stack, origin: Path, tmp_path: Path) -> None:
    adapter.fetch(stack)
    home = mirror_of(tmp_path)
    inode = home.stat().st_ino
    for name in ("refs/heads/main.lock", "packed-refs.lock", "config.lock"):
        (home / name).touch()
    commit = write(origin, {})
    assert commit_of(adapter, stack) == commit and home.stat().st_ino == inode, "not made anew"
    assert not list(home.rglob("*.lock"))


def test_a_git_that_is_about_to_end_is_waited_for(adapter: Git, stack: Stack, origin: Path, tmp_path: Path) -> None:
    """Seen on a busy host: what a fetch had started was there a moment longer than it."""
    adapter.fetch(stack)
    (mirror_of(tmp_path) / "packed-refs.lock").touch()
    (mirror_of(tmp_path) / "refs" / "heads" / "main.lock").touch()
    commit = write(origin, {})
    with subprocess.Popen(["sleep", "0.5"], env={"GIT_DIR": str(mirror_of(tmp_path)), "PATH": os.environ["PATH"]}):
        assert commit_of(adapter, stack) == commit


def test_a_lock_that_is_held_stays(
    adapter: Git, stack: Stack, origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("release.adapters.mirror.LEAVING_SECONDS", 0.2)
    adapter.fetch(stack)
    lock = mirror_of(tmp_path) / "refs" / "heads" / "main.lock"
    lock.touch()
    write(origin, {})
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, env={"GIT_DIR": str(lock.parents[2])}) as holder:
        with pytest.raises(OperationError, match=f"another git is at work .*process {holder.pid}"):
            adapter.fetch(stack)
        assert lock.exists()
        holder.kill()
    adapter.fetch(stack)


def test_the_origin_cannot_be_reached(adapter: Git, stack: Stack, origin: Path, tmp_path: Path) -> None:
    commit = commit_of(adapter, stack)
    origin.rename(origin.with_name("moved"))
    with pytest.raises(OperationError, match=r"cannot be fetched: fatal: .*origin.* does not .*Fix: .*ls-remote"):
        adapter.fetch(stack)
    assert adapter.resolve(stack, ["refs/heads/main"]) == {"refs/heads/main": commit}, "the mirror is still there"
    with pytest.raises(OperationError, match="cannot be fetched"):
        Git(state=str(tmp_path / "new")).fetch(stack)
    assert not list((tmp_path / "new" / "shop" / "source").glob("*.git"))


def test_the_true_reason() -> None:
    denied = [
        "git@host: Permission denied (publickey).",
        "fatal: Could not read from remote repository.",
        "",
        "Please make sure you have the correct access rights",
        "and the repository exists.",
    ]
    assert reason(denied) == f"{denied[0]}; {denied[1]}"
    assert reason(["fatal: unable to access 'x'"]) == "fatal: unable to access 'x'"
    assert reason([]) == "no output"


def test_credentials_of_an_old_checkout_are_not_shown(
    adapter: Git, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do they stand among the arguments, which everybody on the host can read."""
    git(Path(stack.directory), "remote", "set-url", "origin", "https://bot:hidden-token@127.0.0.1:1/shop.git")
    with pytest.raises(OperationError, match="cannot be fetched") as caught:
        adapter.fetch(stack)
    assert "hidden-token" not in str(caught.value) + "".join(caught.value.log) and "127.0.0.1:1" in str(caught.value)
    assert adapter.problem(stack) == ""
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", git=f'echo "$@" >>{tmp_path}/words; exit 1'))
    with pytest.raises(OperationError, match="cannot be fetched"):
        adapter.fetch(stack)
    assert "hidden-token" not in (tmp_path / "words").read_text()


# What git runs with


def test_git_that_hangs(adapter: Git, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter.fetch(stack)
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", git="exec sleep 20"))
    monkeypatch.setattr("release.adapters.mirror.FETCH_SECONDS", 0.1)
    with pytest.raises(OperationError, match="did not finish"):
        adapter.fetch(stack)


def test_git_gets_nothing_of_ours(adapter: Git, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither variables nor files nor the terminal: its hooks are the owner's."""
    adapter.fetch(stack)
    script = (
        f"env >{tmp_path}/env; ls -l /proc/self/fd >{tmp_path}/files; cut -d' ' -f6 /proc/$$/stat >{tmp_path}/session"
    )
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", git=script))
    for name in ("TOKEN", "GIT_SSH", "SSH_AUTH_SOCK", "GIT_CONFIG_PARAMETERS"):
        monkeypatch.setenv(name, "secret-value")
    with (tmp_path / "held").open("w") as held:
        os.set_inheritable(held.fileno(), True)
        adapter.fetch(stack)
        assert str(tmp_path / "held") not in (tmp_path / "files").read_text()
    seen = (tmp_path / "env").read_text()
    assert "secret-value" not in seen and "GIT_TERMINAL_PROMPT=0" in seen
    assert int((tmp_path / "session").read_text()) != os.getsid(0)


@pytest.mark.parametrize(
    ("archive", "why"),
    [
        ("yes", "ReadError|is no path"),
        ("cat /bin/ls", "ReadError"),
        ("tar --create --absolute-names /etc/hostname", "is no path of a commit"),
        ("tar --create --directory /dev null", "is no file, folder or link"),
        ("kill -9 $$", "ReadError|was ended"),
        ("echo fatal: out of luck >&2; exit 1", "fatal: out of luck"),
        # It says that it has left git's process group, or it is now and then ended with that group.
        (
            'mkfifo left; setsid sh -c "echo >left; exec sleep 30" & read line <left; exec /usr/bin/git "$@"',
            "its process was stopped",
        ),
    ],
)
def test_a_git_that_the_owner_has_changed(
    adapter: Git, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archive: str, why: str
) -> None:
    commit = commit_of(adapter, stack)
    stub = f'[ $1 = archive ] || exec /usr/bin/git "$@"\n{archive}'
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", git=stub))
    monkeypatch.setattr("release.adapters.source_tree.ANSWER_SECONDS", 1)
    with pytest.raises(OperationError, match=why), adapter.lay_out(stack, commit, API):
        pass
    assert not list((tmp_path / "state" / "shop" / "source").glob("tree-*"))


def test_a_link_in_the_place_of_a_submodule(
    adapter: Git, stack: Stack, origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing where it leads is written, and nothing there is removed when git says that a mirror is damaged."""
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_text("root's\n")
    git(tmp_path, "init", "--quiet", "inner")
    inner = write(tmp_path / "inner", {"Dockerfile": "FROM inner\n"})
    (origin / ".gitmodules").write_text('[submodule "a"]\n\tpath = api/lib\n\turl = ../inner\n')
    (origin / "api" / "lib").symlink_to(victim)
    git(origin, "add", ".")
    git(origin, "commit", "--quiet", "-m", "sub")
    commit = commit_of(adapter, stack)
    stub = f"""
case $1 in
    ls-tree) printf '160000 commit {inner}\\tapi/lib\\0';;
    fsck) exit 1;;
    archive) /usr/bin/git "$@"; echo error: damaged >&2; [ $3 = {commit} ] || exit 1;;
    *) exec /usr/bin/git "$@";;
esac"""
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", git=stub))
    with pytest.raises(OperationError, match="cannot be laid out"), adapter.lay_out(stack, commit, API):
        pass
    assert [path.name for path in victim.iterdir()] == ["file"]


def test_how_many_programs_a_deploy_without_a_build_starts(
    adapter: Git, stack: Stack, origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = dataclasses.replace(stack, source=str(origin))
    adapter.fetch(named)
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", git=f'echo "$@" >>{tmp_path}/calls; exec /usr/bin/git "$@"'))
    assert adapter.problem(named) == ""
    commit = commit_of(adapter, named)
    adapter.entries(named, commit, ["api", "api/Dockerfile", "x", "x/Dockerfile"])
    calls = [line.split()[0] for line in (tmp_path / "calls").read_text().splitlines()]
    assert calls == ["fetch", "cat-file", "ls-tree"]


# What a build does not see


def test_what_is_ignored_is_not_there(adapter: Git, stack: Stack, origin: Path, tmp_path: Path) -> None:
    """Also in a submodule; the Dockerfile and the files of patterns are, since Docker's client reads them."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "inner")
    write(tmp_path / "inner", {"README.md": "inner", "code.py": "inner"})
    git(origin, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", f"{tmp_path}/inner", "api/lib")
    files: dict[str, str | None] = {
        "api/README.md": "x",
        "api/docs/a.txt": "x",
        "api/.dockerignore": "*\n",
        "README.md": "y",
    }
    commit = write(origin, {**files, "big/pointer": LFS})
    adapter.fetch(stack)
    lean = Build("api", "Dockerfile", ("*.md", "docs", "Dockerfile", ".dockerignore", "lib/README.md"))
    whole = Build(".", "api/Dockerfile", ("big", "**/lib"))
    with adapter.lay_out(stack, commit, [lean, whole]) as home:
        assert set(tree_of(home)) == {"api/Dockerfile", "api/.dockerignore", "api/lib/code.py"}
        assert not Path(home, "tree", "api", "docs").exists()
        other = tree_of(home, "tree1")
        assert {"README.md", "api/README.md", "api/docs/a.txt"} <= set(other)
        assert not [path for path in other if path.startswith(("big/", "api/lib"))]


def test_files_of_a_commit_and_what_they_hold(adapter: Git, stack: Stack, origin: Path) -> None:
    commit = write(origin, {"api/a b/\u00e9": "text\n", "top": ""})
    adapter.fetch(stack)
    found = {file.path: file for file in adapter.files(stack, commit, ["api"])}
    assert "top" not in found and found["api/a b/\u00e9"][:2] == ("100644", "blob")
    assert {"top", *found} <= {file.path for file in adapter.files(stack, commit, ["."])}
    numbers = [file.number for file in adapter.files(stack, commit, ["."]) if file.path in ("top", "api/a b/\u00e9")]
    assert sorted(adapter.contents(stack, numbers).values()) == [b"", b"text\n"]
    assert adapter.contents(stack, ["0" * 40]) == {}


# The checkout for people


def test_the_checkout_follows(adapter: Git, stack: Stack, origin: Path) -> None:
    directory = Path(stack.directory)
    (directory / "notes.txt").write_text("mine\n")
    commit = write(origin, {"api/main.py": "print()\n"})
    adapter.fetch(stack)
    assert adapter.show(stack, commit, ["config"]) == ""
    assert (directory / "api" / "main.py").exists() and git(directory, "rev-parse", "HEAD") == commit
    assert git(directory, "rev-parse", "origin/main") == commit
    assert (directory / "notes.txt").read_text() == "mine\n"


def test_tags_and_branches_of_people_stay(adapter: Git, stack: Stack, origin: Path) -> None:
    """Also when the commit is on no branch."""
    directory = Path(stack.directory)
    git(directory, "tag", "mine")
    git(directory, "branch", "work")
    mine = git(directory, "rev-parse", "HEAD")
    commit = write(origin, {"api/main.py": "print()\n"})
    git(origin, "tag", "mine")
    git(origin, "reset", "--quiet", "--hard", "HEAD~1")
    adapter.fetch(stack)
    assert adapter.show(stack, commit, ["config"]) == ""
    assert git(directory, "rev-parse", "HEAD") == commit
    assert git(directory, "rev-parse", "mine", "work").split() == [mine, mine]


def test_a_checkout_without_a_commit_yet(adapter: Git, stack: Stack, origin: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "fresh")
    fresh = dataclasses.replace(stack, directory=str(tmp_path / "fresh"), source=str(origin))
    assert adapter.show(fresh, commit_of(adapter, fresh), ["config"]) == ""
    assert (tmp_path / "fresh" / "api" / "Dockerfile").exists()


@pytest.mark.parametrize(
    ("here", "there", "why"),
    [
        ({"api/Dockerfile": "FROM mine\n"}, {}, "local changes: M api/Dockerfile"),
        ({"new.txt": "mine\n"}, {"new.txt": "theirs\n"}, "would be overwritten"),
        ({"web.env": "mine\n"}, {"web.env": "theirs\n"}, "would be overwritten"),
        ({"config/.env.common": "mine\n"}, {"config/.env.common": "theirs\n"}, "the platform keeps its own config"),
        ({".git/index.lock": ""}, {}, "index.lock"),
    ],
)
def test_a_checkout_that_is_left_alone(
    adapter: Git, stack: Stack, origin: Path, here: dict[str, str], there: dict[str, str | None], why: str
) -> None:
    """A view loses nothing of what people have there, be it ignored or not."""
    directory = Path(stack.directory)
    (directory / ".git" / "info" / "exclude").write_text("*.env\n/config\n")
    for name, text in here.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    before = git(directory, "rev-parse", "HEAD")
    commit = write(origin, {"api/main.py": "print()\n", **there})
    adapter.fetch(stack)
    assert why in adapter.show(stack, commit, ["config", "nginx"])
    assert git(directory, "rev-parse", "HEAD") == before
    assert {name: (directory / name).read_text() for name in here} == here


def test_no_checkout(adapter: Git, stack: Stack, origin: Path, tmp_path: Path) -> None:
    """A repository that lies around the directory, such as of a home, is none."""
    (origin / "inside").mkdir()
    inside = dataclasses.replace(stack, directory=str(origin / "inside"), source=str(origin))
    assert "not a git repository" in adapter.show(inside, commit_of(adapter, inside), ["config"])
