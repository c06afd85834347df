"""Key pairs: one that the host made, one that it was given."""

from pathlib import Path

import pytest


@pytest.mark.parametrize(("directory", "user"), [("/etc/molecule-keys", 10001), ("/etc/molecule-given-keys", 10002)])
def test_a_pair_belongs_to_its_app_alone(host, directory, user):
    private, public = host.file(f"{directory}/jwt_private.pem"), host.file(f"{directory}/jwt_public.pem")
    assert (private.mode, private.uid) == (0o600, user)
    assert host.check_output(f"openssl pkey -in {private.path} -pubout") == public.content_string.strip()


def test_a_given_pair_is_the_one_that_was_given(host, request):
    given = Path(request.config.getoption("ansible_inventory")).parent / "given.pem"
    kept = host.file("/etc/molecule-given-keys/jwt_private.pem").content_string
    assert kept.split() == given.read_text().split()
