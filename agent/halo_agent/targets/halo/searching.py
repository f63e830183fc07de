"""Finding records that could be the same: one question for each value, or the whole list. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from halo_agent.engine.records import Desired, TargetRecord
from halo_agent.engine.values import is_empty
from halo_agent.targets.halo.resources import CLIENT_ID, EXTERNAL_LINK, NAME, OWN, SITE, Resource

Question = Mapping[str, str]
"""Query parameters that narrow a list down to the records that hold one value."""


class Way(StrEnum):
    """How candidates are found."""

    ASK = "ask"
    """A request for each value."""
    LIST = "list"
    """All pages, and the records one by one where the list leaves out what is compared."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The way that was chosen, and why."""

    way: Way
    reason: str


def questions(resource: Resource, wishes: Iterable[Desired], match: Sequence[str]) -> list[Question] | None:
    """What to ask so that nothing that could match stays unfound; None where Halo cannot be asked for it."""
    asked = {question for wish in wishes for question in _of_wish(resource, wish, match)}
    if None in asked:
        return None
    return [dict(question) for question in sorted(question for question in asked if question)]


def choose(
    asked: Sequence[Question] | None, records: int, page_size: int, *, hidden: bool, linked: int = 0
) -> Choice:
    """The way that takes fewer requests; `hidden` when the list does not show all that is compared.

    Each of so many `linked` ones takes a question for its external link and one for the record.
    """
    listing = ceil(records / page_size) * (2 if linked else 1) + (records if hidden else 0)
    if asked is None:
        return Choice(Way.LIST, "a field that is compared cannot be asked for")
    asking = len(asked) + 2 * linked
    if asking < listing:
        return Choice(Way.ASK, f"{asking} questions against {listing} requests for the list")
    return Choice(Way.LIST, f"{listing} requests for the list against {asking} questions")


def compared(wishes: Iterable[Desired], match: Sequence[str]) -> frozenset[str]:
    """The fields by which records are recognised."""
    return frozenset(wish.identity[0] for wish in wishes) | frozenset(match)


def hidden(fields: Iterable[str], records: Iterable[TargetRecord]) -> frozenset[str]:
    """The fields that none of these records shows, as lists leave some out."""
    shown = {name for record in records for name in record.fields}
    return frozenset(fields) - shown


def _of_wish(
    resource: Resource, wish: Desired, match: Sequence[str]
) -> Iterator[tuple[tuple[str, str], ...] | None]:
    if wish.identity[0] != EXTERNAL_LINK:  # those have a list of their own
        yield _about(resource, *wish.identity)
    values = {**wish.when_empty, **wish.on_create, **wish.always}
    for name in match:
        if not is_empty(values.get(name)):
            asked = _about(resource, name, str(values[name]).strip())
            yield (*asked, *_near(resource, name, values)) if asked else asked


def _near(resource: Resource, name: str, values: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Every client may have a site called Main: a site's name is asked for at its own client."""
    if resource is SITE and name == NAME and values.get(CLIENT_ID):
        return ((CLIENT_ID, str(values[CLIENT_ID])),)
    return ()


def _about(resource: Resource, name: str, value: str) -> tuple[tuple[str, str], ...] | None:
    if name.startswith(OWN):
        return None
    if name in resource.own_parameter:
        return ((name, value), (resource.own_parameter[name], "true"))
    if name in resource.searched:
        return (("search", value),)
    # 2 is equality. The plain search looks into few fields, and certainly not into other systems' ids.
    wanted = [{"filter_name": name, "filter_type": 2, "filter_value": value}]
    return (("advanced_search", json.dumps(wanted)),)
