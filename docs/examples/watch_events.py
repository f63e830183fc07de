"""Print what goes wrong, with aio-pika alone: python watch_events.py URL QUEUE (as `monitors add` printed them)."""

import asyncio
import json
import sys

import aio_pika


async def main(url: str, queue_name: str) -> None:
    connection = await aio_pika.connect_robust(url)
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=50)
        # The queue is there already, and the account may not make one.
        queue = await channel.get_queue(queue_name, ensure=False)
        async with queue.iterator() as messages:
            async for message in messages:
                async with message.process():  # acknowledged when the block is left
                    event = json.loads(message.body)
                    origin = event["origin"]
                    print(
                        event["level"],
                        f"{origin['tenant']}/{origin['integration']}",
                        event["text"],
                        flush=True,
                    )


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
