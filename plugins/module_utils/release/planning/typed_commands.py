# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that somebody typed: its words, and what of it is shown to others."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from ..errors import Problem, RefusedError
from ..util.printable import clean, shortened

#: Means something to a shell only: outside quotes, and within double ones.
_BARE, _QUOTED = "|&;<>()$`*?[]{}~#!\n", "$`"
#: A command line that is longer is data, which comes by standard input.
LONGEST = 100_000
_MOST_OF_PROGRAM = 80


def split(text: str) -> tuple[tuple[str, ...], list[Problem]]:
    """The words of a command that was typed as one text, and what is unclear about it. No shell reads it, so whatever
    only a shell understands would be taken literally without a word: it is refused."""
    for sign in _signs(text):
        name = "line break" if sign == "\n" else sign
        fix = "quote it with '…' to give it to the program, or start a shell: sh -c '…'"
        return (), [Problem(f"has {name} where only a shell would understand it", "command", fix)]
    try:
        return tuple(shlex.split(text)), []
    except ValueError as error:
        what = f"cannot be split into words: {str(error).lower()}"
        return (), [Problem(what, "command", "close the quotes, or write \\\" and \\' for signs that open none")]


def words_of(given: object) -> tuple[str, ...]:
    """A command as one text or as a list of words. Raises RefusedError."""
    if isinstance(given, str):
        words, found = split(given)
    elif isinstance(given, (list, tuple)) and all(isinstance(word, str) for word in given):
        words, found = tuple(given), []
    else:
        what = "is neither a text nor a list of texts"
        words, found = (), [Problem(what, "command", "write each word in quotes, or all of it as one text")]
    if found:
        raise RefusedError(found)
    return words


def _signs(text: str) -> Iterator[str]:
    """Signs of a shell's in places where it would act on them."""
    quote, escaped = "", False
    for sign in text:
        if escaped:
            escaped = False
            # There a shell takes the backslash away, and what splits the words does not.
            if sign == "\n" or (quote and sign in _QUOTED):
                yield sign
        elif sign == "\\" and quote != "'":
            escaped = True
        elif quote:
            if sign == quote:
                quote = ""
            elif quote == '"' and sign in _QUOTED:
                yield sign
        elif sign in "'\"":
            quote = sign
        elif sign in _BARE:
            yield sign


def problems(words: tuple[str, ...]) -> list[Problem]:
    """What stands against running these words."""
    if not words or not words[0]:
        fix = "name a program and its arguments, after -- on the host: onehost run api -- ls -l"
        return [Problem("no program is named", "command", fix)]
    found = []
    if any("\0" in word for word in words):
        found.append(Problem("has a NUL character, which ends a word", "command", "leave it out"))
    if any("\ud800" <= sign <= "\udfff" for word in words for sign in word):
        found.append(Problem("is not UTF-8", "command", "give other bytes by standard input"))
    if sum(map(len, words)) > LONGEST:
        found.append(Problem(f"has more than {LONGEST} characters", "command", "give data by standard input"))
    return found


def shown(words: tuple[str, ...], more: int = 0) -> str:
    """What others see of a command: the program, and how many words follow it."""
    number = max(len(words) - 1, 0) + more
    program = clean(shortened(words[0]))[:_MOST_OF_PROGRAM] if words else ""
    return f"{program} (+{number})" if number else program
