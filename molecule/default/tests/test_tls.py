"""TLS at the edge: who is sent to it, how it speaks, and how a renewed certificate gets there."""

import pytest
from support.http import get, name
from support.waiting import until

HERE = "/etc/ssl/notes"
TRUSTED = f"--cacert {HERE}/authority.pem"
TO_PRODUCTION = f"{TRUSTED} --resolve notes.example.test:443:127.0.0.1"


def test_certificates_are_readable_by_root_alone(host):
    for environment in ("staging", "production"):
        file = host.file(f"/etc/nginx/onehost/tls/notes-{environment}.pem")
        assert (file.user, file.mode) == ("root", 0o600)


@pytest.mark.parametrize(("name", "port"), [("notes.example.test", 443), ("notes.staging.test", 4643)])
def test_certificate_is_the_environments_own(host, name, port):
    write = "--user ann:molecule --silent --output /dev/null --write-out '%{http_code} %{http_version}'"
    address = f"--resolve {name}:{port}:127.0.0.1 https://{name}:{port}/"
    assert host.check_output(f"curl {TRUSTED} {write} {address}") == "503 2"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_http_leads_to_https_and_keeps_the_method(host, method):
    address = host.check_output("hostname -I").split()[0]
    status, headers, _ = get(host, f"http://{address}/a?b=c", name("notes.example.test"), f"--request {method}")
    assert (status, headers["location"]) == (308, "https://notes.example.test/a?b=c")
    assert "strict-transport-security" not in headers
    status, headers, _ = get(host, f"http://{address}:4600/x", name("notes.staging.test:4600"))
    assert (status, headers["location"]) == (308, "https://notes.staging.test:4643/x")
    # Who has no TLS is sent nowhere, and what one client claims of a proxy is not believed.
    assert get(host, f"http://{address}:4500/")[0] == 503
    claim = "--header 'X-Forwarded-Proto: https'"
    assert get(host, f"http://{address}/", name("notes.example.test"), claim)[0] == 308


def test_http_on_the_port_of_https_leads_there_too(host):
    status, headers, _ = get(host, "http://127.0.0.1:443/x", name("notes.example.test"))
    assert (status, headers["location"]) == (308, "https://notes.example.test/x")


def test_other_host_names_lead_to_the_canonical_one(host):
    to = f"{TRUSTED} --resolve www.notes.example.test:443:127.0.0.1"
    status, headers, _ = get(host, "https://www.notes.example.test/a?b=c", to, "--http1.1")
    assert (status, headers["location"]) == (308, "https://notes.example.test/a?b=c")
    # First to https, on loopback too: what comes from there may have come through a tunnel.
    status, headers, _ = get(host, "http://127.0.0.1/a?b=c", name("www.notes.example.test"))
    assert (status, headers["location"]) == (308, "https://www.notes.example.test/a?b=c")


def test_unclaimed_name_is_told_so(host):
    status, _, body = get(host, "https://elsewhere.test/", "--insecure --resolve elsewhere.test:443:127.0.0.1")
    assert status == 421
    assert "No site has this name" in body


@pytest.mark.parametrize(("version", "taken"), [("tls1_1", False), ("tls1_2", True), ("tls1_3", True)])
def test_old_protocols_are_refused(host, version, taken):
    """The client would speak them, so it is the edge that does not."""
    ask = f"openssl s_client -connect 127.0.0.1:443 -servername notes.example.test -{version}"
    answer = host.run(f"{ask} -cipher DEFAULT:@SECLEVEL=0 </dev/null 2>&1").stdout
    assert ("alert protocol version" not in answer) is taken
    assert ("Cipher is ECDHE" in answer or "Cipher is TLS_" in answer) is taken


def served(host):
    ask = "openssl s_client -connect 127.0.0.1:443 -servername notes.example.test </dev/null 2>/dev/null"
    return host.check_output(f"{ask} | openssl x509 -noout -serial")


def test_renewed_certificate_is_taken_over_by_one_command_and_a_bad_one_is_not(host):
    before = served(host)
    put = f"cp {HERE}/%s.pem {HERE}/production.pem && cp {HERE}/%s.key {HERE}/production.key"
    host.check_output(f"cp {HERE}/production.pem {HERE}/kept.pem; cp {HERE}/production.key {HERE}/kept.key")
    try:
        host.check_output(put % ("renewed", "renewed"))
        answer = host.check_output("onehost certificates --stack notes")
        assert "notes production: loaded, valid until" in answer
        assert "notes staging: valid until" in answer
        # A process of before may take a connection while those of after the reload begin.
        until(lambda: served(host) != before, 20)
        renewed = served(host)
        assert "notes production: unchanged" in host.check_output("onehost certificates")
        for bad, words in (
            (("renewed", "staging"), "is not the key of the certificate"),
            (("narrow", "narrow"), "does not cover the host name files.example.test"),
        ):
            host.check_output(put % bad)
            refused = host.run("onehost certificates")
            assert refused.rc == 1
            assert words in refused.stderr
            assert "notes staging: valid until" in refused.stdout
        host.check_output("systemctl reload nginx")
        assert served(host) == renewed
    finally:
        host.check_output(put % ("kept", "kept") + " && onehost certificates")
    until(lambda: served(host) == before, 20)
