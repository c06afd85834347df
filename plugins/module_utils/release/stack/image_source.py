# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image is built from, whoever runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .model import App, Service, Stack


@dataclass(frozen=True)
class ImageSource:
    """How the image of an app or a service is built from a commit, with what the stack says for all of them."""

    #: Of the app or service. The image is called so too.
    name: str
    #: The folder in the commit, and the Dockerfile in that.
    context: str
    dockerfile: str
    target: str
    arguments: dict[str, str]
    #: Names of secrets of the env matrix that the build may read.
    secrets: tuple[str, ...] = ()
    #: Patterns of what the build does not see.
    ignores: tuple[str, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """Everything besides the files that decides what is in the image. Of the secrets that is the names."""
        return {
            "dockerfile": self.dockerfile,
            "target": self.target,
            "args": dict(self.arguments),
            **({"secrets": list(self.secrets)} if self.secrets else {}),
        }


def of_app(stack: Stack, app: App) -> ImageSource:
    return ImageSource(
        name=app.name,
        context=app.context,
        dockerfile=app.dockerfile,
        target=app.build_target,
        arguments={**stack.build_arguments, **app.build_arguments},
        secrets=stack.build_secrets_of(app),
        ignores=app.build_ignores,
    )


def of_service(stack: Stack, service: Service) -> ImageSource:
    """Secrets of builds are for apps alone."""
    return ImageSource(
        name=service.name,
        context=service.context,
        dockerfile=service.dockerfile,
        target=service.build_target,
        arguments={**stack.build_arguments, **service.build_arguments},
    )
