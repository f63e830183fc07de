"""A private Active Directory domain controller (Samba) as a child process: a domain of its own on a loopback address."""

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

from halo_sandbox.services import domain_ldif, domain_template, processes
from halo_sandbox.services.certificates import Certificates
from halo_sandbox.services.domain_template import CONFIGURATION, PACKAGES, StrongAuth
from halo_sandbox.services.people import Person
from halo_sandbox.services.processes import NotInstalledError, ServiceError

HOST: Final = f"dc1.{domain_ldif.REALM.lower()}"
START_SECONDS: Final = 60
PORTS: Final = (88, 389, 636)
KERBEROS: Final = """\
[libdefaults]
 default_realm = {realm}
 dns_lookup_realm = false
 dns_lookup_kdc = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
[realms]
 {realm} = {{
  kdc = {address}:88
 }}
[domain_realm]
 .{domain} = {realm}
 {address} = {realm}
"""


def installed() -> bool:
    """Whether a private domain controller can be started here."""
    return os.geteuid() == 0 and all(processes.find(program) for program in PACKAGES)


def require_installed() -> dict[str, str]:
    """The programs of the service; where one is missing, an error that says what to install."""
    programs = {program: processes.need(program, package) for program, package in PACKAGES.items()}
    if os.geteuid() != 0:
        raise NotInstalledError(
            "a private domain controller listens on ports 88, 389 and 636, so it needs root"
        )
    return programs


def private_domain(
    people: Sequence[Person], *, machines: int = 0, strong_auth: StrongAuth = StrongAuth.BY_TLS
) -> AbstractAsyncContextManager["PrivateDomain"]:
    """A private domain of these people and machines for the length of an `async with`."""
    return processes.in_own_thread(serving(people, machines=machines, strong_auth=strong_auth))


