"""A monitor as it is asked for, and as it is seen."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from halo_shared.identifiers import IntegrationName, Slug, TenantId
from halo_shared.mapping import Strict
from halo_shared.messages.events import Level
from halo_shared.runs import Frozen

PREFIX: Final = "monitor."
LONGEST: Final = 100_000
KINDS: Final = "^(started|progress|record|outcomes|log|finished|status)$"


class NewMonitor(Strict):
    """Who wants to hear what."""

    name: Slug
    tenant: TenantId | None = None
    """Only of this tenant; of all when left out."""
    integration: IntegrationName | None = None
    kind: str | None = Field(default=None, pattern=KINDS)
    level: Level = Level.INFO
    """This level and louder."""
    longest: int = Field(default=LONGEST, ge=1, le=10_000_000)
    """Events that wait at the most; beyond it the oldest are dropped, and counted."""

    @property
    def queue(self) -> str:
        """The queue that it reads."""
        return PREFIX + self.name

    @property
    def account(self) -> str:
        """Its user name on the broker."""
        return f"halo-monitor-{self.name}"

    @property
    def keys(self) -> tuple[str, ...]:
        """The routing keys that its queue is bound with."""
        words = (self.tenant or "*", self.integration or "*", self.kind or "*")
        return tuple(".".join((*words, level)) for level in self.level.and_louder)


class Admitted(Frozen):
    """A monitor that was just added, with the one thing that is said only once."""

    name: Slug
    queue: str
    keys: tuple[str, ...]
    url: str
    """Where to connect: the account and its password are in it. It is kept nowhere; ask anew to get another."""


class Monitor(Frozen):
    """A monitor as the broker sees it."""

    name: str
    queue: str
    keys: tuple[str, ...]
    longest: int | None
    waiting: int
    dropped: int
    """Events that were too old for its full queue, as far as the broker has counted since it started."""
    consumers: int

    @property
    def tenant(self) -> TenantId | None:
        """Whose events it hears; None for all tenants'."""
        heard = {key.partition(".")[0] for key in self.keys}
        return heard.pop() if len(heard) == 1 and heard != {"*"} else None

    @classmethod
    def read(
        cls, queue: Mapping[str, Any], keys: tuple[str, ...]
    ) -> "Monitor":  # Any: as the broker's API says it
        """From what the broker's management API says of its queue."""
        counted: Mapping[str, int] = queue.get("message_stats", {})
        waiting = int(queue.get("messages", 0))
        taken = sum(counted.get(name, 0) for name in ("ack", "deliver_no_ack", "get_no_ack"))
        return cls(
            name=str(queue["name"]).removeprefix(PREFIX),
            queue=queue["name"],
            keys=keys,
            longest=queue.get("arguments", {}).get("x-max-length"),
            waiting=waiting,
            # The broker does not count what it drops, but all that it put into the queue.
            dropped=max(0, counted.get("publish", 0) - taken - waiting),
            consumers=int(queue.get("consumers", 0)),
        )
