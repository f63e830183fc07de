"""What became of single records: kept once, found by whatever people know, and let go in time."""

from datetime import timedelta

import pytest

from halo_controller import forgetting, inbox
from halo_controller.errors import NotFound
from halo_controller.forgetting import Forgetter
from halo_controller.nouns import Explaining, Record
from halo_controller.store import records, tenants
from halo_shared.entities import EntityKind
from halo_shared.messages.commands import LeaseGranted
from halo_shared.outcomes import History, Result
from halo_shared.runs import Mode
from tests.support.builders import SESSION, finished, hello, lease_request, outcome, outcomes, tenant_spec
from tests.unit.controller.centre import Centre


async def found(centre: Centre, key: str, tenant: str | None = None) -> list[str]:
    async with centre.database.read() as db:
        return [record.outcome.source_id for record in await records.find(db, key, tenant=tenant)]


async def of_run(centre: Centre, run: str) -> list[Record]:
    async with centre.database.read() as db:
        return list(await records.of_run(db, run))


async def keeps(centre: Centre, history: History, kept: timedelta = timedelta(days=30)) -> None:
    async with centre.database.write() as db:
        spec = tenant_spec().model_copy(update={"record_history": history, "records_kept": kept})
        await tenants.change(db, spec)


class TestFinding:
    @pytest.mark.parametrize("key", ["k-1", "K-1 ", "jane doe", "17", "JANE@acme.example", "PC-4711"])
    async def test_a_record_is_found_by_whatever_people_know_of_it(self, centre: Centre, key: str) -> None:
        await centre.set_up("one")
        run = await centre.leased()
        told = outcome(keys=("jane@acme.example", "pc-4711"))
        await centre.inbox.take(
            outcomes(run, told, outcome("k-2").model_copy(update={"name": "Joe", "halo_id": 2}))
        )

        assert await found(centre, key) == ["k-1"]

    async def test_nothing_is_found_by_a_part_of_a_key_or_for_another_tenant(self, centre: Centre) -> None:
        await centre.set_up("one")
        await centre.inbox.take(outcomes(await centre.leased(), outcome(keys=("jane@acme.example",))))

        assert await found(centre, "jane@") == []
        assert await found(centre, "k-1", "globex") == []
        assert await found(centre, "k-1", "acme") == ["k-1"]

    async def test_the_newest_comes_first(self, centre: Centre) -> None:
        await centre.set_up("one")
        run = await centre.leased()
        for number in range(3):
            await centre.inbox.take(outcomes(run, outcome(f"k-{number}")))

        assert await found(centre, "Jane Doe") == ["k-2", "k-1", "k-0"]

    async def test_the_outcomes_of_a_run_can_be_read_page_by_page(self, centre: Centre) -> None:
        await centre.set_up("one")
        run = await centre.leased()
        told = [outcome(str(number), Result.FAILED if number % 2 else Result.CREATED) for number in range(5)]
        await centre.inbox.take(outcomes(run, *told))

        async with centre.database.read() as db:
            first = await records.of_run(db, run.id, limit=3)
            rest = await records.of_run(db, run.id, after=first[-1].id, limit=3)
            failed = await records.of_run(db, run.id, result=Result.FAILED, entity=EntityKind.USERS)
        assert [one.outcome for one in (*first, *rest)] == told
        assert [one.outcome.source_id for one in failed] == ["1", "3"]

    async def test_one_that_is_not_there_is_refused_with_what_to_do(self, centre: Centre) -> None:
        async with centre.database.read() as db:
            with pytest.raises(NotFound, match="records find"):
                await records.get(db, 4711)


