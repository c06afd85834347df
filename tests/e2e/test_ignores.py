"""Patterns of .dockerignore mean to the platform what they mean to BuildKit."""

from __future__ import annotations

import base64
import io
import shlex
import tarfile

from support.lab import Lab

from release.planning.source_view import read_patterns
from release.util.ignores import Ignores

PATHS = (
    *(
        "Dockerfile.build",
        "README.md",
        "a.md",
        ".env",
        ".env.example",
        "main.py",
        "[x]",
        "a!b",
        "a b",
        "back\\slash",
        "\u00e9.md",
    ),
    *(
        "docs/README.md",
        "docs/img/a.png",
        "docs/img/deep/b.png",
        "src/main.py",
        "src/node_modules/x/index.js",
        "src/a.test.js",
    ),
    *(
        "node_modules/y.js",
        "config/app.yml",
        "config/keys/a.pem",
        "scripts/run.sh",
        "src/docs/a.md",
        "x/y/z/w.txt",
        "ab",
        "a/b",
    ),
)
FILES = (
    "#all\n**/*.md\n!README.md\n/scripts/\nconfig/keys\n.env*\n!.env.example\ndocs/*\n!docs/img\ndocs/img/deep\n**b\n",
    "*\n!src\n!main.py\nsrc/**/*.js\n!**/deep\n!x/y/z\n!config\n./config/keys/../keys\n",
    "\ufeffsrc/[a-m]*\n[^a-z]*\n\\[x\\]\na\\!b\n  a b  \n\r\na**b\n**.md\nx/**/w.txt\n**/d*/*/**/*.p?g\n",
    "**\n!src/main.py\n!docs/**/b*\n!*.m?\n**/README.m?\n!x/*/z\n!*b\n",
)
#: Builds each folder that it is given, and writes what was in it.
BUILD = """
set -e; d=$(mktemp -d); cd $d; base64 --decode | tar -xz; printf 'FROM scratch\nCOPY . /\n' >file
for n in [0-9]*; do sudo docker build --quiet --file file --output type=tar,dest=$n.tar $n >/dev/null & done; wait
tar -c *.tar | base64 --wrap=0; sudo rm -r $d
"""


def test_what_buildkit_sees(provisioned: Lab) -> None:
    given = {
        f"{number}/{path}": content.encode()
        for number, text in enumerate(FILES)
        for path, content in {**dict.fromkeys(PATHS, "x"), ".dockerignore": text}.items()
    }
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for path, data in given.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    packed = base64.b64encode(made.getvalue()).decode()
    built = io.BytesIO(base64.b64decode(provisioned.ssh(f"echo {packed} | bash -c {shlex.quote(BUILD)}")))
    with tarfile.open(fileobj=built) as images:
        for number, text in enumerate(FILES):
            with tarfile.open(fileobj=images.extractfile(f"{number}.tar")) as image:
                seen = {member.name for member in image if member.isfile()}
            ignored = Ignores(read_patterns(text.encode()))
            assert ignored, f"{text!r} can be read"
            assert seen - {".dockerignore"} == {path for path in PATHS if not ignored.ignores(path)}, text
