"""Runs over the REST API: asked for, watched, cancelled, held and answered."""

import asyncio

from halo_shared.errors import RecordRefused
from halo_shared.messages.events import Stage
from halo_shared.runs import Approval, RunStatus
from halo_shared.topology import agent_queue, jobs_queue
from tests.support.agent_double import Attempt
from tests.support.builders import excess
from tests.support.rest import PEOPLE, Office, definition

HEX_DIGITS = 16
EXCESS = excess(found=212)


async def hold_until_approved(attempt: Attempt) -> None:
    """A sync that finds too much to retire."""
    if attempt.grant.assignment.approved:
        await attempt.finished(retired=50)
    else:
        await attempt.finished(RunStatus.HELD, held_for=(EXCESS,))


async def until_cancelled(attempt: Attempt) -> None:
    """A sync that goes on until it is asked to stop."""
    await attempt.cancelled.wait()
    await attempt.finished(RunStatus.CANCELLED, read=1)


async def a_held_run(office: Office) -> str:
    run = await office.run_people()
    await office.until(run, status="held")
    return run


async def test_a_run_from_its_request_to_its_end(office: Office) -> None:
    await office.set_up()
    may_end = asyncio.Event()

    async def sync(attempt: Attempt) -> None:
        await attempt.progress(Stage.READ, 2, 3, read=2)
        await may_end.wait()
        await attempt.finished(read=3, created=1, unchanged=2)

    opened = await office.post(f"{PEOPLE}/run", {"reason": "new starters"}, status=202)
    assert (opened["status"], opened["trigger"], opened["group"]) == ("queued", "person", "site")
    assert opened["reason"] == "operator asked for it: new starters"
    waiting = await office.until(opened["id"], status="dispatched")
    assert (waiting["attempts"], waiting["agent"], waiting["started_at"]) == ([], None, None)

    async with office.agent(sync):
        running = await office.until_found(
            f"/runs/{opened['id']}", lambda seen: seen if seen["progress"] else None
        )
        assert (running["status"], running["agent"]) == ("running", "one")
        assert [running["progress"][key] for key in ("stage", "done", "total")] == ["read", 2, 3]
        assert running["counts"]["users"]["read"] == 2
        may_end.set()
        ended = await office.until(opened["id"], status="succeeded")

    assert {"read": 3, "created": 1, "unchanged": 2}.items() <= ended["counts"]["users"].items()
    assert ended["requests"] == 7
    assert ended["ended_at"] >= ended["started_at"] >= ended["dispatched_at"]
    (attempt,) = ended["attempts"]
    assert (attempt["number"], attempt["agent"], attempt["end"]) == (1, "one", "succeeded")
    assert (await office.get(PEOPLE))["last_run"]["id"] == opened["id"]


async def test_one_run_at_a_time(office: Office) -> None:
    await office.set_up()
    run = await office.run_people()

    message = await office.refused(409, "POST", f"{PEOPLE}/run")

    assert f"'acme/people' has an open run {run}" in message
    assert f"halo-controller runs cancel {run}" in message


async def test_what_is_disabled_does_not_run(office: Office) -> None:
    await office.set_up(enabled=False)

    message = await office.refused(409, "POST", f"{PEOPLE}/run")

    assert "halo-controller integrations enable acme/people" in message


async def test_what_is_assigned_to_no_group_does_not_run(office: Office) -> None:
    await office.set_up(group=None)

    message = await office.refused(409, "POST", f"{PEOPLE}/run")

    assert "halo-controller integrations assign acme/people --group GROUP" in message


async def test_the_list_of_runs_is_newest_first_and_can_be_narrowed(office: Office) -> None:
    await office.set_up()
    await office.post("/tenants/acme/integrations", definition(name="leavers"), status=201)
    await office.post("/tenants/acme/integrations/leavers/enable")
    first = await office.run_people()
    await office.post(f"/runs/{first}/cancel")
    second = await office.run_people()
    other = (await office.post("/tenants/acme/integrations/leavers/run", status=202))["id"]

    async def listed(**query: str | int) -> list[str]:
        return [run["id"] for run in await office.get("/runs", **query)]

    assert await listed() == [other, second, first]
    assert await listed(integration="people") == [second, first]
    assert await listed(status="cancelled") == [first]
    assert await listed(tenant="acme", limit=1) == [other]
    assert await listed(tenant="nobody") == []
    assert "limit" in await office.refused(422, "GET", "/runs", limit=0)
    assert "status: must be 'queued', " in await office.refused(422, "GET", "/runs", status="asleep")


async def test_a_run_is_known_by_the_first_digits_of_its_id(office: Office) -> None:
    await office.set_up()
    runs = []
    for _ in range(HEX_DIGITS + 1):  # two of so many begin alike
        runs.append(await office.run_people())
        await office.post(f"/runs/{runs[-1]}/cancel")
    first_digits = [run[0] for run in runs]
    shared = next(digit for digit in first_digits if first_digits.count(digit) > 1)

    assert (await office.get(f"/runs/{runs[0][:11]}"))["id"] == runs[0]
    for path in (f"/runs/{shared}", f"/runs/{shared}/events"):
        assert f"Several runs start with '{shared}'" in await office.refused(409, "GET", path)
    message = await office.refused(404, "GET", "/runs/nosuchrun")
    assert message == "There is no run 'nosuchrun'. List them with: halo-controller runs list"
    await office.refused(404, "GET", "/runs/_")  # no wildcard


