"""A private OpenLDAP as a child process: people to read, TLS with an authority of its own."""

import asyncio
import secrets
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

from halo_sandbox.services import ldif, processes
from halo_sandbox.services.certificates import Certificates
from halo_sandbox.services.people import Person
from halo_sandbox.services.processes import ServiceError

ADMIN: Final = f"cn=admin,{ldif.BASE}"
START_SECONDS: Final = 30
PACKAGES: Final = {
    "slapd": "slapd",
    "slapadd": "slapd",
    "ldapmodify": "ldap-utils",
    "ldapwhoami": "ldap-utils",
    "openssl": "openssl",
}

# A search without pages ends after 500 entries, as Active Directory's ends at its MaxPageSize.
CONFIGURATION: Final = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload refint
moduleload syncprov
pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
TLSCACertificateFile {tls.authority}
TLSCertificateFile {tls.certificate}
TLSCertificateKeyFile {tls.key}
sizelimit size.soft=500 size.hard=500 size.prtotal=unlimited
database mdb
maxsize 1073741824
suffix {base}
rootdn {admin}
rootpw {admin_password}
directory {folder}/data
index objectClass,uid,mail,member,memberOf,entryUUID,entryCSN eq
overlay memberof
memberof-group-oc groupOfNames
overlay refint
refint_attributes member manager
overlay syncprov
syncprov-sessionlog 1000
access to attrs=userPassword by anonymous auth
access to * by users read
"""


def installed() -> bool:
    """Whether a private directory can be started on this machine."""
    return all(processes.find(program) for program in PACKAGES)


def require_installed() -> dict[str, str]:
    """The programs of the service; where one is missing, an error that says what to install."""
    return {program: processes.need(program, package) for program, package in PACKAGES.items()}


def private_directory(people: Sequence[Person]) -> AbstractAsyncContextManager["PrivateDirectory"]:
    """A private directory of these people for the length of an `async with`."""
    return processes.in_own_thread(serving(people))


@contextmanager
def serving(people: Sequence[Person], *, certificate_days: int = 30) -> Iterator["PrivateDirectory"]:
    """The same for code that may block; its certificate lasts for so many days."""
    programs = require_installed()
    with TemporaryDirectory(prefix="halo-directory-", ignore_cleanup_errors=True) as folder:
        private = PrivateDirectory.fresh(Path(folder))
        private.write(certificate_days)
        processes.run(
            (programs["slapadd"], "-q", "-f", "slapd.conf"),
            folder=private.folder,
            stdin=ldif.directory_ldif(people, private.password),
        )
        listen = f"{private.url} {private.ldaps_url}"
        with processes.child(
            (programs["slapd"], "-d", "0", "-f", "slapd.conf", "-h", listen),
            folder=private.folder,
            output=private.output,
            env={"LANG": "C.UTF-8"},
        ) as slapd:
            private.wait_until_ready(slapd)
            yield private


@dataclass(frozen=True, slots=True)
class PrivateDirectory:
    """Where one private directory lives, and the account that may read it."""

    folder: Path
    port: int
    tls_port: int
    password: str
    admin_password: str
    base: str = ldif.BASE
    bind_dn: str = ldif.READER

    @classmethod
    def fresh(cls, folder: Path) -> Self:
        """A directory with ports that nobody else uses."""
        port, tls_port = processes.free_ports(2)
        return cls(
            folder=folder,
            port=port,
            tls_port=tls_port,
            password=secrets.token_urlsafe(16),
            admin_password=secrets.token_urlsafe(16),
        )

    @property
    def url(self) -> str:
        """Plain LDAP, which also takes StartTLS."""
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def ldaps_url(self) -> str:
        """LDAP inside TLS."""
        return f"ldaps://127.0.0.1:{self.tls_port}"

    @property
    def ca_file(self) -> Path:
        """The authority that signed the server's certificate."""
        return self.folder / "ca.pem"

    @property
    def output(self) -> Path:
        """What the server printed."""
        return self.folder / "output"

    def write(self, certificate_days: int) -> None:
        """Puts the files in place that the server reads when it starts."""
        (self.folder / "data").mkdir()
        (self.folder / "slapd.conf").write_text(
            CONFIGURATION.format(
                folder=self.folder,
                tls=Certificates.fresh(self.folder, days=certificate_days),
                base=self.base,
                admin=ADMIN,
                admin_password=self.admin_password,
            )
        )
        password_file = self.folder / "admin"
        password_file.touch(mode=0o600)
        password_file.write_text(self.admin_password)

    async def modify(self, changes: str) -> None:
        """Changes the directory; `changes` is LDIF with a `changetype` in each record.

        Who is deleted disappears from `member` and `manager` of others a moment later.
        """
        await asyncio.to_thread(self._as_admin, "ldapmodify", changes)

    def _as_admin(self, tool: str, stdin: str = "") -> str:
        command = (tool, "-x", "-H", self.url, "-D", ADMIN, "-y", "admin")
        return processes.run(command, folder=self.folder, stdin=stdin)

    def wait_until_ready(self, slapd: subprocess.Popen[bytes]) -> None:
        """Waits until the administrator is let in, which no other server on the port would do."""
        deadline = time.monotonic() + START_SECONDS
        why = ""
        while time.monotonic() < deadline and slapd.poll() is None:
            try:
                self._as_admin("ldapwhoami")
            except ServiceError as error:
                why = str(error)
                time.sleep(0.02)
            else:
                return
        said = processes.last_lines(self.output) or why
        raise ServiceError(f"the private directory did not start; it said:\n{said}")
