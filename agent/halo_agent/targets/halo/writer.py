"""Writing so that repeating does no harm: alone or several in an array, and never twice.

Halo has no key that makes a repeated create harmless. So once a new record may have arrived it is looked for before it
is sent again, and after an answer that was lost it is waited for until Halo can no longer be storing it.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Final

from halo_agent.engine.changes import Answer, Applied, Create
from halo_agent.engine.records import Desired
from halo_agent.targets.halo import wire
from halo_agent.targets.halo.arrays import Arrays
from halo_agent.targets.halo.bodies import refused_row
from halo_agent.targets.halo.client import HaloClient
from halo_agent.targets.halo.drafts import Draft
from halo_agent.targets.halo.errors import AnswerLost
from halo_agent.targets.halo.external_links import ExternalLinks
from halo_agent.targets.halo.finding import Finder
from halo_agent.targets.halo.reading import Reader
from halo_agent.targets.halo.replies import Sorted, sort_replies
from halo_agent.targets.halo.resources import ASSET
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.entities import EntityKind
from halo_shared.errors import MappingInvalid, RecordError, RecordRefused

log = logs.get(__name__)

SENDS: Final = 3
"""Times that a new record is sent at most; each time but the first, Halo was seen not to have it."""
LOOKS: Final = (2.0, 8.0, 20.0, 45.0)
"""Seconds before each look for a record whose answer was lost: more than the minute for which Halo may still be storing it."""
LOOKS_WHEN_OVER: Final = (1.0,)
"""The same where Halo has said that it failed."""

Answered = tuple[Draft, Answer]


class Writer:
    """Sends drafts of one resource."""

    def __init__(
        self,
        client: HaloClient,
        reader: Reader,
        finder: Finder,
        links: ExternalLinks,
        arrays: Arrays,
        clock: Clock,
        *,
        validates: bool = False,
    ) -> None:
        self._client = client
        self._reader = reader
        self._finder = finder
        self._links = links
        self._arrays = arrays
        self._clock = clock
        self._proved: set[EntityKind] = set()
        """Kinds of which Halo is seen to keep the identity."""
        self._validates = validates
        """Whether Halo is asked to validate an asset before it is written."""

    async def write(self, drafts: Sequence[Draft]) -> AsyncGenerator[Answered, None]:
        """What became of each, as soon as it is known."""
        for new in (True, False):
            waiting = [draft for draft in drafts if draft.new is new]
            while waiting:
                proved = not new or waiting[0].change.kind in self._proved
                size = await self._arrays.size(waiting[0].resource, len(waiting), new=new) if proved else 1
                some, waiting = waiting[:size], waiting[size:]
                if len(some) == 1:
                    yield some[0], await self._alone(some[0])
                else:
                    async for answered in self._together(some):
                        yield answered

    async def _alone(self, draft: Draft) -> Answer:
        try:
            if self._validates and draft.resource is ASSET and (stored := await self._validated(draft)):
                return stored
            if not draft.new:
                halo_id = await self._client.write(draft.resource.path, draft.body)
                await self._link(draft, halo_id)
                return Applied(halo_id)
            return await self._create(draft)
        except RecordError as error:
            return error

    async def _validated(self, draft: Draft) -> Answer | None:
        """Let Halo look at the asset first; raises what it refuses. One that ignores the question stores it: that counts."""
        asked = {**draft.body, "_validateonly": True}
        try:
            body = await self._client.post(draft.resource.path, [asked], repeatable=not draft.new)
        except AnswerLost as error:
            return (await self._look([draft], over=error.over)).get(draft.change.source_id)
        stored = wire.written_id(body)
        return Applied(stored) if draft.new and stored else None

    async def _create(self, draft: Draft) -> Answer:
        for sends_left in reversed(range(SENDS)):
            try:
                body = await self._client.post(draft.resource.path, [draft.body], repeatable=False)
                return await self._created(draft, body)
            except AnswerLost as error:
                log.info(
                    "answer_lost", kind=draft.change.kind, source_id=draft.change.source_id, why=error.message
                )
                found = await self._look([draft], over=error.over)
                if draft.change.source_id in found:
                    return found[draft.change.source_id]
                if not sends_left:
                    raise RecordRefused(
                        f"Halo did not take this record in {SENDS} tries and does not have it. {error.message}",
                        detail=error.detail,
                    ) from error
        raise AssertionError("the last try returns or raises")

    async def _created(self, draft: Draft, body: object) -> Answer:
        halo_id = wire.written_id(body)
        if halo_id:
            await self._link(draft, halo_id, body)
            await self._prove(draft, halo_id, body)
            return Applied(halo_id)
        if refused := refused_row(body):
            return RecordRefused(f"Halo took a new record for {draft.resource.path} and answered: {refused}")
        raise AnswerLost(
            f"Halo took a new record for {draft.resource.path} and did not say which id it has.", over=True
        )

    async def _prove(self, draft: Draft, halo_id: int, reply: object) -> None:
        """Look once, at the first new record of a kind, whether Halo keeps the identity by which it is found again."""
        kind = draft.change.kind
        if kind in self._proved:
            return
        if draft.external_link is None and not any(
            draft.is_shown_by(row, self._links.label) for row in wire.replies(reply)
        ):
            held = [record async for record in self._reader.fetch(kind, [halo_id])]
            if held and not draft.fulfilled_by(held[0]):
                name, identity = _wish(draft).identity
                raise MappingInvalid(
                    f"mapping.{kind}.identity: Halo made record {halo_id} and did not keep '{name}' with it, so it could "
                    f"not be found again by '{identity}' and would be made anew by each run. Choose another field."
                )
        self._proved.add(kind)

    async def _together(self, drafts: Sequence[Draft]) -> AsyncGenerator[Answered, None]:
        """Several in one array. Whatever Halo makes of it, each gets its own answer."""
        sent = await self._send_array(drafts)
        for draft, answer in sent.answered:
            if isinstance(answer, Applied):
                await self._link(draft, answer.halo_id, sent.rows.get(answer.halo_id))
            yield draft, answer
        async for answered in self._settle(sent.left, over=sent.over):
            yield answered

    async def _send_array(self, drafts: Sequence[Draft]) -> Sorted:
        resource, new = drafts[0].resource, drafts[0].new
        bodies = [draft.body for draft in drafts]
        try:
            body = await self._client.post(resource.path, bodies, repeatable=not new)
        except (RecordRefused, AnswerLost) as error:
            # Of a refused one it is not known which record is bad, nor whether those before it are stored.
            log.info("array_unanswered", resource=resource.path, count=len(drafts), why=error.message)
            self._arrays.refused(resource, new=new)
            return Sorted([], drafts, {}, error.message, over=not isinstance(error, AnswerLost) or error.over)
        answer = sort_replies(drafts, body, self._links.label)
        if not answer.left and self._arrays.on_trial(resource, new=new):
            answer = await self._read_back(answer)
        if answer.left:
            await self._arrays.surprised(resource, answer.why, new=new)
        else:
            await self._arrays.confirmed(resource, len(drafts), new=new)
        return answer

    async def _settle(self, drafts: Sequence[Draft], *, over: bool) -> AsyncGenerator[Answered, None]:
        """Drafts of which it is not known whether Halo has stored them: new ones are looked for, the rest sent again."""
        found = await self._look([draft for draft in drafts if draft.new], over=over)
        for draft in drafts:
            known = found.get(draft.change.source_id)
            yield draft, known if known is not None else await self._alone(draft)

    async def _look(self, drafts: Sequence[Draft], *, over: bool) -> dict[str, Answer]:
        """New records that Halo has after all, by source id; only what is missing at the end may be sent again."""
        found: dict[str, Answer] = {}
        wishes = [_wish(draft) for draft in drafts]
        for pause in LOOKS_WHEN_OVER if over else LOOKS:
            missing = [wish for wish in wishes if wish.source_id not in found]
            if not missing:
                break
            await self._clock.sleep(pause)
            for source_id, one in (await self._finder.held(missing)).items():
                found[source_id] = Applied(one, found=True) if isinstance(one, int) else one
        return found

    async def _read_back(self, answered: Sorted) -> Sorted:
        """What Halo really holds of a trial: a row in an answer proves nothing on an instance not known yet."""
        applied = {one.halo_id: draft for draft, one in answered.answered if isinstance(one, Applied)}
        if not applied:
            return answered
        kind = next(iter(applied.values())).change.kind
        held = {record.id: record async for record in self._reader.fetch(kind, list(applied))}
        return answered.less(
            [draft for halo_id, draft in applied.items() if not draft.fulfilled_by(held.get(halo_id))],
            why="what was read back is not what was sent",
        )

    async def _link(self, draft: Draft, halo_id: int, reply: object = None) -> None:
        """Let a record that is known by an external link have it, should Halo not have made it with the record."""
        source_id = draft.external_link
        if source_id is None:
            return
        if any(self._links.shown(row, source_id) for row in wire.replies(reply)):
            return
        await self._links.ensure(draft.resource, halo_id, source_id, draft.change.name)


def _wish(draft: Draft) -> Desired:
    assert isinstance(draft.change, Create), "only new records are looked for"  # noqa: S101  ours alone to break
    return draft.change.desired
