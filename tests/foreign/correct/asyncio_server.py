"""Phases 1 to 3 by asyncio: `asyncio_server.py echo` and `asyncio_server.py frames`."""

import asyncio
import os
import signal
import sys

MAXIMUM = 32 << 20


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def frames(reader, writer):
    while True:
        header = await reader.readexactly(4)
        length = int.from_bytes(header, "little")
        if length > MAXIMUM:
            break
        writer.write(header + await reader.readexactly(length))
        await writer.drain()
    # FIN first: closing with input unread would destroy the replies under way.
    writer.write_eof()
    while await asyncio.wait_for(reader.read(65536), 1):
        pass


async def serve(reader, writer):
    try:
        await (frames if sys.argv[1] == "frames" else echo)(reader, writer)
    except (asyncio.IncompleteReadError, asyncio.TimeoutError, OSError):
        pass
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(os.environ["PORT"]), backlog=5)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, os._exit, 0)
    await server.serve_forever()


asyncio.run(main())
