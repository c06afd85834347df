# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands as people type them: split without a shell, and refused where only a shell would know what is meant."""

from __future__ import annotations

import pytest

from release.errors import RefusedError
from release.planning.typed_commands import shown, words_of


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("ls -l /data", ("ls", "-l", "/data")),
        ("sh -c 'a | b > $HOME; c && `d`'", ("sh", "-c", "a | b > $HOME; c && `d`")),
        ('node -e "console.log(1 * [2][0])"', ("node", "-e", "console.log(1 * [2][0])")),
        (r"echo a\ b \$HOME \| \\ ", ("echo", "a b", "$HOME", "|", "\\")),
        (r'echo "it\"s \\"', ("echo", 'it"s \\')),
        ("echo ''", ("echo", "")),
        ("--privileged -v /:/host", ("--privileged", "-v", "/:/host")),
        (["sh", "-c", "a | $b\n"], ("sh", "-c", "a | $b\n")),
        ("", ()),
    ],
)
def test_words(given: object, words: tuple[str, ...]) -> None:
    assert words_of(given) == words


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("ls | cat", r"has \| where only a shell"),
        ("ls > /tmp/x", "has > where"),
        ("a && b", "has & where"),
        ("a; b", "has ; where"),
        ("echo $HOME", r"has \$ where"),
        ('echo "$HOME"', r"has \$ where"),
        ('echo "`id`"', "has ` where"),
        (r'echo "\$5"', r"has \$ where"),
        ("echo a\\\nb", "has line break where"),
        ("$(id)", r"has \$ where"),
        ("ls *.js", r"has \* where"),
        ("ls {a,b} ", r"has \{ where"),
        ("ls ~", "has ~ where"),
        ("ls # all", "has # where"),
        ("ls\nrm", "has line break where"),
        ("echo 'open", "cannot be split into words: no closing quotation"),
        ("echo \\", "cannot be split into words: no escaped character"),
        (7, "is neither a text nor a list of texts"),
        (["sleep", 7], "is neither a text nor a list of texts"),
        ({"a": "b"}, "is neither a text nor a list of texts"),
        (None, "is neither a text nor a list of texts"),
    ],
)
def test_unclear_ones_are_refused(given: object, what: str) -> None:
    with pytest.raises(RefusedError, match=what) as found:
        words_of(given)
    assert all(problem.fix for problem in found.value.problems)


def test_others_see_the_program_alone() -> None:
    assert shown(("psql", "--password=hunter2", "x")) == "psql (+2)"
    assert shown(("psql",), 3) == "psql (+3)"
    assert shown(("ls",)) == "ls" and shown(()) == ""
    assert shown(("\x1b[2Ja\nb" + "c" * 500,)).isprintable() and len(shown(("c" * 500,))) == 80
