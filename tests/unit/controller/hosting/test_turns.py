"""Whose turn it is in the line for the hosted agents."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from halo_controller.hosting.turns import in_line, turns
from halo_controller.nouns import Run
from halo_shared.runs import RunStatus
from tests.support.builders import NOW
from tests.support.nouns import run


def waiting(tenant: str, number: int) -> Run:
    id_ = f"{number:012x}"
    queued = NOW + timedelta(seconds=number)
    return run(id=id_, tenant=tenant, group="hosted", queued_at=queued, waits_for_turn=True)


def at_work(tenant: str, number: int, status: RunStatus = RunStatus.RUNNING) -> Run:
    return run(status, id=f"{number:012x}", tenant=tenant, group="hosted", waits_for_turn=False)


def test_a_noisy_tenant_has_its_share_and_the_others_come_before_the_rest_of_it() -> None:
    noisy = [waiting("noisy", number) for number in range(300)]
    calm = [waiting("calm", 900), waiting("other", 901)]

    chosen = turns([*noisy, *calm], runs_at_once=2)

    assert [one.tenant for one in chosen] == ["noisy", "calm", "other", "noisy"]
    assert [one.id for one in chosen if one.tenant == "noisy"] == [noisy[0].id, noisy[1].id]


def test_who_has_its_share_waits() -> None:
    working = [at_work("noisy", 1), at_work("noisy", 2, RunStatus.DISPATCHED)]

    assert turns([*working, waiting("noisy", 3)], runs_at_once=2) == []


def test_a_held_run_is_not_in_line() -> None:
    held = [at_work("noisy", 1, RunStatus.HELD), at_work("noisy", 2, RunStatus.HELD)]
    following = waiting("noisy", 3)

    assert turns([*held, following], runs_at_once=2) == [following]


@given(
    st.lists(st.sampled_from(["a", "b", "c"]), max_size=12),
    st.lists(st.sampled_from(["a", "b", "c"]), max_size=12),
    st.integers(min_value=1, max_value=4),
)
def test_nobody_exceeds_the_share_and_no_free_place_stays_empty(
    working: list[str], wanting: list[str], share: int
) -> None:
    busy = [at_work(tenant, number) for number, tenant in enumerate(working)]
    wait = [waiting(tenant, 100 + number) for number, tenant in enumerate(wanting)]

    chosen = turns([*busy, *wait], share)

    after = [*busy, *(one.model_copy(update={"waits_for_turn": False}) for one in chosen)]
    for tenant in "abc":
        of_it = [one for one in after if one.tenant == tenant and in_line(one)]
        was = working.count(tenant)
        assert len(of_it) == max(was, min(share, was + wanting.count(tenant)))
