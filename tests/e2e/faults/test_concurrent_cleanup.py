"""Cleanup comes at a bad moment, and finds what people did by hand: the way back stays, foreign things too."""

from __future__ import annotations

import json
import subprocess

import pytest
from support import faults as support
from support.faults import LONG, PLACE, Faults
from support.lab import until

pytestmark = pytest.mark.fault

#: More than any disk here has: everything that may go has to go.
ALL_OF_IT = ("--free-gb", "100000")
SETTINGS = "/etc/onehost/cleanup.json"


def clean(faults: Faults, *words: str, check: bool = True) -> str:
    """A cleanup that wants all it can get; it ends with an error because that is never enough."""
    answer = faults.root("onehost", "cleanup", *ALL_OF_IT, *words, check=False)
    assert answer.returncode == 1
    if check:
        assert "what takes the most space" in answer.stdout, answer.stdout + answer.stderr
    return str(answer.stdout + answer.stderr)


def start_cleaning(faults: Faults) -> subprocess.Popen[str]:
    """One cleanup after the other, each waiting for its turn, until its flag is taken away."""
    flag = f"{PLACE}/cleaning"
    faults.root("touch", flag)
    loop = f"while test -e {flag}; do onehost cleanup --lock-wait 60 {' '.join(ALL_OF_IT)}; echo once; done"
    return subprocess.Popen(
        ["docker", "exec", faults.lab.name, "timeout", "120", "sh", "-c", loop],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("operation", ["promote", "rollback", "deploy"] if LONG else ["promote"])
def test_cleanup_while_an_operation_runs(faults: Faults, operation: str) -> None:
    """It removes nothing and says who is at work; the timer's comes again later by itself."""
    faults.promotable() if operation == "promote" else faults.revertible()
    words = (operation, "--version", faults.other_version()) if operation == "deploy" else (operation,)
    with faults.case("cleanup", f"in the middle of a {operation}") as case:
        with faults.held_at("start:begun", *words):
            before = images(faults)
            assert f"{operation} by root" in clean(faults, check=False)
            assert images(faults) == before
        case.found = "refused, names the operation"


def test_cleanup_again_and_again_beside_builds_and_releases(faults: Faults) -> None:
    """Whatever comes first waits for the other; no image disappears between its build and its release."""
    with faults.case("cleanup", "again and again beside deploy, promote, rollback") as case:
        cleaning = start_cleaning(faults)
        try:
            for number in (1, 2):
                support.push(faults.lab, f"beside-{number}")
                faults.onehost("deploy", "--version", f"beside-{number}", "--lock-wait", "60")
                faults.onehost("promote", "--lock-wait", "60")
                faults.onehost("rollback", "--lock-wait", "60")
                faults.onehost("promote", "--lock-wait", "60")
        finally:
            faults.root("rm", "-f", f"{PLACE}/cleaning")
            text, _ = cleaning.communicate(timeout=130)
        assert text.count("once\n") >= 2, text
        case.found = f"{text.count('once')} cleanups between them"
    # A build may bring back images that were removed, of a release that nothing names any more: a promote names it.
    faults.onehost("deploy", "--version", faults.other_version())
    faults.onehost("promote")


@pytest.mark.parametrize("tag", ["rollback", "production"])
@pytest.mark.parametrize("how", ["moved", "removed"])
def test_tags_changed_by_hand(faults: Faults, tag: str, how: str) -> None:
    """Releases hold images by their IDs: neither cleanup nor the way back believes a tag that somebody moved."""
    faults.revertible()
    if not faults.rollback_possible():
        faults.promotable()
        faults.onehost("promote")
    name, target = f"fault-back:{tag}", faults.rollback_target()
    with faults.case("tag by hand", f"{name} {how}, then cleanup and rollback") as case:
        if how == "moved":
            other = "fault-front" if tag == "rollback" else "fault-back"
            source = f"{other}:{'production' if tag == 'rollback' else 'rollback'}"
            faults.root("docker", "tag", source, name)
        else:
            faults.root("docker", "rmi", name)
        clean(faults)
        faults.onehost("rollback")
        assert faults.live() == target
        case.found = "the release went back by its image IDs, the tags are right again"


@pytest.mark.parametrize("how", ["moved", "removed"])
def test_the_tag_of_staging_changed_by_hand(faults: Faults, how: str) -> None:
    """What would be promoted is not what was tested: the gate says so, a deploy makes it right."""
    faults.promotable()
    with faults.case("tag by hand", f"fault-back:staging {how}, then promote") as case:
        if how == "moved":
            faults.root("docker", "tag", "fault-back:production", "fault-back:staging")
        else:
            faults.root("docker", "rmi", "fault-back:staging")
        refused = faults.onehost("promote", check=False)
        text = refused.stdout + refused.stderr
        assert refused.returncode == 1
        assert "fault-back:staging" in text, text
        assert "sudo onehost deploy" in text, text
        case.found = "the gate refuses and names the tag; a deploy fixes it"
        faults.onehost("deploy", "--version", faults.live("staging").rpartition("-")[2])
        faults.onehost("promote")


def test_caches_are_brought_to_their_budgets(faults: Faults) -> None:
    """The build cache and the system's log shrink to what they may have; nothing else is touched for it."""
    with faults.case("cleanup", "caches beyond their budgets") as case:
        original = faults.root("cat", SETTINGS).stdout
        clean(faults)  # what may go anyway goes now
        support.push(faults.lab, "for-the-cache")
        faults.onehost("deploy", "--version", "for-the-cache")
        assert not is_cache_empty(faults)
        before = images(faults)
        try:
            settings = json.dumps({**json.loads(original), "build_cache_gb": 0, "journal_mb": 8})
            faults.root("tee", SETTINGS, data=settings.encode())
            text = clean(faults)
        finally:
            faults.root("tee", SETTINGS, data=original.encode())
        assert "build cache BuildKit" in text
        assert is_cache_empty(faults)
        needed = {*faults.images("staging").values(), *faults.images("production").values()}
        assert needed <= images(faults) <= before
        case.found = "the build cache was emptied, releases stayed"
        faults.onehost("deploy", "--version", "second")
    until(lambda: not faults.look()["locked"]["staging"], 10, "the last operation has ended")


def images(faults: Faults) -> set[str]:
    """The images that have a name."""
    return set(faults.root("docker", "images", "--quiet", "--no-trunc").stdout.split())


def is_cache_empty(faults: Faults) -> bool:
    """What Docker says of its build cache."""
    text = faults.root("docker", "system", "df", "--format", "{{json .}}").stdout
    rows = [json.loads(line) for line in text.splitlines()]
    return bool(next(row["Size"] for row in rows if row["Type"] == "Build Cache") == "0B")
