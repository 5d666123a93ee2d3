"""The ``nbprod`` command: a table of verbs, each loaded only when it is used.

``nbprod --help`` must start faster than the tools it drives, so this module
imports nothing but click; a verb's own module is imported when it is called.
"""

from __future__ import annotations

import math
import os
import signal
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib import import_module

import click

from nbprod import __version__
from nbprod.errors import ExitCode
from nbprod.notebook.quick_import import skip_iri_grammar

# verb -> (module, one line of help). The order is the order of a user's day.
VERBS: dict[str, tuple[str, str]] = {
    "check": ("nbprod.cli.check", "Show roles, steps, parameters and what stands in the way."),
    "tag": ("nbprod.cli.tag", "Suggest cell tags; --write puts them into the notebook."),
    "convert": ("nbprod.cli.convert", "Write the notebook as a readable pipeline project."),
    "run": ("nbprod.cli.run", "Run a notebook or a project with papermill, and keep a record."),
    "runs": ("nbprod.cli.runs", "List the recorded runs."),
    "show": ("nbprod.cli.show", "Show a recorded run: parameters, steps, metrics, data."),
    "diff": ("nbprod.cli.diff", "Show what differs between two recorded runs."),
    "rerun": ("nbprod.cli.rerun", "Repeat a recorded run; --check proves it gives the same."),
    "cache": ("nbprod.cli.cache", "Show what the step cache holds; --clear empties it."),
    "ci": ("nbprod.cli.ci", "Write a workflow that runs the notebook in GitHub or GitLab CI."),
    "verify": ("nbprod.cli.verify", "Prove that the pipeline computes what the notebook computes."),
    "build": ("nbprod.cli.build", "Run, then put model and service into the BentoML store."),
    "serve": ("nbprod.cli.serve", "Serve a built model in the foreground."),
    "deploy": ("nbprod.cli.deploy", "All of it: from a notebook to a service that answers."),
    "status": ("nbprod.cli.status", "List the deployed services."),
    "logs": ("nbprod.cli.logs", "Show a deployed service's log."),
    "stop": ("nbprod.cli.stop", "Stop a deployed service."),
}


def _without_equals_signs(arguments: Iterable[str]) -> Iterator[str]:
    """Yield ``-p NAME VALUE`` for ``-p NAME=VALUE``; no name of a parameter holds a ``=``."""
    before = ""
    for argument in arguments:
        name, sign, value = argument.partition("=")
        if before in {"-p", "--parameter"} and sign and name.isidentifier():
            yield from (name, value)
        else:
            yield argument
        before = argument


class VerbTable(click.Group):
    """A click group that imports a verb's module only when the verb is used."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Understand ``-p NAME=VALUE``, too, which is how ``--grid`` and other tools have it."""
        return super().parse_args(ctx, list(_without_equals_signs(args)))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module and return its command."""
        if cmd_name not in VERBS:
            return None
        command = import_module(VERBS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs from the table, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, text) for verb, (_, text) in VERBS.items()])


EPILOG = """\b
Examples:
  nbprod check churn.ipynb
  nbprod convert churn.ipynb -o churn_pipeline
  nbprod run churn.ipynb out.ipynb -p test_size 0.3
  nbprod deploy churn.ipynb
  nbprod status

\b
Exit codes: 0 done; 1 the notebook's code failed; 2 wrong usage or input;
3 results differ; 4 disk or service failed; 130 interrupted.
"""


@click.group(
    cls=VerbTable,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="nbprod")
def command() -> None:
    """Put a notebook into production, with proof that the model is the notebook's own."""


_PATIENCE = 20.0  # seconds that cleaning up may take before it is interrupted itself


class Interrupts:
    """Handles Ctrl-C, SIGTERM and SIGHUP: the first one stops the work, and undoes what it began.

    Pressed again meanwhile, it would leave half of that: kernels that go on, files half written.
    """

    def __init__(self) -> None:
        self._last = -math.inf
        self._told = False

    def __call__(self, number: int, _frame: object) -> None:
        """Interrupt the work, unless that is what is being done already."""
        if number == signal.SIGHUP:
            _leave_terminal()
        now = time.monotonic()
        if now - self._last >= _PATIENCE:
            self._last, self._told = now, False
            raise KeyboardInterrupt
        if not self._told:
            self._told = True
            with suppress(OSError):
                os.write(2, b"stopping: kernels are being ended, files left whole\n")


def _leave_terminal() -> None:
    """Write nowhere what would go to a terminal that was closed: writing there fails."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(stream).st_mode):
                os.dup2(nowhere, stream)
    os.close(nowhere)


def _handle_interrupts() -> None:
    """Stop in order when a CI runner, the Jupyter server, or a closing terminal asks for it.

    So, too, for Ctrl-C, which a shell script lets its background commands ignore. Under
    ``nohup`` the terminal may close.
    """
    interrupts = Interrupts()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, interrupts)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, interrupts)


def _show_as_json(wrong: click.ClickException) -> None:
    """Print what ``--json`` promises although the command line itself is wrong."""
    import json

    from nbprod.cli.session import error_document
    from nbprod.errors import UsageError

    verb = getattr(getattr(wrong, "ctx", None), "command_path", "nbprod")
    error = UsageError(wrong.format_message(), fix=f"see: {verb} --help")
    click.echo(json.dumps(error_document(error), indent=2, allow_nan=False))


def main() -> None:
    """Run the command and leave with the exit code that the contract names."""
    skip_iri_grammar()
    _handle_interrupts()
    try:
        # Without click's own handling of errors it returns the code that a verb exits with.
        code = command.main(standalone_mode=False)
    except click.exceptions.Exit as ended:
        code = ended.exit_code
    except click.ClickException as wrong:
        wrong.show()
        if "--json" in sys.argv[1:]:
            _show_as_json(wrong)
        sys.exit(ExitCode.USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader went away (nbprod status | head): nobody is left to tell.
        sys.stderr.close()
        sys.exit(ExitCode.DONE)
    if code == ExitCode.INTERRUPTED:
        # While Python ends it has no handlers: one more Ctrl-C would change the exit code.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
    sys.exit(code if isinstance(code, int) else ExitCode.DONE)


if __name__ == "__main__":
    main()
