"""What every loop does when the other side is away for a moment: say so, and look again next time."""

from collections.abc import Iterator
from contextlib import contextmanager

from halo_shared import logs
from halo_shared.errors import TransientError

log = logs.get(__name__)


@contextmanager
def outlasting_passing_faults(loop: str) -> Iterator[None]:
    """Let a loop's work end early when a fault will pass; any other ends the loop, and the controller with it."""
    try:
        yield
    except TransientError as error:
        log.warning("loop_waits", loop=loop, code=error.code, why=error.message, detail=error.detail)
