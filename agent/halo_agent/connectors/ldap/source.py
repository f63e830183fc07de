"""Users from a directory: all of them, every time."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Final

from halo_agent.connectors import CheckStep, Secrets
from halo_agent.connectors.ldap.client import Entry
from halo_agent.connectors.ldap.reach import reach
from halo_agent.connectors.ldap.session import Session, signed_in
from halo_agent.connectors.ldap.settings import DisabledWhen, LdapSettings
from halo_agent.engine.ports import SourceItem
from halo_agent.engine.records import Finished, SourceRecord, UnreadableRecord, Value
from halo_shared.clock import Clock, SystemClock
from halo_shared.entities import EntityKind
from halo_shared.errors import ConfigurationError, IncompleteRead, SettingsInvalid
from halo_shared.runs import Mode

# A lock after wrong passwords passes by itself; this one stays until an administrator lifts it.
LOCKED: Final = DisabledWhen(attribute="pwdAccountLockedTime", values=("000001010000Z",))
SAMPLE: Final = 3


@asynccontextmanager
async def open_source(settings: LdapSettings, secrets: Secrets) -> AsyncIterator["LdapSource"]:
    """A source that connects when it is read, and closes what it opened when that read ends."""
    yield LdapSource(settings, secrets, SystemClock())


class LdapSource:
    """Reads the users of one directory."""

    def __init__(self, settings: LdapSettings, secrets: Secrets, clock: Clock) -> None:
        self._settings = settings
        self._secrets = secrets
        self._clock = clock

    async def read(self, kind: EntityKind, mode: Mode, cursor: str | None) -> AsyncIterator[SourceItem]:  # noqa: ARG002
        """Every user, in whatever mode: a plain directory cannot say what changed and what went."""
        if kind is not EntityKind.USERS:
            raise ConfigurationError(f"A directory has users only, no {kind}: take {kind} out of 'entities'.")
        async for _ in reach(self._settings, self._clock):
            pass
        seen: set[str] = set()
        async with self._signed_in() as session, aclosing(session.pages(self._settings.page_size)) as pages:
            async for page in pages:
                for entry in page:
                    yield item(entry, self._settings, seen)
        if not seen:
            raise IncompleteRead(...)
        yield Finished(full=True)
