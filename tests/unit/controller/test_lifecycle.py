"""The life of a run, cell by cell: written out here by hand, so that no change of the table goes unseen."""

import pytest

from halo_controller.lifecycle import TRANSITIONS, Happening, follows
from halo_shared.runs import RunStatus

TABLE = """
             published  leased  not_taken succeeded partial failed cancelled held approved rejected attempt_lost lost
queued       dispatched running -         -         -       -      cancelled -    -        -        -            -
dispatched   dispatched running queued    -         -       -      cancelled -    -        -        -            -
running      running    -       -         succeeded partial failed cancelled held -        -        queued       lost
held         -          -       -         -         -       -      cancelled -    queued   cancelled -           -
succeeded    -          -       -         -         -       -      -         -    -        -        -            -
partial      -          -       -         -         -       -      -         -    -        -        -            -
failed       -          -       -         -         -       -      -         -    -        -        -            -
cancelled    -          -       -         -         -       -      -         -    -        -        -            -
lost         -          -       -         -         -       -      -         -    -        -        -            -
"""


def cells() -> list[tuple[str, str, str]]:
    head, *rows = (line.split() for line in TABLE.strip().splitlines())
    return [(row[0], happening, then) for row in rows for happening, then in zip(head, row[1:], strict=True)]


@pytest.mark.parametrize(("status", "happening", "then"), cells())
def test_what_follows(status: str, happening: str, then: str) -> None:
    expected = None if then == "-" else RunStatus(then)

    assert follows(RunStatus(status), Happening(happening)) is expected


def test_the_table_above_has_every_cell() -> None:
    assert {(status, happening) for status, happening, _ in cells()} == {
        (status.value, happening.value) for status in RunStatus for happening in Happening
    }


def reachable(start: RunStatus) -> set[RunStatus]:
    found = {start}
    while more := {then for (status, _), then in TRANSITIONS.items() if status in found} - found:
        found |= more
    return found


def test_every_status_can_be_reached() -> None:
    assert reachable(RunStatus.QUEUED) == set(RunStatus)


@pytest.mark.parametrize("status", [status for status in RunStatus if not status.ended])
def test_every_open_run_can_end(status: RunStatus) -> None:
    assert any(later.ended for later in reachable(status))


@pytest.mark.parametrize("status", [status for status in RunStatus if status.ended])
def test_nothing_befalls_a_run_that_has_ended(status: RunStatus) -> None:
    assert reachable(status) == {status}
