"""What both sides say about a run."""

import pytest

from halo_shared.entities import EntityKind
from halo_shared.runs import Action, Excess, RunStatus, Tally


def test_which_statuses_end_a_run() -> None:
    assert {status for status in RunStatus if not status.ended} == {
        RunStatus.QUEUED,
        RunStatus.DISPATCHED,
        RunStatus.RUNNING,
        RunStatus.HELD,
    }


def test_tallies_add_up() -> None:
    total = Tally(read=5, created=1) + Tally(read=2, updated=3).plus(retired=4)

    assert total == Tally(read=7, created=1, updated=3, retired=4)
    assert total.written == 8


def test_only_what_changed_halo_counts_as_written() -> None:
    assert Tally(read=9, unchanged=5, skipped=3, failed=1).written == 0


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        (Action.CREATE, "it would create 1,212 of 5,000 users in Halo and may create 40 without approval"),
        (Action.UPDATE, "it would update 1,212 of 5,000 users in Halo and may update 40 without approval"),
        (
            Action.RETIRE,
            "it would deactivate 1,212 of 5,000 users in Halo and may deactivate 40 without approval",
        ),
    ],
)
def test_an_excess_is_told_in_a_sentence(action: Action, sentence: str) -> None:
    excess = Excess(entity=EntityKind.USERS, action=action, found=1212, limit=40, population=5000)

    assert str(excess) == sentence
