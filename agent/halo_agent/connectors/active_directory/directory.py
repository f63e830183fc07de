"""A controller that let us in: searches that are read to their end, and what it says of itself."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self
from uuid import UUID

from halo_agent.connectors.active_directory import refusals, values
from halo_agent.connectors.active_directory.settings import ActiveDirectorySettings
from halo_agent.directories import ber, controls, filters
from halo_agent.directories.connection import Connection, LineLost, Refused
from halo_agent.directories.messages import Entry, Scope
from halo_shared.errors import SettingsInvalid, SourceUnavailable

ACTIVE_DIRECTORY: Final = "1.2.840.113556.1.4.800"
ROOT: Final = (
    "defaultNamingContext", "configurationNamingContext", "dnsHostName", "dsServiceName", "highestCommittedUSN",
    "supportedCapabilities", "isSynchronized", "currentTime", "serverName", "tokenGroups",
)  # fmt: skip
ANYTHING: Final = filters.compiled("(objectClass=*)")
SKEW: Final = timedelta(minutes=5)
"""Kerberos lets nobody in whose clock differs by more."""
NOT_FOUND: Final = 32
RANGE: Final = ";range="


@dataclass(frozen=True, slots=True)
class Facts:
    """What a controller says of itself."""

    host: str
    base: str
    """The DN of its domain."""
    site: str
    invocation: str
    """Of its database: another one counts changes anew."""
    usn: int
    """Its count of changes so far."""
    time: datetime
    groups: str
    """A fingerprint of the groups that the account is in: what it may see depends on them."""

    def described(self, skew: timedelta) -> str:
        """For a check."""
        clock = ""
        if abs(skew) > SKEW:
            minutes = round(abs(skew).total_seconds() / 60)
            side = "behind" if skew > timedelta() else "ahead"
            clock = f"; the agent's clock is {minutes} minutes {side}, with which Kerberos lets nobody in"
        return f"{values.dns_name(self.base)} on {self.host}, site {self.site}, change {self.usn}{clock}"


class Directory:
    """One domain on one controller."""

    def __init__(self, connection: Connection, settings: ActiveDirectorySettings, facts: Facts) -> None:
        self._connection = connection
        self._settings = settings
        self.facts = facts

    @classmethod
    async def of(cls, connection: Connection, settings: ActiveDirectorySettings) -> Self:
        """The directory behind a connection that is signed in; raises SettingsInvalid where it is another domain's."""
        root = await _root(connection)
        if ACTIVE_DIRECTORY not in values.texts(root, "supportedCapabilities"):
            raise SettingsInvalid(
                f"{connection.host} is no Active Directory controller: use the connector 'ldap' for other directories."
            )
        if values.text(root, "isSynchronized") == "FALSE":
            raise SourceUnavailable(
                f"{connection.host} is still being filled by the domain's other controllers and knows only a part."
            )
        base = values.text(root, "defaultNamingContext")
        if values.dns_name(base) != settings.domain.casefold():
            raise SettingsInvalid(
                f"{connection.host} is a controller of '{values.dns_name(base)}' and not of '{settings.domain}': "
                "correct 'domain' or 'controllers'."
            )
        return cls(connection, settings, await _facts(connection, root, base))

    async def count_of_changes(self) -> int:
        """The controller's count of changes now."""
        async with self._explained("its own facts"):
            root = await _root(self._connection)
        return int(values.text(root, "highestCommittedUSN"))

    async def pages(
        self,
        encoded_filter: bytes,
        attributes: Sequence[str],
        *,
        base: str | None = None,
        scope: Scope = Scope.SUBTREE,
        also: Sequence[bytes] = (),
        what: str = "the domain",
    ) -> AsyncGenerator[Sequence[Entry], None]:
        """All that matches, a page at a time; it ends only when the controller has said that there is no more."""
        cookie = b""
        base = self.facts.base if base is None else base
        while True:
            asked = [controls.paged(self._settings.page_size, cookie), controls.extended_dn(), *also]
            async with self._explained(what):
                found = await self._connection.search(base, scope, encoded_filter, attributes, asked)
                yield [await self._completed(entry) for entry in found.entries]
                cookie = controls.next_page(found.answer)
            if not cookie:
                return

    async def all(
        self,
        encoded_filter: bytes,
        attributes: Sequence[str],
        *,
        base: str | None = None,
        scope: Scope = Scope.SUBTREE,
        also: Sequence[bytes] = (),
        what: str = "the domain",
    ) -> list[Entry]:
        """The same in one list, where it is known to be short."""
        return [
            entry
            async for page in self.pages(
                encoded_filter, attributes, base=base, scope=scope, also=also, what=what
            )
            for entry in page
        ]

    async def changed(
        self, encoded_filter: bytes, attributes: Sequence[str], cookie: bytes
    ) -> tuple[list[Entry], bytes]:
        """What DirSync says was changed since this cookie, and the next one; raises Refused where it may not be asked."""
        entries: list[Entry] = []
        while True:
            asked = [controls.dirsync(cookie), controls.extended_dn(), controls.show_deleted()]
            try:
                found = await self._connection.search(
                    self.facts.base, Scope.SUBTREE, encoded_filter, attributes, asked
                )
            except (LineLost, TimeoutError) as error:
                raise refusals.lost(error, self.facts.host) from error
            entries += found.entries
            changes = controls.changes(found.answer)
            cookie = changes.cookie
            if not changes.more:
                return entries, cookie

    async def look_up(
        self, reference: str, attributes: Sequence[str], *, also: Sequence[bytes] = ()
    ) -> Entry | None:
        """The object with this GUID or DN, if it is there and may be seen."""
        base = reference if "=" in reference else f"<GUID={UUID(reference)}>"
        try:
            found = await self._connection.search(
                base, Scope.BASE, ANYTHING, attributes, [controls.extended_dn(), *also]
            )
        except Refused as error:
            if error.code == NOT_FOUND:
                return None
            raise refusals.of_search(error, reference, self.facts.host, self._settings) from error
        except (LineLost, TimeoutError) as error:
            raise refusals.lost(error, self.facts.host) from error
        return found.entries[0] if found.entries else None

    async def look_up_whole(self, reference: str, attributes: Sequence[str]) -> Entry | None:
        """The same with every value, however many an attribute has."""
        entry = await self.look_up(reference, attributes)
        if entry is None:
            return None
        async with self._explained(reference):
            return await self._completed(entry)

    async def close(self) -> None:
        """Hang up."""
        await self._connection.close()

    @asynccontextmanager
    async def _explained(self, what: str) -> AsyncGenerator[None, None]:
        try:
            yield
        except Refused as error:
            raise refusals.of_search(error, what, self.facts.host, self._settings) from error
        except (LineLost, TimeoutError, ber.Malformed) as error:
            raise refusals.lost(error, self.facts.host) from error

    async def _completed(self, entry: Entry) -> Entry:
        """The entry with all values: a controller hands out at most 1,500 of one attribute at a time."""
        if not any(RANGE in name for name in entry.attributes):
            return entry
        whole = {name: values for name, values in entry.attributes.items() if RANGE not in name and values}
        for name, some in entry.attributes.items():
            attribute, ranged, span = name.partition(RANGE)
            if ranged:
                whole[attribute] = [*some, *await self._rest(entry.dn, attribute, span)]
        return Entry(entry.dn, whole)

    async def _rest(self, dn: str, attribute: str, span: str) -> list[bytes]:
        rest: list[bytes] = []
        base = values.plain_dn(dn) if (guid := values.guid_of_dn(dn)) is None else f"<GUID={guid}>"
        while not span.endswith("*"):
            start = int(span.partition("-")[2]) + 1
            asked = [f"{attribute}{RANGE}{start}-*"]
            found = await self._connection.search(base, Scope.BASE, ANYTHING, asked, [controls.extended_dn()])
            ranged = next(
                (
                    (name, some)
                    for one in found.entries
                    for name, some in one.attributes.items()
                    if RANGE in name
                ),
                None,
            )
            if ranged is None:
                raise LineLost(f"no more values of {attribute} from {start} on")
            span = ranged[0].partition(RANGE)[2]
            rest += ranged[1]
        return rest


async def _root(connection: Connection) -> Entry:
    found = await connection.search("", Scope.BASE, ANYTHING, ROOT)
    if not found.entries:
        raise SourceUnavailable(f"{connection.host} says nothing of itself.")
    return found.entries[0]


async def _facts(connection: Connection, root: Entry, base: str) -> Facts:
    service = values.text(root, "dsServiceName")
    found = await connection.search(service, Scope.BASE, ANYTHING, ["invocationId"])
    invocation = next(
        (one for entry in found.entries for one in entry.attributes.get("invocationid", ())), b""
    )
    parts = values.dn_parts(values.text(root, "serverName"))
    return Facts(
        host=values.text(root, "dnsHostName").lower() or connection.host,
        base=base,
        site=parts[2] if len(parts) > 2 else "",
        invocation=invocation.hex(),
        usn=int(values.text(root, "highestCommittedUSN")),
        time=values.generalized(values.text(root, "currentTime")),
        groups=values.fingerprint(root.attributes.get("tokengroups", ())),
    )
