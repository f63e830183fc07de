"""Finding records in Halo: those that could be the same, and the one that holds an identity."""

from collections.abc import AsyncIterator, Collection, Sequence
from itertools import islice

from halo_agent.engine.mapper import comparable_id
from halo_agent.engine.records import Desired, TargetRecord
from halo_agent.engine.values import as_text
from halo_agent.targets.halo import searching, wire
from halo_agent.targets.halo.external_links import ExternalLinks
from halo_agent.targets.halo.paging import Lists
from halo_agent.targets.halo.reading import TOGETHER, Reader, together
from halo_agent.targets.halo.resources import EXTERNAL_LINK, KINDS, NAME, Resource
from halo_agent.targets.halo.searching import Question, Way
from halo_shared import logs
from halo_shared.errors import AmbiguousMatch, RecordRefused

log = logs.get(__name__)


class Finder:
    """Finds what a wish could be."""

    def __init__(self, reader: Reader, lists: Lists, links: ExternalLinks) -> None:
        self._reader = reader
        self._lists = lists
        self._links = links

    async def candidates(
        self, wishes: Sequence[Desired], match: Sequence[str]
    ) -> AsyncIterator[TargetRecord]:
        """Every record, inactive ones too, that could be the same as one of these wishes.

        Asks for each value or lists all, whichever takes fewer requests; a record whose list row leaves out
        something that is compared is read by itself. Assumes that Halo's searches ignore upper and lower case,
        and that its plain search looks into the fields that `resources` says it does.
        """
        if not wishes:
            return
        kind = wishes[0].kind
        resource = KINDS[kind]
        fields = searching.compared(wishes, match)
        first = await self._lists.page(resource)
        shown = [self._reader.record(kind, row) for row in first.rows]
        asked = searching.questions(resource, wishes, match)
        linked = [wish.identity[1] for wish in wishes if wish.identity[0] == EXTERNAL_LINK]
        hidden = bool(searching.hidden(fields - {EXTERNAL_LINK}, shown))
        choice = searching.choose(
            asked, first.count, self._lists.page_size, hidden=hidden, linked=len(linked)
        )
        log.debug("candidates", kind=kind, way=choice.way, reason=choice.reason)
        if choice.way is Way.ASK and asked is not None:
            found = await self._asked(resource, asked, linked)
            if found is not None:
                async for record in self._reader.complete(kind, found, fields):
                    yield record
                return
        async for record in self._reader.everything(kind, fields, first):
            yield record

    async def held(self, wishes: Sequence[Desired]) -> dict[str, int | AmbiguousMatch]:
        """The record that holds each wish's identity, by the wish's source id; what Halo lacks is left out."""
        found: dict[str, set[int]] = {}
        async for record in self.candidates(wishes, ()):
            for wish in wishes:
                name, identity = wish.identity
                if comparable_id(as_text(record.fields.get(name))) == comparable_id(identity):
                    found.setdefault(wish.source_id, set()).add(record.id)
        unlinked = [
            wish for wish in wishes if wish.identity[0] == EXTERNAL_LINK and wish.source_id not in found
        ]
        answers = {
            wish.source_id: _one_of(wish, found[wish.source_id]) for wish in wishes if wish.source_id in found
        }
        return answers | {wish.source_id: why for wish in unlinked if (why := await self._namesake(wish))}

    async def _namesake(self, wish: Desired) -> AmbiguousMatch | None:
        """Whether Halo may have stored a record and left out the link that tells it from others of its name."""
        values = {**wish.when_empty, **wish.on_create, **wish.always}
        async for record in self.candidates([wish], (NAME,)):
            if as_text(record.fields.get(NAME)).casefold() == as_text(values.get(NAME)).casefold():
                return AmbiguousMatch(
                    f"The answer to a new record was lost, and Halo has one called '{record.name}' ({record.id}) "
                    "that is not linked. It is not guessed whether that is the one: let 'name' be among the match "
                    "fields, or link it by hand."
                )
        return None

    async def _asked(
        self, resource: Resource, asked: Sequence[Question], linked: Sequence[str]
    ) -> list[wire.Row] | None:
        """What Halo finds for these questions, or None when it does not take one of them."""
        waiting = iter(asked)
        found: dict[int, wire.Row] = {}
        while some := list(islice(waiting, TOGETHER)):
            try:
                answers = await together(self._lists.all(resource, question) for question in some)
            except RecordRefused as error:
                # Some instances have no advanced search, or not for every field.
                log.info("search_refused", resource=resource.path, why=error.message)
                return None
            found |= {wire.id_of(row): row for answer in answers for row in answer}
        ids = iter(linked)
        while several := list(islice(ids, TOGETHER)):
            owners = await together(self._links.owners(resource, id_) for id_ in several)
            rows = await together(self._reader.row(resource, id_) for some_ in owners for id_ in some_)
            found |= {wire.id_of(row): row for row in rows if row is not None}
        return list(found.values())


def _one_of(wish: Desired, ids: Collection[int]) -> int | AmbiguousMatch:
    if len(ids) == 1:
        return next(iter(ids))
    name, identity = wish.identity
    return AmbiguousMatch(
        f"Halo has {len(ids)} records with {name} '{identity}': {', '.join(map(str, sorted(ids)))}. "
        "Merge them in Halo."
    )
