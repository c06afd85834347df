#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: checkout
short_description: Make a directory a git checkout of a stack's source
description:
  - Initialises the repository, sets its remote C(origin), and excludes the platform's own files from git. Fetches
    nothing and touches no source; a deploy does that. An existing repository is kept.
  - Refuses a repository that tracks one of the platform's own files.
  - Works as the owner of the directory, because a repository may name programs to run, and git refuses to work in a
    directory that belongs to someone else.
options:
  path:
    description:
      - The directory, which must exist.
    type: path
    required: true
  owner:
    description:
      - The user that the directory belongs to.
    type: str
    required: true
  source:
    description:
      - Address of the remote C(origin). If empty, the remote is left alone.
    type: str
    default: ""
  exclude:
    description:
      - Names at the top of the directory that do not belong to the source.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: Reports what would change. A repository with tracked files of the platform is refused all the same.
  diff_mode:
    support: full
    description: Shows remote and excluded names before and after.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Make it a checkout of its source
  onehost.release.checkout:
    path: /srv/shop
    owner: deploy
    source: https://git.example.org/shop.git
    exclude: [config, docker-compose.yml]
"""

RETURN = r"""
created:
  description: Whether the repository was initialised.
  returned: always
  type: bool
"""

import os
import pwd
import subprocess

from ansible.module_utils.basic import AnsibleModule

BEGIN = "# BEGIN kept here by onehost.release"
END = "# END kept here by onehost.release"
ARGUMENTS = {
    "path": {"type": "path", "required": True},
    "owner": {"type": "str", "required": True},
    "source": {"type": "str", "default": ""},
    "exclude": {"type": "list", "elements": "str", "default": []},
}


class Repository:
    """The repository in a directory, through programs that run as its owner."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self.path = module.params["path"]
        self.exclude_file = os.path.join(self.path, ".git", "info", "exclude")

    def exists(self) -> bool:
        return os.path.exists(os.path.join(self.path, ".git"))

    def run(self, *words: str, ends: tuple[int, ...] = (0,), text: str | None = None) -> str:
        """What a program prints. It must end with one of these exit codes."""
        name = self._module.params["owner"]
        owner = pwd.getpwnam(name)
        as_root = os.geteuid() == 0
        done = subprocess.run(
            words,
            cwd=self.path,
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": owner.pw_dir, "LANG": "C.UTF-8"},
            check=False,
            user=owner.pw_uid if as_root else None,
            group=owner.pw_gid if as_root else None,
            extra_groups=os.getgrouplist(name, owner.pw_gid) if as_root else None,
            umask=0o022,
        )
        if done.returncode not in ends:
            self._module.fail_json(msg=f"{' '.join(words)} failed in {self.path}: {done.stderr.strip()}")
        return done.stdout

    def tracked(self, names: list[str]) -> list[str]:
        return self.run("git", "ls-files", "--", *names).splitlines() if names else []

    def source(self) -> str:
        return self.run("git", "config", "--local", "--get", "remote.origin.url", ends=(0, 1)).rstrip("\n")

    def excluded(self) -> str:
        """All that is excluded, by us and by others. As the owner: whatever they may not read is not shown."""
        return self.run("cat", self.exclude_file) if os.path.lexists(self.exclude_file) else ""

    def exclude(self, text: str) -> None:
        self.run("mkdir", "-p", os.path.dirname(self.exclude_file))
        self.run("tee", self.exclude_file, text=text)


def with_block(text: str, names: list[str]) -> str:
    """The text with our block as it must be: where it is, or else at the end."""
    block = [BEGIN, *(f"/{name}" for name in names), END]
    lines = text.splitlines()
    if BEGIN in lines and END in lines[lines.index(BEGIN) :]:
        first = lines.index(BEGIN)
        last = lines.index(END, first)
        lines[first : last + 1] = block
    else:
        lines += block
    return "".join(f"{line}\n" for line in lines)


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    wanted, write = module.params, not module.check_mode
    repository = Repository(module)
    created = not repository.exists()
    before_source = before_excluded = ""
    if not created:
        if tracked := repository.tracked(wanted["exclude"]):
            module.fail_json(
                msg=f"The source in {repository.path} tracks files that the platform writes itself: "
                f"{', '.join(tracked)}. Fix: rename them in the source, or stop tracking them: git rm --cached <file>."
            )
        before_source, before_excluded = repository.source(), repository.excluded()
    elif write:
        repository.run("git", "init", "--quiet", "--initial-branch=main")
        before_excluded = repository.excluded()
    source, excluded = wanted["source"] or before_source, with_block(before_excluded, wanted["exclude"])
    if write:
        if source != before_source:
            repository.run("git", "config", "--local", "--replace-all", "remote.origin.url", source)
            if created:
                # As a clone would set it. In an existing repository this is the owner's choice.
                repository.run("git", "config", "--local", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
        if excluded != before_excluded:
            repository.exclude(excluded)
    module.exit_json(
        changed=created or source != before_source or excluded != before_excluded,
        created=created,
        diff={
            "before": "" if created else f"origin {before_source}\n{before_excluded}",
            "after": f"origin {source}\n{excluded}",
        },
    )


if __name__ == "__main__":
    main()
