"""Prepares a machine for `make demo` and `make test`: system packages, uv, Python packages.

Only the standard library, and nothing that an old Python can't read: it has to be able to say
that the Python is too old. Silent when there is nothing to do.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"
UV = TOOLS / "bin/uv"
VENV = ROOT / ".venv"
STAMP = VENV / "set-up"
DECIDING = ("uv.lock", "pyproject.toml", "*/pyproject.toml", "*/*/pyproject.toml", "deploy/setup/*.py")


@dataclass(frozen=True)
class Package:
    """A Debian package, and a file that proves that what we need of it is there."""

    name: str
    proof: Path
    units: tuple[str, ...] = ()
    """The system services that apt starts with it."""
    without: str = ""
    """How the demo does without it."""


SERVICES = (
    Package(
        "rabbitmq-server",
        Path("/usr/lib/rabbitmq/bin/rabbitmq-server"),
        units=("rabbitmq-server",),
        without="the demo runs in one process, in memory",
    ),
    Package(
        "slapd",
        Path("/usr/sbin/slapd"),
        units=("slapd",),
        without="the demo reads people from a spreadsheet",
    ),
    Package(
        "postgresql",
        Path("/usr/share/postgresql-common/pg_wrapper"),
        units=("postgresql",),
        without="the tests with several controllers are skipped",
    ),
    Package("ldap-utils", Path("/usr/bin/ldapmodify")),
    Package("openssl", Path("/usr/bin/openssl")),
    # For the examples in docs/, which are tested as they stand.
    Package("amqp-tools", Path("/usr/bin/amqp-consume")),
    Package("jq", Path("/usr/bin/jq")),
)
# An Active Directory domain controller is large, and can be started by root alone: it is installed where nothing may
# be skipped (CI) and where somebody asks for it (AD=1). Elsewhere its tests are skipped.
DOMAIN = (
    Package(
        "samba-ad-dc",
        Path("/usr/sbin/samba"),
        units=("smbd", "nmbd", "winbind", "samba-ad-dc"),
        without="no private Active Directory domain can be started",
    ),
    Package("samba-ad-provision", Path("/usr/share/samba/setup/provision.ldif")),
    Package("samba-dsdb-modules", Path("/usr/share/doc/samba-dsdb-modules")),
    Package("python3-samba", Path("/usr/lib/python3/dist-packages/samba/provision")),
    Package("ldb-tools", Path("/usr/bin/ldbadd")),
)
# Prometheus' own tool tries the alert rules, and a mailbox shows what came back, where nothing may be skipped.
CHECKERS = (
    Package(
        "dovecot-imapd",
        Path("/usr/sbin/dovecot"),
        units=("dovecot",),
        without="reading e-mails that come back is not tried",
    ),
    Package(
        "prometheus",
        Path("/usr/bin/promtool"),
        units=("prometheus", "prometheus-node-exporter"),
        without="the alert rules are not tried",
    ),
)
# bonsai, the LDAP client, and the Kerberos libraries have no Linux wheels and are compiled here.
COMPILER = (
    Package("gcc", Path("/usr/bin/gcc")),
    Package("libc6-dev", Path("/usr/include/stdlib.h")),
    Package("libldap2-dev", Path("/usr/include/ldap.h")),
    Package("libsasl2-dev", Path("/usr/include/sasl/sasl.h")),
    Package("libkrb5-dev", Path("/usr/include/krb5.h")),
)


COMPILED = ("bonsai", "gssapi", "krb5")


class SetupError(Exception):
    """Something is missing that only a person can bring."""


def main() -> None:
    """Brings everything into place that isn't there yet."""
    wanted = fingerprint()
    if (VENV / "bin/python").exists() and STAMP.is_file() and STAMP.read_text() == wanted:
        install_with_apt(services())
        return
    fetch_uv()
    compiler = (*COMPILER, *python_headers())
    install_with_apt((*services(), *compiler))
    if absent(compiler):
        say("the LDAP connector, and signing in with Kerberos, are left out until they can be compiled")
        install_python_packages(*(word for name in COMPILED for word in ("--no-install-package", name)))
        return
    install_python_packages()
    STAMP.write_text(wanted)


def say(what: str) -> None:
    """One line about what is being done."""
    sys.stdout.write(f"→ {what}\n")
    sys.stdout.flush()


