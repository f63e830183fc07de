"""A private OpenLDAP as a child process: people to read, TLS with an authority of its own."""

import asyncio
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from halo_sandbox.services import ldif, processes
from halo_sandbox.services.certificates import Certificates
from halo_sandbox.services.people import Person
from halo_sandbox.services.processes import ServiceError

ADMIN: Final = f"cn=admin,{ldif.BASE}"
START_SECONDS: Final = 30
STOP_SECONDS: Final = 10
PROGRAMS: Final = {
    "slapd": "slapd",
    "slapadd": "slapd",
    "ldapmodify": "ldap-utils",
    "ldapwhoami": "ldap-utils",
    "openssl": "openssl",
}

# A search without pages ends after 500 entries, as Active Directory's does after its MaxPageSize.
# The reader's own password is the only thing that it can't read.
SLAPD_CONF: Final = """\
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
TLSCACertificateFile {certificates.authority}
TLSCertificateFile {certificates.certificate}
TLSCertificateKeyFile {certificates.key}
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
access to * by users read by anonymous auth
"""


def installed() -> bool:
    """Whether a private directory can be started on this machine."""
    return all(processes.find(program) for program in PROGRAMS)


def private_directory(people: Sequence[Person]) -> AbstractAsyncContextManager["PrivateDirectory"]:
    """A private directory of these people for the length of a `with`."""
    return processes.running(PrivateDirectory(people))


@dataclass(frozen=True, slots=True)
class Server:
    """Where one private directory lives, and who may enter."""

    folder: Path
    port: int
    tls_port: int
    admin_password: str
    reader_password: str

    @property
    def url(self) -> str:
        """Plain LDAP, which also takes StartTLS."""
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def ldaps_url(self) -> str:
        """LDAP inside TLS."""
        return f"ldaps://127.0.0.1:{self.tls_port}"

    @property
    def output(self) -> Path:
        """What the server printed."""
        return self.folder / "output"


class PrivateDirectory:
    """An OpenLDAP that is ours alone; `start` and `stop` block, see `private_directory`."""

    base: Final = ldif.BASE
    bind_dn: Final = ldif.READER

    def __init__(self, people: Sequence[Person]) -> None:
        self.people = tuple(people)
        self._server: Server | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def server(self) -> Server:
        """Where the directory lives."""
        if self._server is None:
            raise ServiceError("the private directory has not been started")
        return self._server

    @property
    def url(self) -> str:
        """Plain LDAP, which also takes StartTLS."""
        return self.server.url

    @property
    def ldaps_url(self) -> str:
        """LDAP inside TLS."""
        return self.server.ldaps_url

    @property
    def ca_file(self) -> Path:
        """The authority that signed the server's certificate."""
        return self.server.folder / "ca.pem"

    @property
    def password(self) -> str:
        """What `bind_dn` signs in with; it may read all and write nothing."""
        return self.server.reader_password
