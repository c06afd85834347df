# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The option of every module that is told where the backups of a host are."""

    DOCUMENTATION = r"""
options:
  backups:
    description:
      - Where backups of databases with C(backup) go.
    type: dict
    default: {}
    suboptions:
      directory:
        description: A directory on this host, C(/var/lib/onehost-backups) by default.
        type: str
      passphrase:
        description: What all of them are encrypted with. Without it one is made on the host.
        type: str
      bucket:
        description: A bucket that speaks S3 and is there already.
        type: dict
        suboptions:
          endpoint:
            description: Its host, with a port if it is not 443.
            type: str
          bucket:
            description: Its name.
            type: str
          key:
            description: The access key.
            type: str
          secret:
            description: The secret of that key.
            type: str
          region:
            description: Its region, C(us-east-1) by default.
            type: str
          prefix:
            description: Below which everything is, so that several hosts share a bucket.
            type: str
          ca_file:
            description: A file of the host with the certificates that the endpoint's is checked with.
            type: str
          by_path:
            description: Whether the bucket is a part of the path, not of the host's name.
            type: bool
"""
