"""An empty Active Directory domain, provisioned once for this machine and copied for each private controller."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from halo_sandbox.services import processes
from halo_sandbox.services.certificates import Certificates
from halo_sandbox.services.domain_ldif import NETBIOS, REALM

PACKAGES: Final = {
    "samba": "samba-ad-dc",
    "samba-tool": "samba-ad-provision samba-dsdb-modules python3-samba",
    "ldbadd": "ldb-tools",
    "ldbmodify": "ldb-tools",
    "openssl": "openssl",
}
CONFIGURATION: Final = f"""\
[global]
workgroup = {NETBIOS}
realm = {REALM}
netbios name = DC1
server role = active directory domain controller
server services = ldap, kdc
interfaces = {{address}}/8
bind interfaces only = yes
disable netbios = yes
private dir = {{folder}}/private
state directory = {{folder}}/state
cache directory = {{folder}}/cache
lock directory = {{folder}}
pid directory = {{folder}}/run
ncalrpc dir = {{folder}}/ncalrpc
ntp signd socket directory = {{folder}}/ntp
binddns dir = {{folder}}/bind-dns
ldap server require strong auth = {{strong_auth}}
tls enabled = yes
tls keyfile = {{tls.key}}
tls certfile = {{tls.certificate}}
tls cafile = {{tls.authority}}
"""


class StrongAuth(StrEnum):
    """What a controller asks of those who sign in, in Samba's words."""

    BY_TLS = "allow_sasl_over_tls"
    """Encryption, by TLS or by Kerberos: as Windows does with its recommended settings."""
    SIGNED = "yes"
    """Kerberos that signs by itself, or a password inside TLS."""
    NONE = "no"
    """Nothing: a password may come in clear."""


FOLDERS: Final = ("run", "cache", "ncalrpc", "ntp")
NOWHERE: Final = "127.0.0.1"
SOCKETS: Final = shutil.ignore_patterns("msg.sock", "msg.lock", "names.tdb")


def template() -> Path:
    """The folder of the empty domain; made when it is not there yet, which takes a quarter of a minute."""
    with _locked(_cache()) as cache:
        made = cache / f"domain-{_fingerprint()}"
        if not made.exists():
            _make(made)
        return made


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(base) / "halo-sandbox"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    return cache


@contextmanager
def _locked(cache: Path) -> Iterator[Path]:
    """The cache, while no other process fills it."""
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield cache


def _fingerprint() -> str:
    """Changes with whatever an empty domain is made by."""
    version = processes.run(("samba-tool", "--version"), folder=Path.cwd())
    return hashlib.sha256(version.encode() + Path(__file__).read_bytes()).hexdigest()[:16]


def _make(made: Path) -> None:
    folder = Path(mkdtemp(prefix=f"{made.name}-", dir=made.parent))
    try:
        _provision(folder)
        done = made.with_name(f"{made.name}.new")
        shutil.rmtree(done, ignore_errors=True)
        shutil.copytree(folder, done, ignore=SOCKETS)
        done.rename(made)  # whole or not at all
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _provision(folder: Path) -> None:
    folder.chmod(0o755)
    none = folder / "none.conf"  # else the machine's own smb.conf is mixed in
    none.touch()
    processes.run(
        ("samba-tool", "domain", "provision", f"--configfile={none}", f"--realm={REALM}",
         f"--domain={NETBIOS}", "--host-name=dc1", f"--host-ip={NOWHERE}", "--server-role=dc",
         "--dns-backend=NONE", f"--targetdir={folder}",
         f"--option=interfaces={NOWHERE}/8", "--option=bind interfaces only=yes"),
        folder=folder,
    )  # fmt: skip
    for name in FOLDERS:
        (folder / name).mkdir(exist_ok=True)
    configuration = folder / "etc/smb.conf"
    unused = Certificates(none, none, none)  # nobody starts this one
    configuration.write_text(
        CONFIGURATION.format(folder=folder, address=NOWHERE, tls=unused, strong_auth=StrongAuth.BY_TLS)
    )
    here = ("-H", str(folder / "private/sam.ldb"), f"--configfile={configuration}")
    easy = ("--complexity=off", "--min-pwd-length=0", "--min-pwd-age=0", "--max-pwd-age=0")
    processes.run(("samba-tool", "domain", "passwordsettings", "set", *easy, *here), folder=folder)
    processes.run(("samba-tool", "spn", "add", f"ldap/dc1.{REALM.lower()}", "DC1$", *here), folder=folder)
