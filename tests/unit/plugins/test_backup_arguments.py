# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where backups go: secrets are hidden by themselves, so that a bucket may be called like a stack."""

from __future__ import annotations

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from backup_arguments import BACKUPS, given_backups
from release.errors import Problem
from release.planning.backups.asked import read_places

BUCKET = {"endpoint": "s3.test:8443", "bucket": "shop", "key": "shop", "secret": "sesame-open", "by_path": True}


def test_only_what_is_secret_is_hidden() -> None:
    told = {"backups": {"directory": "/srv/shop", "passphrase": "a-passphrase-of-it", "bucket": BUCKET}}
    validated = ArgumentSpecValidator({"backups": BACKUPS}).validate(told)
    assert not validated.error_messages
    assert validated._no_log_values == {"sesame-open", "a-passphrase-of-it"}


def test_what_was_not_given_is_as_usual() -> None:
    for told in ({}, {"directory": "/srv/backups"}, {"bucket": BUCKET}):
        validated = ArgumentSpecValidator({"backups": BACKUPS}).validate({"backups": told})
        assert given_backups(validated.validated_parameters["backups"]) == told
        problems: list[Problem] = []
        read_places(given_backups(validated.validated_parameters["backups"]), problems)
        assert not problems