@contextmanager
def serving(
    people: Sequence[Person], *, machines: int = 0, strong_auth: StrongAuth = StrongAuth.BY_TLS
) -> Iterator["PrivateDomain"]:
    """The same for code that may block."""
    programs = require_installed()
    # Samba asks for a path that everybody may pass through; what is secret below it has rights of its own.
    with TemporaryDirectory(prefix="halo-domain-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        private = PrivateDomain.fresh(Path(folder))
        private.write(people, machines, strong_auth)
        with processes.child(
            (programs["samba"], "-F", "--no-process-group", "-M", "single", "--debug-stdout",
             f"--configfile={private.configuration}"),
            folder=private.folder,
            output=private.output,
            env={"LANG": "C.UTF-8", "PATH": processes.search_path()},
        ) as samba:  # fmt: skip
            private.wait_until_ready(samba)
            yield private


@dataclass(frozen=True, slots=True)
class PrivateDomain:
    """Where one private domain lives, and the account that may read it."""

    folder: Path
    address: str
    password: str
    host: str = HOST
    realm: str = domain_ldif.REALM
    base: str = domain_ldif.BASE
    reader: str = f"halo-reader@{domain_ldif.REALM.lower()}"
    """Who may read and nothing else."""
    administrator: str = f"administrator@{domain_ldif.REALM.lower()}"
    """Who may do everything; with the reader's password."""

    @classmethod
    def fresh(cls, folder: Path) -> Self:
        """A domain on an address of the loopback network that nobody else uses."""
        return cls(folder=folder, address=_free_address(), password=f"{secrets.token_urlsafe(16)}-Aa1")

    @property
    def ca_file(self) -> Path:
        """The authority that signed the controller's certificate."""
        return self.folder / "tls/ca.pem"

    @property
    def configuration(self) -> Path:
        """The controller's smb.conf."""
        return self.folder / "etc/smb.conf"

    @property
    def database(self) -> Path:
        """The directory itself, which tools may open beside the running controller."""
        return self.folder / "private/sam.ldb"

    @property
    def krb5_conf(self) -> Path:
        """How a Kerberos client finds the controller."""
        return self.folder / "krb5.conf"

    @property
    def output(self) -> Path:
        """What the controller printed."""
        return self.folder / "output"

    def write(self, people: Sequence[Person], machines: int, strong_auth: StrongAuth) -> None:
        """Puts the directory and the files in place that the controller reads when it starts."""
        shutil.copytree(domain_template.template(), self.folder, dirs_exist_ok=True)
        (self.folder / "tls").mkdir()
        names = (f"DNS:{self.host}", "DNS:localhost", f"IP:{self.address}")
        tls = Certificates.fresh(self.folder / "tls", names=names)
        tls.key.chmod(0o600)
        self.configuration.write_text(
            CONFIGURATION.format(folder=self.folder, address=self.address, tls=tls, strong_auth=strong_auth)
        )
        self.krb5_conf.write_text(
            KERBEROS.format(realm=self.realm, domain=self.realm.lower(), address=self.address)
        )
        self.add(domain_ldif.domain_ldif(people, machines, self.password))
        self.tool("user", "setpassword", "administrator", f"--newpassword={self.password}")
        # Without DNS a client knows the controller by its address; Kerberos must, too.
        self.tool("spn", "add", f"ldap/{self.address}", "DC1$")

    def add(self, ldif: str) -> None:
        """Adds to the directory, as its administrator."""
        # Small transactions copy their index again and again: 20,000 people would take an hour.
        self._edit("ldbadd", ldif, "-o", "batch_mode:1")

    def modify(self, ldif: str, controls: Sequence[str] = ()) -> None:
        """Changes the directory as its administrator; `ldif` has a `changetype` in each record."""
        self._edit("ldbmodify", ldif, *(f"--controls={control}" for control in controls))

    def tool(self, *arguments: str) -> str:
        """What `samba-tool` with these arguments says."""
        return processes.run(
            ("samba-tool", *arguments, "-H", str(self.database), f"--configfile={self.configuration}"),
            folder=self.folder,
        )

    def let_see_deleted(self, dn: str) -> None:
        """Gives an account the right to read the deleted objects, which administrators alone have."""
        found = self.search(f"(distinguishedName={dn})", "objectSid")
        sid = next(line.split()[1] for line in found.splitlines() if line.startswith("objectSid: "))
        rights = f"O:SYG:SYD:PAI(A;;RPWPCCDCLCRCWOWDSDSW;;;SY)(A;;RPLC;;;BA)(A;;RPLC;;;{sid})"
        self.modify(
            f"dn: CN=Deleted Objects,{self.base}\nchangetype: modify\n"
            f"replace: nTSecurityDescriptor\nnTSecurityDescriptor: {rights}\n",
            controls=["show_deleted:1"],
        )

    def keytab(self, file: Path, principal: str) -> Path:
        """A file with the Kerberos keys of an account."""
        processes.run(
            ("samba-tool", "domain", "exportkeytab", str(file), f"--principal={principal}",
             f"--configfile={self.configuration}"),
            folder=self.folder,
        )  # fmt: skip
        return file

    def search(self, pattern: str, *attributes: str, controls: Sequence[str] = ()) -> str:
        """What the administrator's own tool finds, as LDIF."""
        asked = [f"--controls={control}" for control in controls]
        return processes.run(
            (
                "ldbsearch",
                "-H",
                str(self.database),
                "-s",
                "sub",
                "-b",
                self.base,
                *asked,
                pattern,
                *attributes,
            ),
            folder=self.folder,
        )

    def wait_until_ready(self, samba: subprocess.Popen[bytes]) -> None:
        """Waits until every port takes clients."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and samba.poll() is None:
            with suppress(OSError):
                for port in PORTS:
                    socket.create_connection((self.address, port), timeout=1).close()
                return
            time.sleep(0.05)
        said = processes.last_lines(self.output)
        raise ServiceError(f"the private domain controller did not start; it said:\n{said}")

    def _edit(self, tool: str, ldif: str, *options: str) -> None:
        file = self.folder / "changes.ldif"
        file.write_text(ldif, encoding="utf-8")
        command = (tool, "-H", str(self.database), f"--configfile={self.configuration}", *options, str(file))
        processes.run(command, folder=self.folder)


def _free_address() -> str:
    """An address of 127.0.0.0/8 on which none of the controller's ports is taken: they cannot be chosen."""
    for _ in range(100):
        address = f"127.{1 + secrets.randbelow(250)}.{secrets.randbelow(250)}.{1 + secrets.randbelow(250)}"
        with suppress(OSError):
            for port in PORTS:
                with socket.socket() as tried:
                    tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    tried.bind((address, port))
            return address
    raise ServiceError("no loopback address is free for a domain controller on ports 88, 389 and 636")
