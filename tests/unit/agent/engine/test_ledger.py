"""Counting what happens to records."""

from halo_agent.engine.ledger import Ledger
from halo_shared.entities import EntityKind
from halo_shared.runs import Action, Tally


def test_counts_are_kept_by_kind_and_added_up() -> None:
    ledger = Ledger()
    ledger.add(EntityKind.USERS, read=5, unchanged=2)
    ledger.applied(EntityKind.USERS, Action.CREATE)
    ledger.applied(EntityKind.USERS, Action.UPDATE)
    ledger.applied(EntityKind.ASSETS, Action.RETIRE)
    ledger.refuse(EntityKind.ASSETS)

    assert ledger.counts == {
        EntityKind.USERS: Tally(read=5, unchanged=2, created=1, updated=1),
        EntityKind.ASSETS: Tally(retired=1, failed=1),
    }
    assert ledger.total == Tally(read=5, unchanged=2, created=1, updated=1, retired=1, failed=1)


def test_what_was_tried_counts_refusals_but_not_what_could_not_be_read() -> None:
    ledger = Ledger()
    ledger.add(EntityKind.USERS, failed=3)
    ledger.applied(EntityKind.USERS, Action.CREATE)
    ledger.refuse(EntityKind.USERS)

    assert (ledger.handled, ledger.refused, ledger.of(EntityKind.USERS).failed) == (2, 1, 4)


def test_counts_that_were_handed_out_do_not_change_later() -> None:
    ledger = Ledger()
    ledger.add(EntityKind.USERS, read=1)
    before = ledger.counts
    ledger.add(EntityKind.USERS, read=1)

    assert before[EntityKind.USERS].read == 1


def test_nothing_has_happened_to_a_kind_that_was_not_read() -> None:
    assert Ledger().of(EntityKind.SITES) == Tally()