async def test_the_events_of_a_run_by_level(office: Office) -> None:
    await office.set_up()

    async def sync(attempt: Attempt) -> None:
        await attempt.failed_record("17", "Ann", RecordRefused("Halo wants a site."))
        await attempt.finished(RunStatus.PARTIAL, read=2, failed=1, created=1)

    run = await office.run_people()
    async with office.agent(sync):
        await office.until(run, status="partial")

    every = await office.get(f"/runs/{run}/events")
    assert [event["kind"] for event in every] == ["status", "started", "record", "finished"]
    loud = await office.get(f"/runs/{run}/events", level="warning")
    assert [event["text"] for event in loud] == ["users: Ann: Halo wants a site.", "It partial."]
    assert loud[0]["failure"]["advice"].startswith("Correct the record at its source")
    assert len(await office.get(f"/runs/{run}/events", limit=2)) == 2
    assert "level: must be 'debug', " in await office.refused(422, "GET", f"/runs/{run}/events", level="loud")


async def test_a_waiting_run_is_cancelled_at_once(office: Office) -> None:
    await office.set_up()
    run = await office.run_people()

    cancelled = await office.post(f"/runs/{run}/cancel", {"reason": "wrong tenant"})

    assert cancelled["status"] == "cancelled"
    last = (await office.get(f"/runs/{run}/events"))[-1]
    assert (last["status"], last["text"]) == ("cancelled", "Cancelled: wrong tenant.")
    message = await office.refused(409, "POST", f"/runs/{run}/cancel")
    assert message == f"Run {run} has ended (cancelled) and cannot be changed."
    await office.run_people()  # the way is free


async def test_the_agent_of_a_running_run_is_asked_to_stop(office: Office) -> None:
    await office.set_up()
    run = await office.run_people()

    async with office.agent(until_cancelled):
        await office.until(run, status="running")
        asked = await office.post(f"/runs/{run}/cancel")
        assert asked["cancel_reason"] == "operator asked for it"
        ended = await office.until(run, status="cancelled")

    assert ended["counts"]["users"]["read"] == 1
    assert ended["attempts"][0]["end"] == "cancelled"


async def test_an_approval_reaches_the_agent_and_holds_for_what_was_said(office: Office) -> None:
    await office.set_up()
    allowed: list[tuple[Approval, ...]] = []

    async def sync(attempt: Attempt) -> None:
        allowed.append(attempt.grant.assignment.approved)
        await hold_until_approved(attempt)

    async with office.agent(sync):
        run = await a_held_run(office)
        held = await office.get(f"/runs/{run}")
        assert held["held_for"] == [EXCESS.model_dump(mode="json")]
        assert held["ended_at"] is None

        approved = await office.post(f"/runs/{run}/approve", {"up_to": 50})
        assert (approved["status"], approved["held_for"]) == ("queued", [])
        ended = await office.until(run, status="succeeded")

    assert allowed == [(), (Approval(entity=EXCESS.entity, action=EXCESS.action, up_to=50),)]
    assert [attempt["end"] for attempt in ended["attempts"]] == ["held", "succeeded"]
    said = [event["text"] for event in await office.get(f"/runs/{run}/events")]
    assert "Queued again for group site: operator approved: retire up to 50 users." in said


async def test_an_approval_without_a_number_is_for_all_that_was_found(office: Office) -> None:
    await office.set_up()

    async with office.agent(hold_until_approved):
        run = await a_held_run(office)
        message = await office.refused(422, "POST", f"/runs/{run}/approve", {"up_to": 0})
        assert message.startswith("up_to: must be greater than or equal to 1")
        approved = await office.post(f"/runs/{run}/approve")

    assert approved["approved"] == [{"entity": "users", "action": "retire", "up_to": 212}]


async def test_a_rejected_run_ends(office: Office) -> None:
    await office.set_up()

    async with office.agent(hold_until_approved):
        run = await a_held_run(office)
        rejected = await office.post(f"/runs/{run}/reject")

    assert rejected["status"] == "cancelled"
    last = (await office.get(f"/runs/{run}/events"))[-1]
    assert last["text"] == "operator rejected the held plan; nothing was written."


async def test_a_held_run_whose_integration_was_disabled_is_not_approved(office: Office) -> None:
    await office.set_up()

    async with office.agent(hold_until_approved):
        run = await a_held_run(office)
        await office.post(f"{PEOPLE}/disable")
        message = await office.refused(409, "POST", f"/runs/{run}/approve")

    assert "halo-controller integrations enable acme/people" in message
    assert (await office.get(f"/runs/{run}"))["status"] == "held"


async def test_only_a_held_run_is_approved_or_rejected(office: Office) -> None:
    await office.set_up()
    run = await office.run_people()
    await office.until(run, status="dispatched")

    for verb in ("approve", "reject"):
        message = await office.refused(409, "POST", f"/runs/{run}/{verb}")
        assert message == f"Run {run} is dispatched, not held; there is nothing to {verb}."


async def test_a_job_waits_for_an_agent_that_is_away(office: Office) -> None:
    await office.set_up()
    run = await office.run_people()

    await office.until_waiting(jobs_queue("site"))

    assert await office.transport.depth(agent_queue("one")) == 0
    async with office.agent():
        await office.until(run, status="succeeded")
    assert await office.transport.depth(jobs_queue("site")) == 0
