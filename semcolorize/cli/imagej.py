"""``semcolorize imagej``: macros into a Fiji or ImageJ, and the worker that serves them."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["command"]


@click.group("imagej")
def command() -> None:
    """Color from within Fiji and ImageJ.

    \b
    Example:
      semcolorize imagej install --imagej ~/Fiji.app
    """


@command.command("install")
@click.option(
    "--imagej", "folder", required=True, type=click.Path(path_type=Path), help="Folder of Fiji or ImageJ (Fiji.app)."
)
@click.option("--python", help="Interpreter that the macros call. Default: this one.")
@click.option("--uninstall", "removing", is_flag=True, help="Take everything out again.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def install_command(folder: Path, python: str | None, removing: bool, as_json: bool) -> None:
    """Put the macros, the toolset and the path of this Python into a Fiji or ImageJ.

    It can be repeated; macros that you changed are set aside, never lost. Start ImageJ again, then: Plugins >
    SemColorize, and the toolset SEM Colorize under >> in the tool bar.

    \b
    Example:
      semcolorize imagej install --imagej ~/Fiji.app
      semcolorize imagej install --imagej ~/Fiji.app --uninstall
    """
    from semcolorize.imagej.install import install, uninstall

    changes = uninstall(folder) if removing else install(folder, python=python)
    if as_json:
        click.echo(json.dumps({"files": [{"what": change.what, "path": str(change.path)} for change in changes]}))
        return
    for change in changes:
        click.echo(str(change))
    if not removing:
        click.echo("Start ImageJ again, then: Plugins > SemColorize > Colorize SEM.", err=True)


@command.command("worker")
@click.option(
    "--idle-minutes", type=click.FloatRange(min=0), default=30.0, show_default=True, help="End when idle so long."
)
@click.option("--stop", is_flag=True, help="End the running worker after its job.")
def worker_command(idle_minutes: float, stop: bool) -> None:
    """Run the resident worker, which is normally started by the macros.

    There is one for each user. It takes jobs from a private folder (~/.semcolorize, or SEMCOLORIZE_HOME).

    \b
    Example:
      semcolorize imagej worker --idle-minutes 5
    """
    from semcolorize.errors import BridgeError
    from semcolorize.imagej.home import Home

    home = Home.open()
    if stop:
        from semcolorize.imagej.client import stop_worker

        if not stop_worker(home):
            raise BridgeError("The worker is busy; it will end after its job.")
        click.echo("No worker is running.", err=True)
        return
    from semcolorize.imagej.worker import serve, share_cores

    share_cores()
    click.echo(f"waiting for jobs in {home.root}; ends after {idle_minutes:g} idle minutes", err=True)
    if not serve(home, idle_minutes=idle_minutes):
        about = home.worker()
        raise BridgeError(f"A worker is running already (process {about.get('pid', 'unknown')}).")
