# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a commit a build sees, and that what it does not see does not count."""

from __future__ import annotations

import pytest

from release.planning.source_view import Build, SourceFile, View, read_patterns, tree_names, visible


def files(**numbers: str) -> list[SourceFile]:
    paths = {"readme": "api/README.md", "main": "api/main.py", "lib": "api/lib", "top": "README.md"}
    return [
        SourceFile("160000" if key == "lib" else "100644", "commit" if key == "lib" else "blob", number, paths[key])
        for key, number in numbers.items()
    ]


def test_what_is_ignored_does_not_count() -> None:
    before = files(readme="1", main="1", lib="1", top="1")
    count = visible(before, "api", ["*.md"])
    assert count and count == visible(files(readme="2", main="1", lib="1", top="2"), "api", ["*.md"])
    assert count != visible(files(readme="1", main="2", lib="1"), "api", ["*.md"])
    assert count != visible(files(readme="1", main="1", lib="2"), "api", ["*.md"])
    assert visible(before, "api", ["*.txt"]) == "", "nothing is ignored: the number of the folder tells it all"
    assert visible(before, ".", ["api"]) == visible(files(readme="2", main="2", lib="2", top="1"), ".", ["api"])


def test_a_submodule_counts_as_long_as_a_part_may_be_seen() -> None:
    then, now = files(readme="1", main="1", lib="1"), files(readme="1", main="1", lib="2")
    assert visible(then, "api", ["lib"]) == visible(now, "api", ["lib"])
    assert visible(then, "api", ["*", "!lib/keep"]) != visible(now, "api", ["*", "!lib/keep"])


def test_a_mode_counts() -> None:
    (file,) = files(main="1")
    ignored = files(readme="1")
    assert visible([file, *ignored], "api", ["*.md"]) != visible(
        [file._replace(mode="100755"), *ignored], "api", ["*.md"]
    )


def test_patterns_of_a_file() -> None:
    assert read_patterns(b"# x\n*.md\n!README.md\n") == ("*.md", "!README.md")
    assert read_patterns(b"*.md\n[\n") == (), "whatever BuildKit makes of it, nothing is left out"
    assert read_patterns(b"a\n" * 40000) == () == read_patterns(b"")


@pytest.mark.parametrize(
    ("builds", "names"),
    [
        ([("a", ()), ("b", ("x",)), ("c", ("y",))], ["tree", "tree", "tree"]),
        ([(".", ()), ("a", ()), ("b", ())], ["tree", "tree", "tree"]),
        ([(".", ("x",)), ("./", ("x",)), ("a", ())], ["tree", "tree", "tree1"]),
        ([("a", ("x",)), ("a", ("y",)), ("a/b", ("x",)), ("ab", ())], ["tree", "tree1", "tree2", "tree"]),
    ],
)
def test_builds_share_a_tree_unless_one_ignores_what_another_sees(
    builds: list[tuple[str, tuple[str, ...]]], names: list[str]
) -> None:
    assert tree_names([Build(context, "Dockerfile", ignores) for context, ignores in builds]) == names


def test_what_a_tree_hides() -> None:
    view = View([Build("api", "docker/Dockerfile", ("*", "!src")), Build("front", "Dockerfile")])
    hidden = ["api/README.md", "api/docker/other", "api/sub/.dockerignore"]
    assert view and all(view.hides(path) for path in hidden)
    seen = ["api/docker/Dockerfile", "api/docker/Dockerfile.dockerignore", "api/.dockerignore", "api/src/a", "front/x"]
    assert not [path for path in [*seen, "apiary", "README.md"] if view.hides(path)]
    assert not View([Build("front", "Dockerfile")])
