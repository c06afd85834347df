"""Every test here asks the lab, as root."""

import pytest
import testinfra


@pytest.fixture(scope="session")
def host(request):
    inventory = request.config.getoption("ansible_inventory")
    return testinfra.get_host("ansible://onehost-lab?sudo=true", ansible_inventory=inventory)
