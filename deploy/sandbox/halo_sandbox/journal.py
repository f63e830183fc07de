"""Which requests came and how they were answered, for tests to count."""

from collections import Counter, deque
from dataclasses import dataclass

KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One request; no status means that the connection was dropped."""

    method: str
    path: str
    query: str
    status: int | None


class Journal:
    """The latest requests, and the count of all since the journal was cleared."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque(maxlen=KEPT)
        self.counts: Counter[str] = Counter()

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.counts[f"{entry.method} {entry.path}"] += 1

    def clear(self) -> None:
        self.entries.clear()
        self.counts.clear()
