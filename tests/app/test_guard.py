"""Who may talk to the server, told by its answers: only who has the token, from the window's own origin."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from semcolorize.app.wire import pack, unpack


def get(address: str, path: str | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    asked = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.putrequest("GET", parts.path if path is None else path, skip_host="Host" in asked)
    for name, value in asked.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content


def test_only_with_the_token_and_from_the_own_origin(app: Callable[..., Any], micrograph: Path) -> None:
    address = app(micrograph).address
    parts = urlsplit(address)
    origin = f"http://{parts.netloc}"
    assert get(address)[0] == 200
    assert get(address, Origin=origin)[0] == 200
    assert get(address, f"{parts.path}mount.js")[0] == 200
    token = parts.path.strip("/")
    for path in ("/", "/wrong/", f"/{token[:-1]}x/", f"/{token[:-1]}/", "/mount.js", f"//{token}/", "/%2e%2e/"):
        assert get(address, path)[0] == 403, path
    for foreign in ("http://evil.example", "null", f"https://{parts.netloc}", f"{origin}.evil.example", "http://127.0.0.1"):
        assert get(address, Origin=foreign)[0] == 403, foreign
    for host in ("evil.example", f"evil.example:{parts.port}", "127.0.0.1"):
        assert get(address, Host=host)[0] == 403, host
    assert get(address, Sec_Fetch_Site="cross-site")[0] == 403


def test_nothing_but_the_front_end_is_served(app: Callable[..., Any], micrograph: Path) -> None:
    address = app(micrograph).address
    path = urlsplit(address).path
    for name in (
        "../app/guard.py", "..%2fguard.py", "%2e%2e/guard.py", "....//guard.py", "guard.py", "pollen.tif",
        "/etc/passwd", "%2fetc%2fpasswd", "front/mount.js", "mount.js%00", "",
    ):  # fmt: skip
        status, _, content = get(address, path + name)
        assert (status in (403, 404)) if name else status == 200, name
        assert b"hmac" not in content and b"root:" not in content


def test_every_answer_shuts_out_foreign_scripts(app: Callable[..., Any]) -> None:
    address = app().address
    _, headers, content = get(address)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "*" not in policy
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert b"http://" not in content and b"https://" not in content


def test_it_listens_on_this_machine_alone(app: Callable[..., Any]) -> None:
    port = urlsplit(app().address).port
    own = {entry[4][0] for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for other in own - {"127.0.0.1", "127.0.1.1"}:
        with pytest.raises(OSError):
            socket.create_connection((other, port), timeout=2)


def test_sockets_are_refused_without_token_or_origin(app: Callable[..., Any], micrograph: Path) -> None:
    client = pytest.importorskip("websockets.sync.client")
    from websockets.exceptions import InvalidStatus

    address = app(micrograph).address
    parts = urlsplit(address)
    place, origin = f"ws://{parts.netloc}{parts.path}socket", f"http://{parts.netloc}"
    for url, foreign in [
        (place, None), (place, "http://evil.example"), (f"ws://{parts.netloc}/socket", origin),
        (f"ws://{parts.netloc}/wrong/socket", origin),
    ]:  # fmt: skip
        with pytest.raises(InvalidStatus) as refused, client.connect(url, origin=foreign):
            pass
        assert refused.value.response.status_code == 403
    with client.connect(place, origin=origin, max_size=None) as own:
        told = _ask(own, {"type": "hello"}, "welcome")
        assert told["session"]
        # Paths lead nowhere but to the folder that was opened.
        secret = micrograph.parent.parent / "secret.tif"
        secret.write_bytes(micrograph.read_bytes())
        (micrograph.parent / "link.tif").symlink_to(secret)
        outside = ("../secret.tif", "..\\secret.tif", str(secret), "link.tif", "..", ".", "pollen.tif/../../secret.tif")
        for name in outside:
            assert "no file of the folder" in _ask(own, {"type": "open", "name": name}, "error")["text"]
        for wrong in (
            {"type": "open"}, {"type": "nonsense"}, {}, {"type": "resume", "saved": "../../etc"},
            {"type": "tiles", "view": "x", "gray": [[0] * 3] * 100000}, {"type": "hello", "more": 1},
            {"type": "add-hint", "view": "x", "of": "c1", "path": [], "size": 3},
            {"type": "upload", "id": "u", "name": "x", "size": -1, "offset": 0},
            {"type": "upload", "id": "u", "name": "x.tif", "size": 1 << 39, "offset": 0},
        ):  # fmt: skip
            assert _ask(own, wrong, "error")["text"]
        for noise in (b"", b"\0\0\0\4{}", b"\xff" * 50, pack({"type": "hello"})[:-1]):
            own.send(noise)
            assert "cannot be read" in _next(own, "error")["text"]
        # It lives on.
        assert _ask(own, {"type": "hello"}, "welcome")


def test_uploads_end_in_the_private_folder(app: Callable[..., Any], micrograph: Path) -> None:
    client = pytest.importorskip("websockets.sync.client")
    server = app()
    parts = urlsplit(server.address)
    with client.connect(
        f"ws://{parts.netloc}{parts.path}socket", origin=f"http://{parts.netloc}", max_size=None
    ) as own:
        data = micrograph.read_bytes()
        header = {"type": "upload", "id": "u1", "name": "../../../evil\\..\\x.tif", "size": len(data), "offset": 0}
        own.send(pack(header, [data]))
        assert _next(own, "opened")["width"] == 1024
        (kept,) = (server.home / "app").glob("*/files/*/*")
        assert kept.name == "x.tif" and kept.read_bytes() == data
        # Parts that do not follow each other, and more than was announced.
        own.send(pack({**header, "id": "u2", "offset": 5}, [b"x"]))
        assert "lost on the way" in _next(own, "error")["text"]
        own.send(pack({**header, "id": "u3", "size": 3}, [b"xxxxxx"]))
        assert "not as long" in _next(own, "error")["text"]
    assert (server.home / "app").stat().st_mode & 0o077 == 0


def _ask(socket_: Any, header: dict[str, Any], kind: str) -> dict[str, Any]:
    socket_.send(pack(header))
    return _next(socket_, kind)


def _next(socket_: Any, kind: str) -> dict[str, Any]:
    for _ in range(200):
        header, _ = unpack(socket_.recv(timeout=20))
        if header["type"] == kind:
            return dict(header)
    raise AssertionError(f"no {kind}")
