"""A TCP proxy that can go silent: connections stay open, and nothing passes, as behind a firewall that forgot them."""

import asyncio
from concurrent.futures import Future
from contextlib import suppress
from ssl import SSLContext
from threading import Thread
from typing import Self

from .brokers import HOST, free_ports


class Proxy:
    """Passes on what reaches `port` to the port of a server; a context manager.

    `silence()` makes each connection that is open at that moment, and no other, a half-open one: nobody is told,
    nothing arrives. New ones are passed on, unless `refuse` is set: then nobody answers them either. Where the server
    does not listen, a connection is closed. At the end all are, half-open or not. With `tls` its clients speak that.
    """

    def __init__(self, target: int, tls: SSLContext | None = None) -> None:
        self.target, self.tls = target, tls
        (self.port,) = free_ports(1)
        self.refuse = False
        self._open: set[asyncio.Event] = set()
        # Held here: asyncio itself does not keep a task that waits for what nobody else knows.
        self._serving: set[asyncio.Task[None] | None] = set()

    def silence(self) -> int:
        """Make the open connections half-open, and return how many there were."""

        async def silence() -> int:
            for passing in self._open:
                passing.clear()
            count = len(self._open)
            self._open.clear()
            return count

        return asyncio.run_coroutine_threadsafe(silence(), self._loop).result()

    async def _run(self, started: "Future[None]") -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        try:
            server = await asyncio.start_server(self._serve, HOST, self.port, ssl=self.tls)
        except OSError as error:
            started.set_exception(error)
            return
        started.set_result(None)
        await self._end.wait()
        # Nobody waits for the connections: `asyncio.run` cancels what serves them.
        server.close()

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        writers = [to_client]
        passing = asyncio.Event()
        task = asyncio.current_task()
        self._serving.add(task)
        try:
            if self.refuse:
                await passing.wait()
            with suppress(OSError):
                server, to_server = await asyncio.open_connection(HOST, self.target)
                writers.append(to_server)
                passing.set()
                self._open.add(passing)
                ways = (self._pass(client, to_server, passing), self._pass(server, to_client, passing))
                await asyncio.gather(*ways)
        finally:
            self._open.discard(passing)
            self._serving.discard(task)
            for writer in writers:
                writer.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, passing: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                await passing.wait()
                target.write(data)
                await target.drain()
        # The end of a connection, in good order or not, does not get through a half-open one either.
        await passing.wait()
        target.close()

    def __enter__(self) -> Self:
        started: Future[None] = Future()
        self._thread = Thread(target=lambda: asyncio.run(self._run(started)), daemon=True)
        self._thread.start()
        started.result()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
