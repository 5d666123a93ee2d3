"""How results and errors reach people, scripts and the Jupyter server."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from nbprod.cli.session import session
from nbprod.diagnostics import Diagnostic, Severity
from nbprod.errors import RefusedError, ResultsDifferError, UserCodeError
from nbprod.events import LogEvent, PlanEvent, ProgressEvent, StageEvent, StageState
from nbprod.origin import Origin


def run(body, **options):
    @click.command()
    def verb():
        with session(**options) as opened:
            body(opened)

    return CliRunner().invoke(verb)


def fail_in_a_cell(opened):
    raise UserCodeError(
        "cell 4 raised an exception",
        where=Origin("churn.ipynb", cell=4, line=2),
        step="train",
        first_line="model.fit(X, y)",
        exception="ValueError: bad",
        fix="mend the cell",
    )


def test_an_error_names_what_where_and_what_to_do():
    shown = run(fail_in_a_cell)
    assert shown.exit_code == 1
    assert shown.stdout == ""
    for part in ("churn.ipynb, cell 4, line 2", "train", "model.fit(X, y)", "ValueError: bad"):
        assert part in shown.stderr
    assert "fix: mend the cell" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_with_json_stdout_is_one_document_even_for_an_error():
    shown = run(fail_in_a_cell, as_json=True)
    error = json.loads(shown.stdout)["error"]
    assert (error["cell"], error["line"], error["exit_code"]) == (4, 2, 1)
    assert error["step"] == "train"


def test_refusals_list_every_finding():
    def refuse(opened):
        raise RefusedError(
            "no",
            diagnostics=(
                Diagnostic("syntax-error", Severity.ERROR, "invalid syntax", Origin("n", 2, "", 1)),
                Diagnostic("secret", Severity.ERROR, "a token", Origin("n", 5, "", 3), "remove it"),
            ),
        )

    shown = run(refuse)
    assert shown.exit_code == 2
    assert "cell 2, line 1: error [syntax-error] invalid syntax" in shown.stderr
    assert "fix: remove it" in shown.stderr


def test_events_are_numbered_lines_that_end_with_the_result(tmp_path):
    def work(opened):
        opened.listen(PlanEvent((("run", "run the notebook"),)))
        opened.listen(StageEvent("run", StageState.STARTED))
        opened.listen(ProgressEvent("run", 1, 2, detail="load"))
        opened.listen(LogEvent("hello"))
        opened.finish({"name": "churn"}, "text")

    events = tmp_path / "events.ndjson"
    shown = run(work, events=events)
    assert shown.exit_code == 0
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["plan", "stage", "progress", "log", "result"]
    assert [line["seq"] for line in lines] == [1, 2, 3, 4, 5]
    assert lines[-1]["result"] == {"name": "churn"}
    # The plain lines of a CI log, on stderr.
    assert "run the notebook …" in shown.stderr
    assert "cell 1 of 2 · load" in shown.stderr


def test_an_events_file_that_cannot_be_written_is_wrong_usage(tmp_path):
    shown = run(lambda opened: None, events=tmp_path / "none" / "events.ndjson")
    assert shown.exit_code == 2
    assert "cannot write events" in shown.stderr


@pytest.mark.parametrize(("error", "code"), [(ResultsDifferError("differs"), 3)])
def test_exit_codes(error, code):
    def body(opened):
        raise error

    assert run(body).exit_code == code


def test_an_interrupt_gives_json_too():
    def body(opened):
        raise KeyboardInterrupt

    shown = run(body, as_json=True)
    assert shown.exit_code == 130
    assert json.loads(shown.stdout)["error"]["exit_code"] == 130


def test_what_the_system_refuses_is_no_failure_of_the_users_code():
    def body(opened):
        raise OSError(28, "No space left on device", "/data/.nbprod")

    shown = run(body)
    assert shown.exit_code == 4
    assert "/data/.nbprod" in shown.stderr
    assert "No space left" in shown.stderr


def test_a_defect_keeps_its_traceback_in_a_file():
    def body(opened):
        raise ZeroDivisionError("ours")

    shown = run(body)
    assert shown.exit_code == 4
    assert "Traceback" not in shown.stderr
    kept = shown.stderr.rpartition("traceback in ")[2].strip()
    assert "ZeroDivisionError: ours" in Path(kept).read_text()
    Path(kept).unlink()


def test_events_that_nobody_reads_do_not_stop_the_work():
    shown = run(lambda opened: opened.finish({"done": True}, "text"), events=Path("/dev/full"))
    assert shown.exit_code == 0
    assert "no more events" in shown.stderr
    assert "text" in shown.stdout
