"""How Ansible runs its tasks in tests: by Mitogen, which keeps one Python on the host for a whole play.

A provision takes two thirds of the time. Users never get it: it is chosen here, by one variable,
ONEHOST_TEST_STRATEGY (`mitogen_linear` unless told otherwise, `linear` for Ansible's own). What users run is tested as
users run it all the same: the main job's tests and molecule's scenario `default` ask for Ansible's own strategy.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

VARIABLE = "ONEHOST_TEST_STRATEGY"
PLAIN = "linear"
DEFAULT = "mitogen_linear"


def plugins() -> Path:
    """Where the strategies of the installed package are."""
    found = importlib.util.find_spec("ansible_mitogen")
    assert found is not None and found.origin is not None, "mitogen is not installed. Fix: tools/setup"
    return Path(found.origin).parent / "plugins" / "strategy"


def environment() -> dict[str, str]:
    """What Ansible is told by its environment."""
    name = os.environ.get(VARIABLE) or DEFAULT
    if name == PLAIN:
        return {"ANSIBLE_STRATEGY": PLAIN}
    return {
        "ANSIBLE_STRATEGY": name,
        "ANSIBLE_STRATEGY_PLUGINS": str(plugins()),
        # Ansible says at each start that strategies from elsewhere will not be possible one day.
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
    }


if __name__ == "__main__":
    print(plugins())
