"""``semcolorize app``: the window in the browser."""

from __future__ import annotations

from pathlib import Path

import click

from semcolorize.errors import ConfigError

__all__ = ["command"]

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@click.command("app")
@click.argument("image", required=False, type=click.Path(path_type=Path))
@click.option("--hints", type=click.Path(path_type=Path), help="YAML, .roi or RoiSet.zip to open with the image.")
@click.option("--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. Others than this machine's own are reachable from the network, by whoever has the "
    "token, unencrypted.",
)
@click.option("--no-browser", is_flag=True, help="Print the address instead of opening it.")
@click.option("--weights", default="default", show_default=True, help="Bundled name or safetensors file.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
def command(
    image: Path | None, hints: Path | None, port: int, host: str, no_browser: bool, weights: str, device: str
) -> None:
    """Open a window in the browser that colors micrographs from clicks.

    IMAGE is a micrograph, or a folder of them; without it the window asks. Nothing leaves this machine: the server
    listens on it alone, and answers only who has the token in its address.

    \b
    Example:
      semcolorize app pollen.tif
      semcolorize app data/2026-11
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"The window needs {error.name}, which is not installed. Install it: pip install 'semcolorize[app]'."
        ) from None
    from semcolorize.imagej.worker import share_cores

    share_cores()
    from semcolorize.app.engine import Engine
    from semcolorize.app.folder import Folder
    from semcolorize.app.guard import Guard
    from semcolorize.app.server import AppServer, listening_socket, serve
    from semcolorize.app.storage import Store
    from semcolorize.errors import ImageReadError

    folder = None
    if image is not None:
        if not image.exists():
            raise ImageReadError("There is no such file.", path=image)
        resolved = image.resolve()
        folder = Folder(resolved if resolved.is_dir() else resolved.parent)
        image = None if resolved.is_dir() else resolved
    if hints is not None and image is None:
        raise ConfigError("--hints belong to an image; name the image, too.", key="hints")
    if hints is not None and not hints.is_file():
        raise ConfigError("There is no such file.", path=hints)
    store = Store()
    listening = listening_socket(host, port)
    port = listening.getsockname()[1]
    names = [*_LOOPBACK, host] if host in _LOOPBACK else _names_of(host)
    guard = Guard.of(names, port)
    server = AppServer(guard, Engine(weights, device), store, folder=folder, image=image, hints=hints)
    shown = "127.0.0.1" if host in ("127.0.0.1", "localhost") else names[0]
    address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/{guard.token}/"

    def ready() -> None:
        click.echo(address)
        click.echo("The window is at this address, for whoever knows it. Ctrl-C ends it; work is kept.", err=True)
        if host not in _LOOPBACK:
            click.echo("It can be reached from the network, unencrypted: an SSH tunnel is safer.", err=True)
        if not no_browser:
            import webbrowser

            webbrowser.open(address)

    serve(server.app, listening, ready)


def _names_of(host: str) -> list[str]:
    """Names and addresses under which others reach a host that is listened on."""
    import socket

    name = socket.gethostname()
    if host not in ("0.0.0.0", "::"):
        return [host, name, *_LOOPBACK]
    found = {str(entry[4][0]) for entry in socket.getaddrinfo(name, None)}
    return [name, *sorted(found), *_LOOPBACK]
