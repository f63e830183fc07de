"""What tests of connectors to services share: secrets in memory, what one read gave, and a clock that does not wait."""

from typing import Final

from pydantic import SecretStr

from halo_agent.engine.ports import SourceItem
from halo_agent.engine.records import Finished, Gone, Remark, SourceRecord, UnreadableRecord
from halo_shared.clock import SystemClock
from halo_shared.errors import SecretMissing

SECRET: Final = "canary-of-the-client-secret"


class Secrets:
    """Secrets in memory."""

    def __init__(self, **values: str) -> None:
        self._values = values

    def resolve(self, reference: str) -> SecretStr:
        name = reference.removeprefix("secret://")
        if name not in self._values:
            raise SecretMissing(f"{reference} is not here")
        return SecretStr(self._values[name])


class Read:
    """What one read gave."""

    def __init__(self, items: list[SourceItem]) -> None:
        self.items = items

    @property
    def records(self) -> dict[str, SourceRecord]:
        return {item.id: item for item in self.items if isinstance(item, SourceRecord)}

    @property
    def unreadable(self) -> dict[str, str]:
        return {item.place: item.reason for item in self.items if isinstance(item, UnreadableRecord)}

    @property
    def gone(self) -> dict[str, str]:
        return {item.id: item.reason for item in self.items if isinstance(item, Gone)}

    @property
    def remarks(self) -> list[str]:
        return [item.text for item in self.items if isinstance(item, Remark)]

    @property
    def end(self) -> Finished:
        assert isinstance(self.items[-1], Finished)
        return self.items[-1]


class HurriedClock(SystemClock):
    """Time that has passed as soon as somebody waits for it."""

    def __init__(self) -> None:
        self.slept = 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds
