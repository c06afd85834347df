# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Git, always as the owner of the stack and never as root: a repository may name programs to run."""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from ..errors import OperationError
from ..paths import STATE, source_of
from ..planning import submodules
from ..planning.deploy import SourceEntry
from ..planning.source_view import Build, SourceFile, SourceText, View, ignore_files, tree_names
from ..stack.model import Stack
from ..util import as_owner
from ..util.addresses import without_credentials
from . import source_tree
from .mirror import CHECK_SECONDS, Mirror, reason

#: The files of a commit, for one build; a killed build leaves one.
TREE = "tree-"
#: How many damaged mirrors of one build are made anew.
MADE_ANEW = 3
#: The mode of a symbolic link in a commit.
LINK = "120000"
#: How deep submodules may be in submodules.
DEPTH = 8
#: The whole number of a commit.
NUMBER = r"[0-9a-f]{40}|[0-9a-f]{64}"
#: How many files are asked for at once, and how many bytes of them.
BATCH, BATCH_BYTES = 900, 32 * 1024 * 1024
#: The checkout for people is no reason to wait.
VIEW_SECONDS = 60


class _MadeAnewError(Exception):
    """A mirror was damaged and is whole again; what was read of it so far is not."""

    def __init__(self, error: OperationError) -> None:
        super().__init__(str(error))
        self.error = error


class _Tree(NamedTuple):
    """A directory that is filled, and what is left out."""

    path: str
    view: View


