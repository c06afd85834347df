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
  - The checkout is for people. Builds have a source of their own, see C(docs/stack.md). So a checkout that cannot be
    set up, because of what its owner has put there, is left alone with a warning.
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
    description: Reports what would change.
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

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.onehost.release.plugins.module_utils.release.util.addresses import without_credentials
from ansible_collections.onehost.release.plugins.module_utils.repository import (
    Repository,
    RepositoryError,
    with_block,
)

ARGUMENTS = {
    "path": {"type": "path", "required": True},
    "owner": {"type": "str", "required": True},
    "source": {"type": "str", "default": ""},
    "exclude": {"type": "list", "elements": "str", "default": []},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    repository = Repository(module.params["path"], module.params["owner"])
    try:
        result = provide(repository, module.params, write=not module.check_mode)
    except RepositoryError as error:
        module.warn(f"left alone: the checkout in {repository.path}: {without_credentials(str(error))}")
        result = {"changed": False, "created": False}
    module.exit_json(**result)


def provide(repository: Repository, wanted: dict[str, Any], *, write: bool) -> dict[str, Any]:
    """Make the checkout. Returns the result."""
    created = not repository.exists()
    before_source = before_excluded = ""
    if not created:
        before_source, before_excluded = repository.source(), repository.excluded()
    elif write:
        repository.git("init", "--quiet", "--initial-branch=main")
        before_excluded = repository.excluded()
    source, excluded = wanted["source"] or before_source, with_block(before_excluded, wanted["exclude"])
    if write:
        if source != before_source:
            repository.git("config", "--local", "--replace-all", "remote.origin.url", source)
            if created:
                # As a clone would set it. In an existing repository this is the owner's choice.
                repository.git("config", "--local", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
        if excluded != before_excluded:
            repository.exclude(excluded)
    before = "" if created else f"origin {before_source}\n{before_excluded}"
    return {
        "changed": created or source != before_source or excluded != before_excluded,
        "created": created,
        "diff": {
            "before": without_credentials(before),
            "after": without_credentials(f"origin {source}\n{excluded}"),
        },
    }


if __name__ == "__main__":
    main()
