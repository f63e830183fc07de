"""The machine's clock."""

from datetime import UTC, datetime, timedelta

from halo_shared.clock import SystemClock


def test_the_wall_clock_is_aware_and_in_utc() -> None:
    now = SystemClock().now()

    assert now.utcoffset() == timedelta(0)
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)


async def test_sleeping_takes_its_time() -> None:
    clock = SystemClock()
    began = clock.monotonic()

    await clock.sleep(0.05)

    assert clock.monotonic() - began >= 0.05
