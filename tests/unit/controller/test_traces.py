"""What belongs to a run's trace, and what points to another."""

import os

import pytest

from halo_controller.dispatcher import open_run, queue_again
from halo_controller.lifecycle import Happening
from halo_controller.nouns import Trigger
from halo_controller.store import runs
from halo_sandbox.demo.world import until
from halo_shared import telemetry
from halo_shared.runs import RunStatus
from tests.support.builders import NOW, REF, finished
from tests.support.otlp import TraceReceiver, receiving_traces
from tests.unit.controller.centre import Centre


async def test_another_attempt_is_of_the_same_trace_and_a_retry_points_to_the_run_before(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    await centre.set_up("one")
    async with receiving_traces() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.address)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        with telemetry.exported("halo-integrator-controller", "here", os.environ):
            await centre.inbox.take(finished(await centre.leased(), RunStatus.FAILED))
            async with centre.database.write() as db:
                retry = await open_run(db, REF, Trigger.RETRY, "it failed before", NOW)
            await centre.publisher.publish_some()
            async with centre.database.write() as db:
                await queue_again(
                    db, await runs.get(db, retry.id), Happening.NOT_TAKEN, "nobody took it", NOW
                )
            await centre.publisher.publish_some()
            await until(lambda: _jobs_published(receiver, 3))

    (before,) = {span.trace for span in receiver.trace("trigger person")}
    trace = receiver.trace("trigger retry")
    names = {span.id: span.name for span in trace}
    assert [(names.get(span.parent), span.name) for span in trace] == [
        (None, "trigger retry"),
        ("trigger retry", "publish jobs"),
        ("trigger retry", "queue again not_taken"),
        ("queue again not_taken", "publish jobs"),
    ]
    assert trace[0].links == (before,)
    assert trace[0].attributes["halo.run"] == retry.id


async def _jobs_published(receiver: TraceReceiver, times: int) -> bool:
    return [span.name for span in receiver.spans].count("publish jobs") == times
