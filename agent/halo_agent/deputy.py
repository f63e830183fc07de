"""The agent's deputy: a process of its own that speaks when the agent cannot, and says goodbye when it is gone.

    python -m halo_agent.deputy

It is told on its standard input what the agent would say of itself, every second. While nothing comes, the agent's
loop does not move: something holds the interpreter, or the process is frozen. Then the deputy says the heartbeats, and
since when nothing moves. When the input ends, the agent has ended, however that came about.

Idle, it needs nothing but the standard library, so that it stays small; the broker's client is loaded when it speaks.
"""

import asyncio
import json
import queue
import signal
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]  # Any: a heartbeat, as JSON
Lines = queue.SimpleQueue[bytes]

END: Final = b""
"""What is read at the end of the input."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What a deputy is told first."""

    broker_url: str
    agent: str
    session: str
    every: float
    """Seconds between heartbeats, and without a word from the agent before its deputy speaks."""


def main() -> None:
    """Listen to the agent until its end."""
    # Whoever stops the agent stops it alone: its deputy ends with it, by itself.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    lines: Lines = queue.SimpleQueue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    first = lines.get()
    if first == END:
        return
    _listen(Orders(**json.loads(first)), lines)


def _listen(orders: Orders, lines: Lines) -> None:
    said: Json | None = None
    while True:
        moved_at = time.monotonic()
        try:
            line = lines.get(timeout=orders.every)
        except queue.Empty:
            if said is not None:
                _stand_in(orders, said, moved_at, lines)
            continue
        if line == END:
            break
        said = json.loads(line)
    _say_goodbye(orders)


def _stand_in(orders: Orders, said: Json, moved_at: float, lines: Lines) -> None:
    from halo_agent import deputy_voice  # noqa: PLC0415  loaded when it is needed, see above

    asyncio.run(deputy_voice.stand_in(orders, said, moved_at, lambda: not lines.empty()))


def _say_goodbye(orders: Orders) -> None:
    from halo_agent import deputy_voice  # noqa: PLC0415  loaded when it is needed, see above

    asyncio.run(deputy_voice.say_goodbye(orders))


def _read(lines: Lines) -> None:
    # In a thread, since not every system can wait for its standard input and for something else.
    while (line := sys.stdin.buffer.readline()) != END:
        lines.put(line)
    lines.put(END)


if __name__ == "__main__":
    main()
