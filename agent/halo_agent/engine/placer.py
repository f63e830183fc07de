"""Which places a record may belong to, the most certain first: pure."""

from collections.abc import Iterator

from halo_agent.engine.conditions import Attributes, holds
from halo_agent.engine.records import Place, Placing
from halo_agent.engine.values import as_text, first
from halo_shared.mapping import Placement


def placings(own: Place | None, placement: Placement | None, attributes: Attributes) -> tuple[Placing, ...]:
    """The connector's word, the table, the first rule that holds, the names, the default: as far as they say something.

    What is said with certainty ends the list; only a name that Halo may not have leaves the default behind it.
    """
    found = []
    for placing in _all(own, placement, attributes):
        found.append(placing)
        if placing.by != "name":
            break
    return tuple(found)


def _all(own: Place | None, placement: Placement | None, attributes: Attributes) -> Iterator[Placing]:
    if own is not None:
        yield Placing(own, "connector", "its scope at the source")
    if placement is None:
        return
    yield from _of_table(placement, attributes)
    for number, rule in enumerate(placement.rules, start=1):
        if holds(rule, attributes):
            yield Placing(Place(rule.client, rule.site), "rule", f"place rule {number}: {rule}")
    yield from _of_names(placement, attributes)
    if placement.client is not None:
        yield Placing(Place(placement.client, placement.site), "default", "the default place")


def _of_table(placement: Placement, attributes: Attributes) -> Iterator[Placing]:
    if placement.table is None:
        return
    source = placement.table.source
    value = as_text(first(attributes.get(source.casefold())))
    for key, spot in placement.table.to.items():
        if key.strip().casefold() == value.casefold():
            yield Placing(Place(spot.client, spot.site), "table", f"place table: {source} is '{value}'")


def _of_names(placement: Placement, attributes: Attributes) -> Iterator[Placing]:
    if placement.names is None:
        return
    client = as_text(first(attributes.get(placement.names.client.casefold())))
    site = as_text(first(attributes.get(placement.names.site.casefold()))) if placement.names.site else ""
    if client and site:
        yield Placing(Place(client, site), "name", f"the client named '{client}' and its site '{site}'")
    if client:
        yield Placing(Place(client, placement.site), "name", f"the client named '{client}'")
