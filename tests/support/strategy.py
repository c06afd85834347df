"""The Ansible strategy in tests: Mitogen where a playbook has many tasks. It keeps one Python on the host for a play.

A provision then takes two thirds of the time; an operation, which is one task, would take twice as much of the
processor, because Mitogen has to start. Users never get it: it is chosen here only, by the variable
ONEHOST_TEST_STRATEGY (default `mitogen_linear`; `linear` is Ansible's own). What users run is still tested: the main
job's tests and molecule's scenario `default` use Ansible's own strategy.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

VARIABLE = "ONEHOST_TEST_STRATEGY"
PLAIN = "linear"
DEFAULT = "mitogen_linear"
#: Playbooks of many tasks; the last one is what a test makes of many playbooks.
LONG = ("provision", "recover_host", "together")


def plugins() -> Path:
    """The directory of the installed package's strategies."""
    found = importlib.util.find_spec("ansible_mitogen")
    assert found is not None and found.origin is not None, "mitogen is not installed. Fix: tools/setup"
    return Path(found.origin).parent / "plugins" / "strategy"


def environment(playbook: str = "provision") -> dict[str, str]:
    """Environment variables for Ansible, for a playbook by its name, its path or its name in the collection."""
    name = os.environ.get(VARIABLE) or DEFAULT
    if name == PLAIN or Path(playbook).name.removesuffix(".yml").rpartition(".")[2] not in LONG:
        return {"ANSIBLE_STRATEGY": PLAIN}
    return {
        "ANSIBLE_STRATEGY": name,
        "ANSIBLE_STRATEGY_PLUGINS": str(plugins()),
        # Ansible warns at each start that third-party strategies are deprecated.
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
    }


if __name__ == "__main__":
    print(plugins())
