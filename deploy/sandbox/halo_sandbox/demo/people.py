"""Where the demo's people come from: a real directory, or a table where none can be had."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from halo_sandbox.demo import files
from halo_sandbox.services import directory, domain_ldif
from halo_sandbox.services.directory import PrivateDirectory
from halo_sandbox.services.domain_controller import PrivateDomain, private_domain
from halo_sandbox.services.ldif import person_dn
from halo_sandbox.services.people import Person, people

NUMBER: Final = 300
BRANCH: Final = 12
"""How many of them work in the branch."""
CHANGED: Final = (11, 42, 99)
"""Who gets a new title between two runs."""
NEW_TITLE: Final = "Team Lead"


class PeopleSource(Protocol):
    """A place where people are kept, of which some are changed."""

    described: str
    integration: files.Content
    branch: files.Content
    """A few of them, for the integration that is broken at first."""
    base: str
    password: str

    async def change(self) -> None:
        """Give three people a new title."""
        ...


class FromDirectory:
    """People in a real OpenLDAP server."""

    def __init__(self, server: PrivateDirectory, everyone: tuple[Person, ...]) -> None:
        self._server = server
        self._everyone = everyone
        self.described = f"an OpenLDAP directory with {len(everyone)} people at {server.ldaps_url}"
        self.integration = files.people_from_directory(
            server.ldaps_url, server.ca_file, server.base, server.bind_dn
        )
        some = "".join(f"(uid={one.uid})" for one in everyone[:BRANCH])
        self.branch = files.branch(self.integration, filter=f"(|{some})")
        self.base = server.base
        self.password = server.password

    async def change(self) -> None:
        changes = [
            f"dn: {person_dn(self._everyone[index].uid)}\nchangetype: modify\nreplace: title\ntitle: {NEW_TITLE}\n"
            for index in CHANGED
        ]
        await self._server.modify("\n".join(changes))


class FromSpreadsheet:
    """People in a table."""

    def __init__(self, file: Path, everyone: tuple[Person, ...]) -> None:
        files.write_people(file, everyone)
        self._file = file
        self._everyone = everyone
        self.described = f"a spreadsheet with {len(everyone)} people (slapd is not installed)"
        self.integration = files.people_from_spreadsheet(file)
        of_branch = file.with_stem("branch")
        files.write_people(of_branch, everyone[:BRANCH])
        self.branch = files.branch(self.integration, path=str(of_branch))
        self.base = "dc=example,dc=org"
        self.password = "unused-here"  # noqa: S105 - names no account

    async def change(self) -> None:
        changed = [
            replace(person, title=NEW_TITLE) if index in CHANGED else person
            for index, person in enumerate(self._everyone)
        ]
        files.write_people(self._file, tuple(changed))


class FromDomain:
    """People in a real Active Directory domain."""

    def __init__(self, domain: PrivateDomain, everyone: tuple[Person, ...]) -> None:
        self._domain = domain
        self._everyone = everyone
        self.described = f"an Active Directory domain with {len(everyone)} people at ldaps://{domain.address}"
        self.integration = files.people_from_domain(domain)
        some = "".join(f"(employeeID={one.employee_number})" for one in everyone[:BRANCH])
        self.branch = files.branch(self.integration, scope=[{"name": "the branch", "filter": f"(|{some})"}])
        self.base = domain.base
        self.password = domain.password

    async def change(self) -> None:
        changes = [
            f"dn: {domain_ldif.person_dn(self._everyone[index])}\nchangetype: modify\nreplace: title\ntitle: {NEW_TITLE}\n"
            for index in CHANGED
        ]
        await asyncio.to_thread(self._domain.modify, "\n".join(changes))


@asynccontextmanager
async def people_source(folder: Path, *, active_directory: bool) -> AsyncIterator[PeopleSource]:
    """A domain where one is asked for, else the best place that this machine can offer."""
    everyone = people(NUMBER)
    if active_directory:
        async with private_domain(everyone) as domain:
            yield FromDomain(domain, everyone)
    elif directory.installed():
        async with directory.private_directory(everyone) as server:
            yield FromDirectory(server, everyone)
    else:
        yield FromSpreadsheet(folder / "people.xlsx", everyone)
