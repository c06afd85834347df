"""Every test here asks the lab, as root."""

import pytest
import testinfra
from support import as_root


@pytest.fixture(scope="session")
def host(request):
    where, options = as_root.address(request.config.getoption("ansible_inventory"))
    return testinfra.get_host(where, **options)
