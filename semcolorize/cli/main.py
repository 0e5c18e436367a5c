"""The command line: one module a command, loaded when it is called for."""

from __future__ import annotations

import importlib
import signal
import sys
from typing import Any

import click

from semcolorize._version import __version__
from semcolorize.errors import ConfigError, SemColorizeError

__all__ = ["cli", "main"]

# name: (module, attribute, one line for the overview, so that the overview loads no command)
_COMMANDS = {
    "demo": ("demo", "Color an example micrograph and say where the pictures are."),
    "colorize": ("colorize", "Color a micrograph from hints."),
    "views": ("views", "Color the views of one specimen alike, from hints on some of them."),
    "check": ("check", "Validate hints, palettes, jobs and recipes: all faults, with line numbers."),
    "palette": ("palette", "List a palette, or check it for contrast and color-vision deficiency."),
    "doctor": ("doctor", "Say what works on this machine, with advice."),
    "evaluate": ("evaluate", "Score the model against classical methods on color images."),
    "benchmark": ("benchmark", "Measure speed and memory on this machine, against classical methods."),
    "train": ("train", "Train a model after a recipe."),
    "batch": ("batch", "Color a folder as a YAML job says, with a ledger and a report."),
    "app": ("app", "Open the window in the browser: color by clicking."),
    "imagej": ("imagej", "Put macros into Fiji or ImageJ; the worker that serves them."),
}


class _Overview(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"semcolorize.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            close = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            if not close:
                raise
            raise click.UsageError(f"{error.message} Did you mean {close[0]}?", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_Overview, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="semcolorize")
@click.option("--debug", is_flag=True, help="Show a traceback with an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Color scanning-electron micrographs from a few hints, without touching the measurement.

    Only a*b* is generated; the lightness of every pixel stays what was measured.

    \b
    Examples:
      semcolorize demo
      semcolorize colorize grain.tif --hints grain.hints.yaml -o grain_color.tif
    """
    ctx.obj = {"debug": debug}


def main() -> None:
    """Entry point: exit codes 0 done, 1 our error, 2 usage or configuration, 3 finished with failed files."""
    # So that a job that is stopped takes its temporary files with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        # Loaded: from here on Ctrl-C is answered in words.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    debug = "--debug" in sys.argv
    if debug:
        # Accepted anywhere on the line, not only before the command.
        sys.argv = [sys.argv[0], "--debug", *(arg for arg in sys.argv[1:] if arg != "--debug")]
    try:
        status = cli.main(standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except SemColorizeError as error:
        if debug:
            raise
        faults = error.faults if isinstance(error, ConfigError) else (error,)
        for fault in faults:
            click.echo(f"error: {fault}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        if debug:
            raise
        click.echo(f"error: {error.filename or ''}: {error.strerror or error}".replace(": :", ":"), err=True)
        sys.exit(1)
    except MemoryError:
        if debug:
            raise
        click.echo("error: not enough memory. Try a smaller --working-size or fewer --variants.", err=True)
        sys.exit(1)