class Git:
    """The sources of stacks: a mirror each, and a clean tree for each build."""

    def __init__(self, state: str = STATE) -> None:
        self._state = state
        self._addresses: dict[tuple[str, str], str] = {}

    def _home(self, stack: Stack) -> str:
        """Root's directory that holds all that belongs to the source. Others may pass through, not look."""
        home = source_of(stack.name, self._state)
        os.makedirs(os.path.dirname(home), mode=0o755, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(home)
            os.chmod(home, 0o711)
        return home

    def _mirror(self, stack: Stack) -> Mirror:
        address = self._address(stack)
        return Mirror(os.path.join(self._home(stack), "mirror.git"), stack.owner, address, address)

    def _address(self, stack: Stack) -> str:
        """Where the source comes from: as the stack says, or else as the checkout in its directory does."""
        known = (stack.directory, stack.source)
        if known not in self._addresses:
            self._addresses[known] = stack.source or self._origin(stack)
        return self._addresses[known]

    def _origin(self, stack: Stack) -> str:
        done = self._view(stack, "remote", "get-url", "origin")
        address = done.text.strip() if done.code == 0 else ""
        is_relative = address and "://" not in address and ":" not in address.partition("/")[0]
        return posixpath.normpath(posixpath.join(stack.directory, address)) if is_relative else address

    def problem(self, stack: Stack) -> str:
        """Why there is nothing to build from, or an empty string."""
        if self._address(stack):
            return ""
        return "has no remote named origin, and the stack names no `source`"

    def fetch(self, stack: Stack) -> None:
        mirror = self._mirror(stack)
        with mirror.locked():
            mirror.fetch()

    def resolve(self, stack: Stack, names: Collection[str]) -> dict[str, str]:
        """The full ids of the commits that these names mean now; a name that means none is left out."""
        mirror = self._mirror(stack)
        found = _resolve(mirror, names)
        if not found and mirror.git("for-each-ref", "--format=%(refname)", *names).output:
            # A name without a commit: something is missing.
            self._repair(mirror)
            found = _resolve(mirror, names)
        return found

    def entries(self, stack: Stack, commit: str, paths: Collection[str]) -> dict[str, SourceEntry]:
        """What a commit has at these paths; "." is all of it. A path below a submodule is known by the submodule."""
        mirror = self._mirror(stack)
        asked = submodules.ancestors(list(paths))
        listing = self._read(mirror, "ls-tree", "-t", "-z", "--full-tree", commit, "--", *asked)
        known = {
            path: SourceEntry("link" if mode == LINK else kind, number)
            for mode, kind, number, path in submodules.read_rows(listing)
        }
        if "." in paths:
            tree = mirror.git("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}")
            known["."] = SourceEntry("tree", tree.text.strip())
        return {
            path: known[path] for path in asked if path in known and (path in paths or known[path].kind == "commit")
        }

    def files(self, stack: Stack, commit: str, folders: Collection[str]) -> list[SourceFile]:
        """All files of a commit in these folders; "." is all of it. Those of submodules are not listed."""
        paths = [] if "." in folders else list(folders)
        listing = self._read(self._mirror(stack), "ls-tree", "-r", "-z", "--full-tree", commit, "--", *paths)
        return [SourceFile(*row) for row in submodules.read_rows(listing)]

    def contents(self, stack: Stack, numbers: Sequence[str]) -> dict[str, bytes]:
        """What these files hold, by their numbers."""
        return self._contents(self._mirror(stack), numbers)

    def _contents(self, mirror: Mirror, numbers: Sequence[str]) -> dict[str, bytes]:
        asked = "".join(f"{number}\n" for number in numbers)
        rest = self._read(mirror, "cat-file", "--batch", text=asked)
        found: dict[str, bytes] = {}
        head = re.compile(rb"([0-9a-f]{40,64}) blob (\d{1,12})\n")
        place = 0
        while match := head.match(rest, place):
            end = match.end() + int(match[2])
            found[match[1].decode()] = rest[match.end() : end]
            place = end + 1
        return found

    def texts(
        self, stack: Stack, commit: str, folders: Collection[str], wanted: Callable[[str, int], bool]
    ) -> Iterator[SourceText]:
        """The files of a commit that are wanted by path and size, and those of the submodules that these folders are in
        or have in them."""
        return self._texts(self._mirror(stack), commit, folders, wanted)

    def _texts(
        self,
        mirror: Mirror,
        commit: str,
        folders: Collection[str],
        wanted: Callable[[str, int], bool],
        *,
        below: str = "",
        depth: int = 0,
    ) -> Iterator[SourceText]:
        if depth > DEPTH:
            raise OperationError("the source cannot be read", mirror.shown, f"more than {DEPTH} submodules deep")
        listing = self._read(mirror, "ls-tree", "-r", "-l", "-z", "--full-tree", commit)
        rows = list(submodules.read_sizes(listing))
        files = [
            (where, number, size)
            for mode, kind, number, path, size in rows
            if kind == "blob" and mode != LINK and wanted(where := posixpath.join(below, path), size)
        ]
        while files:
            batch = _batch(files)
            files = files[len(batch) :]
            held = self._contents(mirror, sorted({number for _path, number, _size in batch}))
            for path, number, _size in batch:
                if number in held:
                    yield SourceText(path, held[number])
        links = {path: number for mode, _kind, number, path, _size in rows if mode == "160000"}
        _paths, inner = submodules.needed(links, folders)
        addresses = self._addresses_of(mirror, commit) if inner else {}
        for path, number in inner.items():
            where = posixpath.join(below, path)
            module = self._submodule(mirror, where, addresses.get(path, ""), number)
            yield from self._texts(module, number, ["."], wanted, below=where, depth=depth + 1)

    def _addresses_of(self, mirror: Mirror, commit: str) -> dict[str, str]:
        shown = mirror.git("config", "--null", "--blob", f"{commit}:.gitmodules", "--get-regexp", r"^submodule\.")
        return submodules.read_modules(shown.output)

    def _repair(self, mirror: Mirror, *, whole: bool = False) -> None:
        """Make a mirror anew if it is damaged."""
        with mirror.locked():
            if not mirror.is_sound(whole=whole):
                mirror.make_anew()

    # A build

    def sweep(self, stack: Stack) -> None:
        """Remove what a killed build has left: the source, and the secrets that it was given."""
        source = self._home(stack)
        for name in os.listdir(source):
            if name.startswith(TREE):
                shutil.rmtree(os.path.join(source, name), ignore_errors=True)

    @contextlib.contextmanager
    def lay_out(self, stack: Stack, commit: str, builds: Sequence[Build]) -> Iterator[str]:
        """A directory of root's own, while the block runs: in the trees that `tree_names` tells are the folders of a
        commit, with what these builds see of them."""
        source = self._home(stack)
        self.sweep(stack)
        home = tempfile.mkdtemp(prefix=TREE, dir=source)
        try:
            names = tree_names(builds)
            pointers: list[str] = []
            for name in dict.fromkeys(names):
                mine = [build for build, tree in zip(builds, names, strict=True) if tree == name]
                pointers += self._lay_out(self._mirror(stack), commit, mine, os.path.join(home, name))
            if pointers:
                raise OperationError(
                    "the source is kept by Git LFS and was not fetched",
                    without_credentials(self._address(stack)),
                    f"only pointers: {', '.join(pointers)}",
                    f"install git-lfs on the host, then: sudo -u {stack.owner} git lfs install --skip-repo",
                )
            for name in dict.fromkeys(names):
                _check(home, name, [build for build, tree in zip(builds, names, strict=True) if tree == name])
            yield home
        finally:
            shutil.rmtree(home, ignore_errors=True)

    def _lay_out(
        self, mirror: Mirror, commit: str, builds: Sequence[Build], tree: str, tries: int = MADE_ANEW
    ) -> list[str]:
        """As `_fill`. After a mirror was made anew everything begins again, in an empty tree: no single thing in it is
        removed by its path, since a link in the tree leads anywhere."""
        os.mkdir(tree, 0o755)
        try:
            folders = [posixpath.normpath(build.context) for build in builds]
            return self._fill(mirror, commit, folders, _Tree(tree, View(builds)))
        except _MadeAnewError as made:
            if not tries:
                raise made.error from made
            shutil.rmtree(tree)
            return self._lay_out(mirror, commit, builds, tree, tries - 1)

    def _fill(
        self, mirror: Mirror, commit: str, folders: Sequence[str], tree: _Tree, below: str = "", depth: int = 0
    ) -> list[str]:
        """Lay out folders of a commit and the submodules in them. Returns files that only stand for one of Git LFS."""
        if depth > DEPTH:
            raise OperationError("the source cannot be laid out", mirror.shown, f"more than {DEPTH} submodules deep")
        links = submodules.read_links(self._read(mirror, "ls-tree", "-r", "-z", "--full-tree", commit))
        paths, wanted = submodules.needed(links, folders)
        pointers = self._archive(mirror, commit, [] if "." in paths else paths, tree, below)
        if not wanted:
            return pointers
        addresses = self._addresses_of(mirror, commit)
        for path, number in wanted.items():
            where = posixpath.join(below, path)
            inner = self._submodule(mirror, where, addresses.get(path, ""), number)
            pointers += self._fill(inner, number, ["."], tree, where, depth + 1)
        return pointers

    def _submodule(self, parent: Mirror, path: str, named: str, commit: str) -> Mirror:
        """The mirror of a submodule, with the commit that is wanted."""
        what = f"submodule {path} cannot be fetched"
        address = submodules.resolved(named, parent.address)
        if not address:
            cause = f"{without_credentials(named)} is no address that may be used" if named else "not in .gitmodules"
            raise OperationError(what, parent.shown, cause, "correct its url in .gitmodules")
        home = os.path.dirname(parent.path)
        name = hashlib.sha256(address.encode(errors="surrogateescape")).hexdigest()[:32]
        mirror = Mirror(os.path.join(home, f"module-{name}.git"), parent.owner, address, parent.source)
        with mirror.locked():
            if mirror.is_there() and _resolve(mirror, [commit]):
                return mirror
            try:
                mirror.fetch()
            except OperationError as error:
                raise OperationError(what, error.where, error.cause, error.fix, error.log) from error
            if not _resolve(mirror, [commit]):
                # Many servers give a commit by its number, though no branch has it any more.
                mirror.git("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "origin", commit, seconds=300)
            if not _resolve(mirror, [commit]):
                cause = f"its repository has no commit {commit[:12]}"
                raise OperationError(what, mirror.shown, cause, "push that commit, or name another one")
        return mirror

    def _read(self, mirror: Mirror, *words: str, text: str = "") -> bytes:
        done = mirror.git(*words, text=text)
        if done.code:
            self._repair(mirror)
            done = mirror.git(*words, text=text)
        if done.code:
            raise mirror.failure("the source cannot be read", done)
        return done.output

    def _archive(self, mirror: Mirror, commit: str, paths: Sequence[str], tree: _Tree, below: str) -> list[str]:
        words = ["git", "archive", "--format=tar", commit, "--", *paths]
        code, messages, pointers = _pipe(mirror, words, tree, below)
        if code == 0:
            return pointers
        lines = without_credentials(messages).strip().splitlines()
        error = OperationError("the source cannot be laid out", mirror.shown, reason(lines), log=lines[-20:])
        if mirror.is_sound(whole=True):
            raise error
        with mirror.locked():
            mirror.make_anew()
        raise _MadeAnewError(error)

    # The checkout for people

    def _view(self, stack: Stack, *words: str) -> as_owner.Finished:
        environment = {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "file",
            "GIT_OPTIONAL_LOCKS": "0",
            # A home directory may be a repository too.
            "GIT_CEILING_DIRECTORIES": os.path.dirname(stack.directory),
        }
        words = ("git", "-C", stack.directory, "-c", "core.quotePath=false", *words)
        try:
            return as_owner.run(stack.owner, words, environment=environment, seconds=VIEW_SECONDS, umask=0o022)
        except TimeoutError as error:
            return as_owner.Finished(1, b"", f"error: {error}")

    def show(self, stack: Stack, commit: str, reserved: Collection[str]) -> str:
        """Bring the checkout in the stack's directory to the commit that was built. It is for people and is never read
        back. Returns why it was left alone, if it was: nothing in it is ever lost."""
        changed = self._view(stack, "status", "--porcelain", "--untracked-files=no")
        if changed.code:
            return reason(changed.messages.strip().splitlines())
        if changed.output:
            return "it has local changes: " + ", ".join(line.strip()[:200] for line in changed.text.splitlines()[:5])
        mirror = self._mirror(stack)
        try:
            names = mirror.git("ls-tree", "--name-only", "-z", "--full-tree", commit).text.split("\0")
        except OperationError as error:
            return f"{error.what}: {error.cause}"
        if taken := [name for name in names if name in reserved]:
            return f"the platform keeps its own {', '.join(taken)} there"
        # Tags and branches there may be somebody's own.
        refs = ("+refs/heads/*:refs/remotes/origin/*", commit)
        for words in (
            ("fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", mirror.path, *refs),
            ("checkout", "--quiet", "--no-overwrite-ignore", "--detach", commit),
        ):
            done = self._view(stack, *words)
            if done.code:
                return reason(done.messages.strip().splitlines())
        return ""


def _batch(files: Sequence[tuple[str, str, int]]) -> Sequence[tuple[str, str, int]]:
    """The first of these files that are read at once, at least one."""
    size = 0
    for number, file in enumerate(files[:BATCH]):
        size += file[2]
        if number and size > BATCH_BYTES:
            return files[:number]
    return files[:BATCH]


def _resolve(mirror: Mirror, names: Collection[str]) -> dict[str, str]:
    asked = [name for name in names if name.isprintable() and " " not in name]
    done = mirror.git("cat-file", "--batch-check", text="".join(f"{name}^{{commit}}\n" for name in asked))
    rows = [row.split() for row in done.text.splitlines()]
    found = {name: row[0] for name, row in zip(asked, rows, strict=False) if row[1:2] == ["commit"]}
    # It becomes a part of names and paths, and git is not ours.
    return {name: number for name, number in found.items() if re.fullmatch(NUMBER, number)}


def _pipe(mirror: Mirror, words: Sequence[str], tree: _Tree, below: str) -> tuple[int, str, list[str]]:
    """Run git and lay out what it writes. Returns its code, its messages, and files that only stand for one of LFS."""
    with as_owner.started(mirror.owner, words, environment=mirror.environment()) as process:
        given, output, messages = as_owner.streams(process)
        given.close()
        with source_tree.laying_out(output, tree.path, below, CHECK_SECONDS, tree.view) as answer:
            output.close()
            try:
                kept = as_owner.collect(process, {messages: -as_owner.MESSAGES_KEPT}, CHECK_SECONDS)
            except TimeoutError as error:
                raise OperationError("git archive did not finish", mirror.shown, str(error)) from error
            code = as_owner.end(process)
            said = kept[messages].decode(errors="replace")
            # Ended without a word: the reader gave up and closed the pipe, and says why.
            pointers = source_tree.read_answer(answer, mirror.shown) if code == 0 or not said.strip() else []
    return code, said, pointers


def _check(home: str, name: str, builds: Sequence[Build]) -> None:
    """What is built is ours and lies in the tree, whatever git did meanwhile. Docker's client, which is root, follows a
    link in these places."""
    tree = os.path.realpath(os.path.join(home, name))
    for path in (home, tree):
        known = os.lstat(path)
        if known.st_uid != os.geteuid() or known.st_mode & 0o022:
            raise OperationError("the source cannot be laid out", path, "it belongs to somebody else")
    for folder, dockerfile, _ignores in builds:
        context = os.path.normpath(os.path.join(tree, folder))
        if os.path.realpath(context) != context or not os.path.isdir(context):
            raise OperationError("the source cannot be built", folder, "it is no folder of the commit")
        if not os.path.isfile(os.path.join(context, dockerfile)):
            raise OperationError("the source cannot be built", folder, f"{dockerfile} does not exist in the commit")
        for file in (dockerfile, *ignore_files(dockerfile)):
            if not os.path.realpath(os.path.join(context, file)).startswith(f"{tree}/"):
                raise OperationError("the source cannot be built", folder, f"{file} is a link to outside of the source")
