"""Ship events to Grafana Loki: python ship_events.py URL QUEUE http://loki:3100 (URL and QUEUE as `monitors add` printed them).

Needs aio-pika and httpx. It ends when the broker or Loki is away: let systemd start it again. What Loki has not taken
stays in the queue; what it took just before such an end may come twice, and `id` in each line tells.
"""

import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from operator import itemgetter

import aio_pika
import httpx
from aio_pika.abc import AbstractIncomingMessage

AT_ONCE = 500
GATHER = 1.0
"""Seconds in which events are gathered for one request."""

Arrived = asyncio.Queue[AbstractIncomingMessage]


async def main(url: str, queue_name: str, loki: str) -> None:
    connection = await aio_pika.connect(url)
    async with connection, httpx.AsyncClient(base_url=loki) as http, asyncio.TaskGroup() as tasks:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=AT_ONCE)
        # The queue is there already, and the account may not make one.
        queue = await channel.get_queue(queue_name, ensure=False)
        arrived: Arrived = asyncio.Queue()
        await queue.consume(arrived.put)
        tasks.create_task(ship(arrived, http))
        await connection.closed()
        raise ConnectionError("the broker is away")


async def ship(arrived: Arrived, http: httpx.AsyncClient) -> None:
    """Hand on what arrives; it is acknowledged when Loki has it."""
    while True:
        some = [await arrived.get()]
        await asyncio.sleep(GATHER)
        while not arrived.empty():
            some.append(arrived.get_nowait())
        streams = in_streams(message.body.decode() for message in some)
        (await http.post("/loki/api/v1/push", json={"streams": streams})).raise_for_status()
        await some[-1].ack(multiple=True)
        print(f"shipped {len(some)}", flush=True)


def in_streams(lines: Iterable[str]) -> list[dict[str, object]]:
    """The lines by their labels, which are few: whatever has many values stays in the line."""
    streams: dict[tuple[str, ...], list[list[str]]] = defaultdict(list)
    for line in lines:
        event = json.loads(line)
        origin = event["origin"]
        at = datetime.fromisoformat(event["at"]).timestamp()
        labels = (origin["tenant"], origin["integration"], event["kind"], event["level"])
        streams[labels].append([f"{int(at * 1_000_000)}000", line])
    names = ("tenant", "integration", "kind", "level")
    return [
        {"stream": dict(zip(names, labels, strict=True)), "values": sorted(values, key=itemgetter(0))}
        for labels, values in streams.items()
    ]


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
