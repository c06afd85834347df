"""Requests to the edge, made on the host itself."""


def get(host, url, *options):
    """Status, headers with names in lower case, and body."""
    answer = host.check_output("curl --silent --show-error --include --max-time 20 " + " ".join([*options, f"'{url}'"]))
    head, _, body = answer.replace("\r\n", "\n").partition("\n\n")
    status, *lines = head.splitlines()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(status.split()[1]), headers, body


def name(host_name):
    return f"--header 'Host: {host_name}'"