class TestKeeping:
    async def test_a_message_that_comes_twice_is_kept_once(self, centre: Centre) -> None:
        await centre.set_up("one")
        run = await centre.leased()
        told = outcomes(run, outcome())
        await centre.inbox.take(told)
        await centre.inbox.take(told)

        assert len(await of_run(centre, run.id)) == 1

    async def test_many_outcomes_leave_room_for_others_who_want_to_write(self, centre: Centre) -> None:
        await centre.set_up("one")
        run = await centre.leased()
        many = [outcomes(run, *[outcome(f"{number}")] * 900) for number in range(5)]

        assert [len(some) for some in inbox.portions(many)] == [3, 2]
        await centre.inbox.take(*many, finished(run))

        async with centre.database.read() as db:
            assert len(await records.of_run(db, run.id, limit=10_000)) == 4_500
        assert (await centre.run(run.id)).status == "succeeded"

    async def test_what_an_older_attempt_wrote_is_written_and_so_it_is_kept(self, centre: Centre) -> None:
        await centre.set_up("one")
        run = await centre.leased()
        await centre.inbox.take(outcomes(run, outcome(), fence=run.fence - 1))

        assert [record.outcome for record in await of_run(centre, run.id)] == [outcome()]

    async def test_words_about_a_run_of_another_integration_are_not_kept(self, centre: Centre) -> None:
        await centre.set_up("one")
        run = await centre.leased()
        await centre.inbox.take(outcomes(run.model_copy(update={"integration": "other"}), outcome()))

        assert await of_run(centre, run.id) == []

    async def test_what_is_old_goes_and_the_rest_stays(
        self, centre: Centre, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(records, "ROWS", 2)  # more than fits into one transaction
        await centre.set_up("one")
        await keeps(centre, History.ALL, timedelta(days=7))
        run = await centre.leased()
        now = centre.clock.now()
        await centre.inbox.take(outcomes(run, *[outcome("old")] * 5, at=now - timedelta(days=8)))
        await centre.inbox.take(outcomes(run, outcome("new"), at=now - timedelta(days=6)))

        await Forgetter(centre.database, centre.clock).tick()

        assert await found(centre, "Jane Doe") == ["new"]
        assert await found(centre, "old") == []

    async def test_a_tenant_that_wants_none_has_none(self, centre: Centre) -> None:
        await centre.set_up("one")
        run = await centre.leased()
        await centre.inbox.take(outcomes(run, outcome()))
        await keeps(centre, History.OFF)

        await Forgetter(centre.database, centre.clock).tick()

        assert await of_run(centre, run.id) == []
        assert timedelta(hours=1).total_seconds() > forgetting.TICK


class TestRunsThatExplain:
    @pytest.mark.parametrize("history", list(History))
    async def test_an_agent_is_told_what_its_tenant_wants_to_hear(
        self, centre: Centre, history: History
    ) -> None:
        await centre.set_up("one")
        await keeps(centre, history)
        run = await centre.open()
        await centre.ask(hello("one", SESSION))
        (granted,) = await centre.ask(lease_request(run.id, "one", SESSION))

        assert isinstance(granted, LeaseGranted)
        assert (granted.assignment.history, granted.assignment.preview) == (history, False)

    async def test_a_preview_hears_all_and_its_end_changes_nothing_of_the_integration(
        self, centre: Centre
    ) -> None:
        await centre.set_up("one")
        before = await centre.integration()
        run = await centre.leased(explaining=Explaining(preview=True))

        assert (await centre.integration()).last_opened_at == before.last_opened_at
        assert run.mode is Mode.FULL
        await centre.inbox.take(finished(run, cursors={EntityKind.USERS: "usn:1"}))

        assert (await centre.integration()).cursors == {}
        assert (await centre.run(run.id)).status == "succeeded"

    async def test_one_record_is_compared_anew_and_moves_no_cursor(self, centre: Centre) -> None:
        await centre.set_up("one")
        run = await centre.leased(explaining=Explaining(only="jane@acme.example"))
        assert (run.mode, run.whole) == (Mode.RECONCILE, False)

        await centre.inbox.take(finished(run, cursors={EntityKind.USERS: "usn:1"}))

        assert (await centre.integration()).cursors == {}
