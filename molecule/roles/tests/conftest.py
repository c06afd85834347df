"""Every test here asks the lab, as root. Those of what is left after a removal come last: there is no way back."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import testinfra
from support import as_root

SCENARIO = Path(__file__).resolve().parents[1]
ROOT = SCENARIO.parents[1]


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: "removed" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def host(request):
    where, options = as_root.address(request.config.getoption("ansible_inventory"))
    return testinfra.get_host(where, **options)


@pytest.fixture(scope="session")
def removed(request):
    """Takes away, twice, every role that can go. How many tasks changed something in each of the two runs."""
    inventories = [ROOT / "inventories" / "lab", request.config.getoption("ansible_inventory"), SCENARIO / "inventory"]
    words = [word for inventory in inventories for word in ("-i", str(inventory))]
    # Molecule asks for colours, which would stand in the way below.
    environment = {name: value for name, value in os.environ.items() if name != "ANSIBLE_FORCE_COLOR"}
    changes = []
    for _ in range(2):
        run = subprocess.run(
            ["ansible-playbook", *words, str(SCENARIO / "absent.yml")],
            cwd=ROOT,
            env=environment | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_STDOUT_CALLBACK": "default"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        changes.append(int(re.search(r"^onehost-lab .*changed=(\d+)", run.stdout, re.MULTILINE)[1]))
    return changes
