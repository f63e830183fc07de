"""Users from a directory: all of them, every time."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Final

from halo_agent.connectors import CheckStep, Secrets
from halo_agent.connectors.ldap import records
from halo_agent.connectors.ldap.client import Entry
from halo_agent.connectors.ldap.reach import reach
from halo_agent.connectors.ldap.session import Session, signed_in
from halo_agent.connectors.ldap.settings import LdapSettings
from halo_agent.engine.ports import SourceItem, Wanted
from halo_agent.engine.records import Finished, SourceRecord
from halo_shared.clock import Clock, SystemClock
from halo_shared.entities import EntityKind
from halo_shared.errors import ConfigurationError, IncompleteRead

SAMPLE: Final = 3


@asynccontextmanager
async def open_source(settings: LdapSettings, secrets: Secrets) -> AsyncIterator["LdapSource"]:
    """A source that signs in anew for each read and each check."""
    yield LdapSource(settings, secrets, SystemClock())


class LdapSource:
    """Reads the users of one directory."""

    def __init__(self, settings: LdapSettings, secrets: Secrets, clock: Clock) -> None:
        self._settings = settings
        self._secrets = secrets
        self._clock = clock

    async def read(self, wanted: Wanted) -> AsyncGenerator[SourceItem, None]:
        """Every user in either mode: a plain directory tells nobody what was changed and what was deleted."""
        if wanted.kind is not EntityKind.USERS:
            raise ConfigurationError(
                f"The ldap connector reads users only: take {wanted.kind} out of 'entities'."
            )
        async for _ in reach(self._settings, self._clock):
            pass
        seen: set[str] = set()
        entries = 0
        async with self._signed_in() as session, aclosing(session.pages(self._settings.page_size)) as pages:
            async for page in pages:
                entries += len(page)
                for entry in page:
                    yield self._item(entry, seen)
        if not entries:
            raise IncompleteRead(self._nothing_found())
        yield Finished(full=True)

    async def check(self) -> AsyncGenerator[CheckStep, None]:
        """The way to the directory, the sign-in, and a few users."""
        async for step in reach(self._settings, self._clock):
            yield step
        async with self._signed_in() as session:
            yield CheckStep("authenticate", f"signed in as {self._settings.bind_dn}")
            async with aclosing(session.pages(SAMPLE)) as pages:
                sample: list[Entry] = []
                async for sample in pages:
                    if sample:
                        break
        if not sample:
            raise ConfigurationError(self._nothing_found())
        yield CheckStep("read", self._described(sample))

    def _signed_in(self) -> AbstractAsyncContextManager[Session]:
        password = self._secrets.resolve(self._settings.password)
        return signed_in(self._settings, password, records.attributes_of(self._settings))

    def _item(self, entry: Entry, seen: set[str]) -> SourceItem:
        found = records.record(entry, self._settings)
        if not isinstance(found, SourceRecord):
            return found
        if found.id in seen:
            return records.repeated(found, entry.dn, self._settings)
        seen.add(found.id)
        return found

    def _described(self, page: Sequence[Entry]) -> str:
        found = [records.record(entry, self._settings) for entry in page]
        names = [
            each.name if isinstance(each, SourceRecord) else f"{each.place} ({each.reason})" for each in found
        ]
        had = {name for entry in page for name in entry.attributes}
        asked = records.attributes_of(self._settings)
        having = ", ".join(name for name in asked if name.lower() in had)
        lacking = ", ".join(name for name in asked if name.lower() not in had) or "nothing"
        return f"{'; '.join(names)}. They have {having}; and of what was asked they lack {lacking}"

    def _nothing_found(self) -> str:
        settings = self._settings
        return (
            f"Below '{settings.base}' nothing matches {settings.filter}, or '{settings.bind_dn}' may not see it: "
            "correct 'base' and 'filter', or give that account the right to read."
        )
