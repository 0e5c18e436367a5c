"""The window's host in a browser: a server on this machine, for this user."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope
from starlette.types import Send as AsgiSend
from starlette.websockets import WebSocket, WebSocketDisconnect

from semcolorize.app.engine import Engine
from semcolorize.app.folder import Folder
from semcolorize.app.front_files import CONTENT_TYPES, front_file
from semcolorize.app.guard import Guard, security_headers
from semcolorize.app.session import Session
from semcolorize.app.storage import Store
from semcolorize.app.uploads import PART_BYTES
from semcolorize.app.wire import pack, unpack
from semcolorize.app.worker import Worker
from semcolorize.errors import ConfigError, SemColorizeError

__all__ = ["AppServer", "listening_socket"]

_LEFT_SECONDS = 120.0
"""A window that is gone may come back so long, as after a reload; then its work is closed, and kept on the disk."""
_MOST_SESSIONS = 32
_MOST_WAITING = 4000


@dataclass(eq=False)
class _Window:
    """A session and the sockets that show it."""

    session: Session
    outboxes: list[asyncio.Queue[bytes]] = field(default_factory=list)
    leaving: asyncio.TimerHandle | None = None


class AppServer:
    """Serves windows.

    Parameters
    ----------
    guard : Guard
    engine : Engine
    store : Store
    folder : Folder, optional
        What the user opened.
    image, hints : Path, optional
        Opened in the first window.
    """

    def __init__(
        self,
        guard: Guard,
        engine: Engine,
        store: Store,
        *,
        folder: Folder | None = None,
        image: Path | None = None,
        hints: Path | None = None,
    ) -> None:
        self.guard, self.engine, self.store, self.folder = guard, engine, store, folder
        self._first = None if image is None else (image, hints)
        self._windows: dict[str, _Window] = {}
        self._worker = Worker()
        self._loop: asyncio.AbstractEventLoop | None = None
        token = guard.token
        routes = [
            Route(f"/{token}/", self._index),
            Route(f"/{token}/{{name}}", self._file),
            WebSocketRoute(f"/{token}/socket", self._socket),
        ]
        self.app: ASGIApp = _Guarded(Starlette(routes=routes, lifespan=self._lifespan), guard)

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self._loop = asyncio.get_running_loop()
        # The page is there at once; the model comes while the user looks for the first spot.
        warming = asyncio.create_task(asyncio.to_thread(self._warm))
        try:
            yield
        finally:
            warming.cancel()
            for window in list(self._windows.values()):
                await asyncio.to_thread(window.session.close)
            await asyncio.to_thread(self._worker.close)

    def _warm(self) -> None:
        with contextlib.suppress(SemColorizeError):
            # Whoever clicks is told what is wrong with it.
            self.engine.warm()
        with contextlib.suppress(OSError):
            self.store.clear_old()

    async def _index(self, request: Request) -> Response:
        return Response(front_file("index.html"), media_type=CONTENT_TYPES[".html"])

    async def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        try:
            return Response(front_file(name), media_type=CONTENT_TYPES[Path(name).suffix])
        except KeyError:
            return PlainTextResponse("There is no such file.", status_code=404)

    async def _socket(self, websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            window = self._window(websocket.query_params.get("session", ""))
        except SemColorizeError as error:
            await websocket.send_bytes(pack({"type": "error", "text": str(error)}))
            await websocket.close(1013)
            return
        outbox: asyncio.Queue[bytes] = asyncio.Queue()
        window.outboxes.append(outbox)
        if window.leaving is not None:
            window.leaving.cancel()
            window.leaving = None
        sending = asyncio.create_task(_send_all(websocket, outbox))
        try:
            while True:
                data = await websocket.receive_bytes()
                await self._take(window, outbox, data)
        except (WebSocketDisconnect, KeyError):
            # KeyError: text, which nothing of ours sends.
            pass
        finally:
            sending.cancel()
            window.outboxes.remove(outbox)
            if not window.outboxes:
                assert self._loop is not None
                window.leaving = self._loop.call_later(_LEFT_SECONDS, self._leave, window)

    async def _take(self, window: _Window, outbox: asyncio.Queue[bytes], data: bytes) -> None:
        try:
            header, buffers = unpack(data)
        except ConfigError as error:
            outbox.put_nowait(pack({"type": "error", "text": str(error)}))
            return
        await asyncio.to_thread(window.session.handle, header, buffers)

    def _window(self, wanted: str) -> _Window:
        """The window of a session: one that was left, as by a reload, or work on the disk, or a new one."""
        if wanted in self._windows:
            return self._windows[wanted]
        if len(self._windows) >= _MOST_SESSIONS:
            raise ConfigError(f"{_MOST_SESSIONS} windows are open, the most at once. Close some, and reload this one.")
        work = self.store.claim(wanted) if wanted else None
        window: _Window

        def send(header: dict[str, Any], buffers: Sequence[bytes]) -> None:
            data = pack(header, buffers)
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._deliver, window, data)

        session = Session(self.engine, send, self._worker.wake, store=self.store, work=work, folder=self.folder)
        window = _Window(session)
        self._windows[session.id] = window
        state = None if work is None else work.read()
        if state is not None:
            with session.telling_errors():
                session.views.restore(state)
        elif self._first is not None:
            image, hints = self._first
            session.views.open_path(image, beside=True, hints=hints)
            self._first = None
        self._worker.add(session)
        return window

    def _deliver(self, window: _Window, data: bytes) -> None:
        # Work that is resumed has another place, and its window is found there from then on.
        if window.session.id and window.session.id not in self._windows:
            self._windows = {own.session.id: own for own in self._windows.values()}
        for outbox in window.outboxes:
            if outbox.qsize() < _MOST_WAITING:
                outbox.put_nowait(data)

    def _leave(self, window: _Window) -> None:
        """Close what nobody came back to."""
        self._windows = {name: own for name, own in self._windows.items() if own is not window}
        self._worker.remove(window.session)
        assert self._loop is not None
        self._loop.run_in_executor(None, window.session.close)


class _Guarded:
    """The application behind its guard: nothing inside sees a request that was refused."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app, self._guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: AsgiSend) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        from starlette.datastructures import Headers

        headers = Headers(scope=scope)
        refusal = self._guard.refusal(scope["path"], headers, socket=scope["type"] == "websocket")
        if refusal is not None:
            if scope["type"] == "websocket":
                # Before it is accepted: the browser sees a 403.
                await WebSocket(scope, receive, send).close(1008)
                return
            await PlainTextResponse(refusal + "\n", status_code=403)(scope, receive, send)
            return
        extra = [(name.encode(), value.encode()) for name, value in security_headers(headers["host"]).items()]

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *extra]}
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def _send_all(websocket: WebSocket, outbox: asyncio.Queue[bytes]) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await websocket.send_bytes(await outbox.get())


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens, so that the port is known before the server runs.

    Raises
    ------
    ConfigError
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"{host}:{port} cannot be listened on: {reason}. Choose another --port, or leave it out for a free one.",
            key="port",
        ) from None
    return made


def serve(app: ASGIApp, listening: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve until interrupted; `on_ready` is called when requests are answered."""
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, ws="auto", ws_max_size=PART_BYTES + (4 << 20), lifespan="on",
        server_header=False, date_header=False, timeout_graceful_shutdown=3, ws_per_message_deflate=False,
    )  # fmt: skip
    server = uvicorn.Server(config)

    class _Telling(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            on_ready()

    server = _Telling(config)
    server.run(sockets=[listening])
