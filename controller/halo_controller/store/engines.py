"""What the store needs to know of a kind of database; SQLite's and PostgreSQL's own modules say it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncEngine

from halo_controller.store.sight import TENANTS


@dataclass(frozen=True, slots=True)
class Engine:
    """One database, opened."""

    reads: AsyncEngine
    writes: AsyncEngine
    passing: Callable[[BaseException], str | None]
    """What a fault says, where waiting may help; None for every other."""
    shared: bool
    """Whether other controllers may work on it at the same time; else this one alone has it, and writes in turn."""

    def limited_to(self, tenants: Collection[str] | None) -> "Engine":
        """The same database, whose connections carry this limit."""
        limit = {TENANTS: tenants}
        return replace(
            self, reads=self.reads.execution_options(**limit), writes=self.writes.execution_options(**limit)
        )
