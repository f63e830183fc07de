"""Being asked to stop: once to drain, twice to cancel."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Stopping:
    """What a process was asked: nothing yet, to drain, or to cut short what runs."""

    def __init__(self) -> None:
        self.drain = asyncio.Event()
        self.cancel = asyncio.Event()

    def ask(self) -> None:
        """Ask once to drain, and once more to cancel."""
        if self.drain.is_set():
            self.cancel.set()
        self.drain.set()


@contextmanager
def on_signals(stopping: Stopping) -> Iterator[None]:
    """Let SIGINT and SIGTERM ask to stop; also on Windows, whose event loop handles no signals."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        # Called between two bytecodes of the main thread; the loop must be woken to notice.
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopping.ask))
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(TypeError, ValueError):
                signal.signal(number, handler)