def services() -> tuple[Package, ...]:
    """The services that tests and demo start here."""
    wants_domain = os.environ.get("CI") or os.environ.get("AD")
    checkers = CHECKERS if os.environ.get("CI") else ()
    return (*SERVICES, *(DOMAIN if wants_domain else ()), *checkers)


def fingerprint() -> str:
    """Changes with everything that decides what is installed, and where."""
    digest = hashlib.sha256(str(ROOT).encode())
    for file in sorted(file for pattern in DECIDING for file in ROOT.glob(pattern)):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def absent(packages: tuple[Package, ...]) -> list[Package]:
    """The packages that are not there yet."""
    return [package for package in packages if not package.proof.exists()]


def install_with_apt(packages: tuple[Package, ...]) -> None:
    """Installs what is absent, or says in one sentence what somebody has to install."""
    missing = absent(packages)
    if not missing:
        return
    names = [package.name for package in missing]
    root = become_root()
    if root is not None and shutil.which("apt-get"):
        say(f"installing with apt (about a minute): {' '.join(names)}")
        apt_get(root, "update")
        apt_get(root, "install", "--yes", "--no-install-recommends", *names)
        keep_stopped([unit for package in missing for unit in package.units], root)
    if missing := absent(packages):
        names = [package.name for package in missing]
        say(f"going on without these; to have them: apt-get install {' '.join(names)}")
        for package in missing:
            if package.without:
                say(f"without {package.name} {package.without}")


def become_root() -> list[str] | None:
    """What to put before a command that needs root; None where we may not have it."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    if subprocess.run(["sudo", "-n", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        return ["sudo", "-n"]
    if not sys.stdin.isatty():
        return None
    say("sudo may ask for your password")
    return ["sudo"]


def apt_get(root: list[str], *arguments: str) -> None:
    """Runs apt-get without a question; what it says is shown only when it fails."""
    quiet = ("env", "DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_SUSPEND=1")
    patient = ("apt-get", "--quiet", "--option", "DPkg::Lock::Timeout=300")  # fresh machines update
    done = subprocess.run(
        [*root, *quiet, *patient, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-10:])
        say(f"apt-get {arguments[0]} failed:\n{tail}")


def keep_stopped(units: list[str], root: list[str]) -> None:
    """Switches off the system services that apt has just started: we start private ones.

    Without systemd (containers) Debian starts none. What was there before us is left alone.
    """
    if units and Path("/run/systemd/system").exists():
        subprocess.run([*root, "systemctl", "disable", "--quiet", "--now", *units], check=False)


def fetch_uv() -> None:
    """Puts uv into `.tools`: Debian lets pip install into a folder, and into nothing else."""
    if UV.exists():
        return
    say("fetching uv, which installs the Python packages")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode != 0:
        raise SetupError(f"{sys.executable} has no pip; please install: python3-pip")
    fetch = [*pip, "install", "--target", str(TOOLS), "uv>=0.13,<1"]
    env = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
    if subprocess.run(fetch, env=env, check=False).returncode != 0:
        raise SetupError("pip could not fetch uv, see above; is there a network?")


def uv(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs uv with the machine's own Python and the machine's own certificates, as pip does."""
    env = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    env |= {"UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": "1"}
    return subprocess.run(
        [str(UV), *arguments],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )


def python_headers() -> tuple[Package, ...]:
    """The package with the headers of the Python in use, where that Python is Debian's own."""
    python = uv("python", "find", ">=3.11")
    if python.returncode != 0:
        raise SetupError("Python 3.11 or newer is needed; Debian 12 and later have it: python3")
    ask = [python.stdout.strip(), "-c", "import sysconfig; print(sysconfig.get_path('include'))"]
    include = Path(subprocess.run(ask, stdout=subprocess.PIPE, text=True, check=True).stdout.strip())
    if include.parent != Path("/usr/include"):
        return ()
    return (Package(f"{include.name}-dev", include / "Python.h"),)


def install_python_packages(*arguments: str) -> None:
    """Makes `.venv` hold exactly what the lock file says."""
    say("installing the Python packages into .venv (one or two minutes)")
    # Tests and demo start many programs, and where Python may not keep what it compiled each would compile anew.
    if uv("sync", "--quiet", "--locked", "--compile-bytecode", *arguments).returncode != 0:
        raise SetupError("uv could not install the Python packages, see above")


if __name__ == "__main__":
    try:
        main()
    except SetupError as error:
        sys.exit(f"✗ {error}")
