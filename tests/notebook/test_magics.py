"""What becomes of magics and shell lines."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from nbprod.notebook.magics import Fate, plain_code


def fates(source):
    return [magic.fate for magic in plain_code(source).magics]


def documented():
    """Yield what docs/magics.md says: the source, and what becomes of it."""
    page = (Path(__file__).parents[2] / "docs" / "magics.md").read_text(encoding="utf-8")
    names = {"translated": Fate.TRANSLATED, "left out": Fate.DROPPED, "refused": Fate.REFUSED}
    for code, fate in re.findall(r"^\| `([^`]+)` \| ([a-z ]+) \|", page, re.M):
        yield pytest.param(code.replace("⏎", "\n"), names[fate], id=code)


@pytest.mark.parametrize(("source", "fate"), list(documented()))
def test_the_documented_fate_is_the_fate(source, fate):
    code = plain_code(source)
    assert [magic.fate for magic in code.magics] == [fate]
    (magic,) = code.magics
    assert bool(magic.fix) == (fate is Fate.REFUSED)
    ast.parse(code.source)


def test_prompts_that_were_pasted_along_are_taken_out():
    assert plain_code("In [3]: x = 1\n   ...: print(x)").source.strip() == "x = 1\nprint(x)"
    assert plain_code("In [3]: print(1)").source.strip() == "print(1)"
    text = 'x = """\nfirst\nIn [3]: print(1)"""'
    assert plain_code(text).source.strip() == text


@pytest.mark.parametrize(
    "line", ["awk '{print $NF}' t", "find . -exec ls {} +", "echo {", "awk -F: '{a[$1]++}' {x}"]
)
def test_braces_that_are_no_python_leave_a_shell_line_as_it_is(line):
    """As in IPython, which then puts no value into any part of it."""
    call = ast.parse(plain_code(f"!{line}").source).body[-1].value
    assert ast.literal_eval(call.args[0]) == line


def run(source):
    out = io.StringIO()
    space = {}
    with redirect_stdout(out):
        exec(plain_code(source).source, space)
    return out.getvalue().replace("\r\n", "\n"), space


@pytest.mark.parametrize(
    "line",
    [
        "%matplotlib inline",
        "%config InlineBackend.figure_format = 'retina'",
        "%load_ext autoreload",
        "%autoreload 2",
        "!pip install -q pandas",
        "%pip install pandas",
        "?len",
        "len?",
        "%timeit -n1 sum([1])",
        "%watermark -v",
    ],
)
def test_left_out(line):
    code = plain_code(f"x = 1\n{line}\ny = 2")
    assert code.source.rstrip("\n") == "x = 1\n\ny = 2"
    assert [(magic.fate, magic.line) for magic in code.magics] == [(Fate.DROPPED, 2)]


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("%time print(1)", "1\n"),
        ("%%time\nx = 2\nprint(x)", "2\n"),
        ("!echo hello", "hello\n"),
        ("name = 'you'\n!echo hello {name}", "hello you\n"),
        ("lines = !printf 'a\\nb'\nprint(lines)", "['a', 'b']\n"),
        ("%%bash\necho one\necho two", "one\ntwo\n"),
        ("%%capture\nprint('unseen')\ntext = '''a\n  b'''\n", ""),
        ("for i in range(2):\n    %time print(i)\n    %matplotlib inline", "0\n1\n"),
        ("!echo a \\\n  b", "a b\n"),
        ("%env NBPROD_TEST_MAGIC=a 'b'", "env: NBPROD_TEST_MAGIC=a 'b'\n"),
        ("%cd -q .", ""),
    ],
)
def test_translated_code_prints_what_the_notebook_prints(source, printed):
    assert run(source)[0] == printed
    assert Fate.REFUSED not in fates(source)


def test_capture_keeps_what_the_body_binds():
    assert run("%%capture\nprint(1)\ntext = '''a\n  b'''\n")[1]["text"] == "a\n  b"


def test_capture_keeps_the_text_in_its_name():
    printed, space = run("%%capture out --no-stderr\nprint('kept')\nx = 1")
    assert printed == ""
    assert space["out"].stdout == "kept\n"
    assert space["x"] == 1
    assert run("%%capture out\n# nothing")[1]["out"].stdout == ""


def test_shell_lines_lay_out_a_listing_as_a_terminal_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).touch()
    assert run("!ls")[0] == "a.csv  b.csv\n"
    assert run("%cd -q .\nfiles = !ls\nprint(files)")[0] == "['a.csv', 'b.csv']\n"


def test_moving_to_a_folder_tells_it_as_ipython_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    assert run("%cd data")[0] == f"{tmp_path / 'data'}\n"


def test_only_what_may_print_is_spared_in_comparisons():
    source = "%matplotlib inline\n!pip install x\n%who\n%time x = 1"
    assert [magic.prints for magic in plain_code(source).magics] == [False, True, True, False]


def test_writefile_writes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("%%writefile a.txt\nhello {x}\n")[0] == "Writing a.txt\n"
    assert (tmp_path / "a.txt").read_text() == "hello {x}\n"


@pytest.mark.parametrize(
    "source", ["%run a.py", "%%R\nx <- 1", "!echo $name", "%pylab inline", "%store x", "%strange"]
)
def test_refused_with_reason_and_fix(source):
    (magic,) = plain_code(source).magics
    assert magic.fate is Fate.REFUSED
    assert magic.reason
    assert magic.fix


@pytest.mark.parametrize(
    "line",
    [
        "!pip --version && mkdir data",
        "!pip freeze > requirements.txt",
        "!pip install x; echo a",
        "!pip install `cat x`",
        "!pip install $(cat x)",
        "!pip install --target lib x",
        "!pip list",
        "found = !pip list",
    ],
)
def test_a_shell_line_that_does_more_than_to_install_is_one_like_others(line):
    (magic,) = plain_code(line).magics
    assert magic.fate is Fate.TRANSLATED


@pytest.mark.parametrize(
    "line",
    [
        "!pip install -q 'pandas>=2' numpy<2",
        "!sudo apt-get -qq install -y x",
        "!pip install x > /dev/null 2>&1",
        "!python -m pip install x",
        "!uv pip install x",
        "!pip install {package}",
        "%pip list",
    ],
)
def test_what_only_installs_is_left_out(line):
    assert fates(line) == [Fate.DROPPED]


@pytest.mark.parametrize(
    "source",
    [
        "%pip freeze > x.txt",
        "%%writefile $name.txt\na",
        "%mkdir $x",
        "%save f.py 1-3",
        "%history -f x.py",
        "%%prun -T x.txt\nf()",
        "%logstart a.log",
    ],
)
def test_what_writes_without_being_seen_to_is_refused(source):
    assert fates(source) == [Fate.REFUSED]


@pytest.mark.parametrize(
    "line",
    [
        "awk '{print $2}' t.txt",
        "echo {name} '{a b}'",
        "echo '$name'",
        "echo {rows[1:3]}",
        "echo {name:.2f}",
        "echo {{a}}",
        "find . -exec rm {} +",
        "sed 's/a$/b/' f",
        "echo {name!r} $(date)",
        "echo '$name {name}'",
        "echo $name",
        "echo $1",
    ],
)
def test_a_shell_line_is_expanded_as_ipython_does_or_refused(line):
    from IPython.utils.text import DollarFormatter

    names = {"name": "n", "rows": [1, 2, 3]}
    try:
        expanded = DollarFormatter().vformat(line, args=[], kwargs=names)
    except Exception:
        expanded = line
    code = plain_code(f"!{line}")
    if code.magics[0].fate is Fate.REFUSED:
        assert "$" in line
        return
    (call,) = (node for node in ast.walk(ast.parse(code.source)) if isinstance(node, ast.Call))
    assert eval(ast.unparse(call.args[0]), names) == expanded


def test_names_of_written_files_are_expanded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = plain_code("%%writefile {name}.txt\nhé\n").source
    exec(code, {"name": "conf"})
    assert (tmp_path / "conf.txt").read_text(encoding="utf-8") == "hé\n"
    assert run("%%writefile -a 'a b.txt'\nx\n")[0] == "Writing a b.txt\n"
    assert run("%%writefile -a 'a b.txt'\nx\n")[0] == "Appending to a b.txt\n"


def test_lines_keep_their_numbers():
    code = plain_code("\n\n%matplotlib inline\nx = !ls\n\nz = 1")
    lines = code.source.split("\n")
    assert lines[code.offset + 5] == "z = 1"
    assert [magic.line for magic in code.magics] == [3, 4]


def test_text_that_looks_like_a_magic_is_text():
    source = "text = '''\n%matplotlib inline\n!ls\n'''\n%time x = 1"
    assert plain_code(source).source.rstrip() == "text = '''\n%matplotlib inline\n!ls\n'''\nx = 1"


def test_a_remainder_is_no_magic():
    assert plain_code("x = (7\n%time)").magics == ()


def test_plain_cells_do_not_import_ipython():
    program = (
        "import sys; from nbprod.notebook.magics import plain_code; "
        "plain_code('x = 1'); plain_code('%matplotlib inline\\nx = 1'); "
        "sys.exit('IPython' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
