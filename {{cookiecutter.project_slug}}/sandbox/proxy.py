"""A TCP proxy that can go silent: connections stay open, and nothing passes, as behind a firewall that forgot them."""

import asyncio
from contextlib import suppress
from threading import Thread
from typing import Self

from .brokers import HOST, free_ports


class Proxy:
    """Passes on what reaches `port` to the port of a server; a context manager.

    `silence()` makes each connection that is open at that moment a half-open one: nobody is told, nothing arrives. New
    ones are passed on, unless `refuse` is set: then nobody answers them either.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        (self.port,) = free_ports(1)
        self.refuse = False
        self._open: set[asyncio.Event] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)

    def silence(self) -> int:
        """Make the open connections half-open, and return how many there were."""

        async def silence() -> int:
            for passing in self._open:
                passing.clear()
            count = len(self._open)
            self._open.clear()
            return count

        return asyncio.run_coroutine_threadsafe(silence(), self._loop).result()

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(HOST, self.target)
        passing = asyncio.Event()
        if not self.refuse:
            passing.set()
            self._open.add(passing)
        ways = (self._pass(client, to_server, passing), self._pass(server, to_client, passing))
        with suppress(OSError):
            await asyncio.gather(*ways)
        self._open.discard(passing)

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, passing: asyncio.Event) -> None:
        while data := await source.read(65_536):
            await passing.wait()
            target.write(data)
            await target.drain()
        # The end of a connection does not get through a half-open one either.
        await passing.wait()
        target.close()

    def __enter__(self) -> Self:
        self._thread.start()
        server = asyncio.start_server(self._serve, HOST, self.port)
        asyncio.run_coroutine_threadsafe(server, self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
