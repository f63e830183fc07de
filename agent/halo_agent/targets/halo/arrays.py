"""Whether several records may travel in one array: learnt from real changes, remembered, never assumed.

Nobody outside knows what Halo answers to an array of several. So two changes that are to be made anyway are sent
together, once, and read back. Only when each has its own row in the answer, and Halo then holds both, do more travel
together. Whatever an instance does with an array, the writer puts right; this decides only whether it pays.
"""

from enum import StrEnum
from typing import Final

from halo_agent.targets.halo.instance import Instance
from halo_agent.targets.halo.pacing import Tell
from halo_agent.targets.halo.resources import Resource

TRIAL: Final = 2
FIRST: Final = 5
MOST: Final = 25


class Habit(StrEnum):
    """What an instance does with an array of several."""

    EACH = "a row for each record"
    OTHER = "something else"


class Arrays:
    """How many records of a kind travel together now."""

    def __init__(self, instance: Instance, tell: Tell, *, allowed: bool = True) -> None:
        self._instance = instance
        self._tell = tell
        self._allowed = allowed
        self._sizes: dict[str, int] = {}
        self._trying: set[str] = set()

    async def size(self, resource: Resource, waiting: int, *, new: bool) -> int:
        """How many of those that wait to send in the next request."""
        topic = _topic(resource, new)
        if waiting < TRIAL or not self._allowed or topic in self._trying:
            return 1
        if topic not in self._sizes:
            habit = await self._instance.lesson(topic)
            if topic in self._trying:  # another worker was quicker
                return 1
            if habit is None:
                self._trying.add(topic)
                return TRIAL
            self._sizes[topic] = FIRST if habit == Habit.EACH else 1
        return min(waiting, self._sizes[topic])

    def on_trial(self, resource: Resource, *, new: bool) -> bool:
        """Whether the array that is under way is the one that shows what Halo does with it."""
        return _topic(resource, new) in self._trying

    async def confirmed(self, resource: Resource, count: int, *, new: bool) -> None:
        """Each record of an array had its row; those of a trial were read back."""
        topic = _topic(resource, new)
        if topic in self._trying:
            await self._learn(resource, Habit.EACH, new=new)
            await self._tell(
                f"Halo answers an array of {_what(resource, new)} with a row for each, as two of them and reading "
                f"them back showed: up to {MOST} travel in one request from now on."
            )
        elif count == self._sizes[topic]:
            self._sizes[topic] = min(MOST, 2 * count)

    async def surprised(self, resource: Resource, why: str, *, new: bool) -> None:
        """An array was answered with less than a row for each."""
        await self._learn(resource, Habit.OTHER, new=new)
        await self._tell(
            f"Halo does not answer an array of {_what(resource, new)} with a row for each ({why}): "
            "each travels by itself, and those of the array were looked up one by one."
        )

    def refused(self, resource: Resource, *, new: bool) -> None:
        """An array was refused, or its answer lost: that says nothing of Halo's habits."""
        topic = _topic(resource, new)
        self._trying.discard(topic)
        if topic in self._sizes:
            self._sizes[topic] = max(TRIAL, self._sizes[topic] // 2)

    async def _learn(self, resource: Resource, habit: Habit, *, new: bool) -> None:
        topic = _topic(resource, new)
        self._trying.discard(topic)
        self._sizes[topic] = FIRST if habit is Habit.EACH else 1
        await self._instance.learn(topic, habit)


def _topic(resource: Resource, new: bool) -> str:
    return f"array of {_what(resource, new)}"


def _what(resource: Resource, new: bool) -> str:
    return f"{'new' if new else 'changed'} {resource.list_key or resource.path}"
