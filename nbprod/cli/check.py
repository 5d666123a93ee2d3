"""``nbprod check``."""

from __future__ import annotations

from pathlib import Path

import click

from nbprod.cli.options import example, json_option, kernel_option, notebook_argument, strict_option
from nbprod.cli.session import session


def _explain(context: click.Context, _: click.Parameter, code: str | None) -> None:
    """Print a rule's documentation, and end."""
    if code is None or context.resilient_parsing:
        return
    import difflib

    from nbprod.analysis.rulebook.page import rule_text, rules_page
    from nbprod.analysis.rules import RULES

    if code == "all":
        click.echo(rules_page(RULES.values()), nl=False)
    elif code in RULES:
        click.echo(rule_text(RULES[code]), nl=False)
    else:
        near = difflib.get_close_matches(code, RULES, n=1)
        hint = f"did you mean {near[0]}?" if near else "--explain all lists them all."
        raise click.BadParameter(f"there is no rule called {code!r}; {hint}")
    context.exit()


@click.command(
    "check",
    epilog=example(
        "nbprod check churn.ipynb",
        "nbprod check churn.ipynb --json | jq .steps",
        "nbprod check --explain fit-before-split",
    ),
)
@click.option(
    "--explain",
    metavar="RULE",
    is_eager=True,
    expose_value=False,
    callback=_explain,
    help="Explain a rule by its name (all: every rule), and do nothing else.",
)
@notebook_argument
@strict_option
@json_option
@kernel_option
def command(notebook: Path, strict: bool, as_json: bool, kernel: str | None) -> None:
    """Show the steps, parameters and findings of notebook NB; nothing is run.

    Ends with exit code 2 if there are errors that stop a deploy.
    """
    from nbprod.cli.annotations import annotate_diagnostics
    from nbprod.cli.diagnostics import describe_diagnostics, summary
    from nbprod.cli.pipeline_table import describe_pipeline
    from nbprod.diagnostics import has_errors
    from nbprod.errors import ExitCode
    from nbprod.workflows.check import CheckRequest, check

    with session(as_json=as_json, quiet=True, target=notebook) as opened:
        result = check(CheckRequest(notebook, kernel, strict))
        parts = []
        if result.pipeline is not None:
            parts.append(describe_pipeline(result.pipeline, result))
        if result.diagnostics:
            parts.append(describe_diagnostics(result.diagnostics))
        parts.append(f"{notebook.name}: {summary(result.diagnostics)}")
        opened.finish(result.as_json(), "\n\n".join(parts))
        annotate_diagnostics(result.diagnostics, notebook)
        if has_errors(result.diagnostics):
            raise click.exceptions.Exit(int(ExitCode.USAGE))
