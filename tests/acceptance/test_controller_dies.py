"""The controller is killed where it hurts most and started again: nothing is lost, and nothing is done twice."""

import pytest

from halo_sandbox.demo.world import until
from tests.acceptance.afterwards import all_is_well
from tests.acceptance.timelines import has_said, in_the_middle, latest
from tests.support.product import Product

pytestmark = pytest.mark.timeout(400)


async def test_right_after_a_run_was_asked_for(office: Product) -> None:
    ref = await office.enable(office.people.integration)
    await office.start(ref)
    office.kill("controller")

    await office.start_controller()
    run = await all_is_well(office, ref)

    assert (run["status"], run["attempt"]) == ("succeeded", 1)


@pytest.mark.parametrize("moment", ["lease_granted", "run_ended"])
async def test_inside_the_transaction_that_begins_or_ends_an_attempt(office: Product, moment: str) -> None:
    """Both are said before they are stored: what the agent asked or told comes again."""
    ref = await office.enable(office.people.integration)
    await office.start(ref)
    await has_said(office, "controller", moment)
    office.kill("controller")

    await office.start_controller()
    run = await all_is_well(office, ref)

    assert (run["status"], run["attempt"]) == ("succeeded", 1)


async def test_while_an_attempt_runs_that_ends_before_it_is_back(office: Product) -> None:
    ref = await in_the_middle(office)
    office.kill("controller")
    await office.well_again()
    await has_said(office, "agent", "attempt_ended")

    await office.start_controller()
    run = await all_is_well(office, ref)

    assert (run["status"], run["attempt"]) == ("succeeded", 1), "an outage of the controller stops no sync"


async def test_while_a_run_is_being_cancelled(office: Product) -> None:
    ref = await in_the_middle(office)
    run = await latest(office, ref)
    await office.order(f"/runs/{run['id']}/cancel", {"reason": "wrong file"})
    office.kill("controller")

    await office.start_controller()
    await until(lambda: _is_over(office, ref))
    await office.well_again()

    assert (await latest(office, ref))["status"] == "cancelled"
    await all_is_well(office, ref)


async def _is_over(office: Product, ref: str) -> bool:
    return (await latest(office, ref))["ended_at"] is not None
