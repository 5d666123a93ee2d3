"""Magics and shell lines: translated into Python, left out with a notice, or refused.

IPython's own transformer does the syntax (it knows where a ``%`` is a magic and where
it is a remainder); this module then decides about each call that it produced. Line
numbers of the cell are preserved: what is left out leaves an empty line.
"""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

from nbprod.notebook.automagic import as_magic
from nbprod.notebook.magic_table import (
    ALIASES,
    DISPLAY_CELL_MAGICS,
    INSTALLED_BESIDE,
    INSTALLERS,
    NEUTRAL,
    PACKAGES,
    REFUSALS,
    SHOWING_PACKAGES,
    SILENT,
    TIMED_AND_DROPPED,
    TRANSPARENT,
    WRITING_OPTIONS,
)
from nbprod.notebook.own_file import without_own_file
from nbprod.notebook.syntax import parses

# What IPython itself runs a %%capture cell in.
CAPTURE_MODULE = "IPython.utils.capture"
# What IPython itself runs shell lines with.
SHELL_MODULE = "IPython.utils.process"

# Pasted along with code: to Python it is an item with an annotation, ``In[3]: print(x)``.
_PROMPT = re.compile(r"^In \[\d+\]: ", re.M)
_CONTINUED_MAGIC = re.compile(r"^\s*(?:[%!]|[\w.,\s]+=\s*[%!])")


class Fate(StrEnum):
    """What became of a magic."""

    TRANSLATED = "translated"
    DROPPED = "dropped"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Magic:
    """One magic or shell line and what became of it.

    Attributes:
        text: As written, shortened to one line.
        line: Line in the cell, from 1.
        fate: Translated, dropped or refused.
        reason: Why, one clause; empty where it needs no words.
        fix: What the author can write instead; empty unless refused.
        measured: Code that is left out since it is only measured: it must have no effect.
    """

    text: str
    line: int
    fate: Fate
    reason: str = ""
    fix: str = ""
    measured: str = ""

    @property
    def prints(self) -> bool:
        """Whether it was left out although it may print something."""
        name = self.text.lstrip("%").partition(" ")[0]
        return self.fate is Fate.DROPPED and name not in SILENT


@dataclass(frozen=True, slots=True)
class PlainCode:
    """A cell as plain Python.

    Attributes:
        source: Python text with the cell's own line numbers.
        magics: What was found, in order.
        offset: Lines that were put before the cell's first one.
    """

    source: str
    magics: tuple[Magic, ...] = ()
    offset: int = 0


@dataclass(slots=True)
class _Rewrite:
    """Collects what happens to the magics of one cell."""

    magics: list[Magic] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)

    def note(
        self,
        text: str,
        line: int,
        fate: Fate,
        reason: str = "",
        fix: str = "",
        measured: str = "",
    ) -> None:
        first = text.strip().split("\n", 1)[0]
        self.magics.append(Magic(first[:80], line, fate, reason, fix, measured))

    def refuse(self, name: str, text: str, line: int) -> None:
        """Note that a magic is refused, with the reason that the table has."""
        reason, fix = REFUSALS.get(name, ("nbprod does not know this magic", _FIX_MAGIC))
        self.note(text, line, Fate.REFUSED, reason, fix)


def plain_code(source: str, bound: Collection[str] | None = None) -> PlainCode:
    """Turn a code cell's ``source`` into plain Python.

    Text that is not Python even then is returned as it is: parsing it tells the error.

    Args:
        source: The cell.
        bound: Names that earlier cells bind, see :func:`.automagic.as_magic`.
    """
    source, line = without_own_file(as_magic(_without_form_feeds(source), bound), bound or ())
    rewrite = _Rewrite()
    if line:
        rewrite.note(
            "__file__", line, Fate.TRANSLATED, "a notebook has none: what except says counts"
        )
    if _is_python(source):
        return PlainCode(source, tuple(rewrite.magics))
    source = _apply_line_magics(_apply_cell_magic(source, rewrite), rewrite)
    prelude = "".join(f"import {name}\n" for name in sorted(rewrite.imports))
    magics = tuple(sorted(rewrite.magics, key=lambda magic: magic.line))
    return PlainCode(prelude + source, magics, len(rewrite.imports))


def _without_form_feeds(source: str) -> str:
    """Take out form feeds that stand where a line begins: to Python they are nothing."""
    if "\f" not in source:
        return source
    plain = re.sub(r"^[ \t]*\f+", "", source, flags=re.M)
    same = (
        parses(source)
        and parses(plain)
        and ast.dump(ast.parse(source)) == ast.dump(ast.parse(plain))
    )
    return plain if same else source


def _is_python(source: str) -> bool:
    """Tell whether nothing in ``source`` is IPython's."""
    return "get_ipython" not in source and parses(source) and not _PROMPT.search(source)


# Cell magics ---------------------------------------------------------------------


def _apply_cell_magic(source: str, rewrite: _Rewrite) -> str:
    """Replace a leading ``%%magic`` (and those right below it) by what it stands for."""
    lines = source.split("\n")
    for index, line in enumerate(lines):
        text = line.strip()
        if not text:
            continue
        if not text.startswith("%%"):
            break
        name, _, arguments = text[2:].partition(" ")
        lines[index] = ""
        kept = _cell_magic(name, arguments.strip(), lines, index, rewrite)
        if not kept:
            return ""
    return "\n".join(lines)


def _cell_magic(name: str, arguments: str, lines: list[str], index: int, rewrite: _Rewrite) -> bool:
    """Rewrite ``lines`` below ``index``; tell whether the body stays Python."""
    text, line = f"%%{name} {arguments}".strip(), index + 1
    body = "\n".join(lines[index + 1 :])
    if _writes(name, arguments):
        rewrite.refuse(name, text, line)
        return False
    if name in TRANSPARENT:
        lines[index] = arguments if name != "prun" else ""
        rewrite.note(text, line, Fate.TRANSLATED, "its code is run without the magic")
    elif name == "capture":
        _capture(arguments, lines, index, rewrite)
    elif name in DISPLAY_CELL_MAGICS:
        rewrite.note(text, line, Fate.DROPPED, "it only displays")
        return False
    elif name in TIMED_AND_DROPPED:
        setup = _without_options(arguments, _TIMING)
        code = f"{setup}\n{body}" if setup.strip() else body
        rewrite.note(text, line, Fate.DROPPED, _MEASURES, measured=code)
        return False
    elif name in {"bash", "sh", "system", "sx", "!"}:
        shell = "bash" if name == "bash" else "sh"
        if arguments or name in {"system", "sx", "!"}:
            reason = "what it keeps or displays is IPython's"
            rewrite.note(text, line, Fate.REFUSED, reason, "Use %%bash alone, or subprocess.run.")
            return False
        lines[index:] = [_shell_script(shell, body, rewrite)] + [""] * body.count("\n")
        rewrite.note(text, line, Fate.TRANSLATED, "it becomes a call of the shell")
    elif name in {"writefile", "file"} and (written := _write_file(arguments, body, rewrite)):
        lines[index:] = [written] + [""] * body.count("\n")
        rewrite.note(text, line, Fate.TRANSLATED, "it writes the file with plain Python")
    else:
        reason, fix = REFUSALS.get(name, ("nbprod does not know this cell magic", _FIX_MAGIC))
        rewrite.note(text, line, Fate.REFUSED, reason, fix)
        return False
    return True


_MEASURES = "it only measures; its code binds nothing and changes nothing"
# Options of %timeit; those of the first kind have a value.
_TIMING = re.compile(r"-([nrtp]) *(\d+)\s*|-[tcpqov]+\s+|--\w+(=\S+)?\s*")
_FILE = re.compile(
    r"(?P<append>(-a|--append)\s+)?(?P<name>'[^']+'|\"[^\"]+\"|[^\s'\"-][^\s'\"]*)\s*$"
)
_FIX_MAGIC = "Write it in plain Python, or tag the cell skip."


def _capture(arguments: str, lines: list[str], index: int, rewrite: _Rewrite) -> None:
    """``%%capture``: the body runs with what it prints and shows swallowed, or kept in a name."""
    words = arguments.split()
    names = [word for word in words if not word.startswith("-")]
    body = "\n".join(lines[index + 1 :])
    text = f"%%capture {arguments}".strip()
    rewrite.note(text, index + 1, Fate.TRANSLATED, "what it prints and shows is swallowed")
    plain = _apply_line_magics(body, _Rewrite())
    if not parses(plain):
        return
    off = [word.removeprefix("--no-") for word in words if word.startswith("--no-")]
    target = f" as {names[0]}" if names and names[0].isidentifier() else ""
    if not target and not ast.parse(plain).body:
        return
    rewrite.imports.add(CAPTURE_MODULE)
    options = ", ".join(f"{stream}=False" for stream in off)
    lines[index] = f"with {CAPTURE_MODULE}.capture_output({options}){target}:"
    inside = _lines_inside_strings(plain)
    for position, line in enumerate(lines[index + 1 :], start=1):
        if line.strip() and position not in inside:
            lines[index + position] = f"    {line}"
    if not ast.parse(plain).body:
        lines.append("    pass")


def _lines_inside_strings(source: str) -> set[int]:
    """Return the lines that begin within a string, which must not be indented."""
    inside: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno:
            inside.update(range(node.lineno + 1, node.end_lineno + 1))
    return inside


def _shell_script(shell: str, body: str, rewrite: _Rewrite) -> str:
    rewrite.imports.add("subprocess")
    run = f"subprocess.run([{shell!r}, '-c', {body!r}], check=True, capture_output=True, text=True)"
    return f"print({run}.stdout, end='')"


def _write_file(arguments: str, body: str, rewrite: _Rewrite) -> str:
    """Return the code for ``%%writefile``; empty if its path cannot be told."""
    words = _FILE.match(arguments)
    if words is None:
        return ""
    name = words["name"]
    if name[0] in "'\"" and name[0] == name[-1]:
        name = name[1:-1]
    path = _quoted(name)
    if not path:
        return ""
    rewrite.imports.update({"os", "pathlib"})
    if name.startswith("~"):
        path = f"os.path.expanduser({path})"
    there = f"os.path.exists({path})"
    verb = "Appending to " if words["append"] else "Overwriting "
    said = f"print(({verb!r} if {there} else 'Writing ') + {path})"
    text = repr(body if body.endswith("\n") else body + "\n")
    place = f"pathlib.Path({path})"
    if words["append"]:
        text = f"({place}.read_text(encoding='utf-8') if {there} else '') + {text}"
    return f"{said}; {place}.write_text({text}, encoding='utf-8')"


# Line magics ---------------------------------------------------------------------


def _apply_line_magics(source: str, rewrite: _Rewrite) -> str:
    source = _without_form_feeds(source)
    if _is_python(source):
        return source
    source = _joined(source)
    transformed = _simple(source) or _transformed(source)
    if transformed is None:
        return source
    try:
        tree = ast.parse(transformed)
    except (SyntaxError, ValueError, RecursionError):
        return transformed
    return _replaced(transformed, tree, rewrite)


def _joined(source: str) -> str:
    """Join magics continued by a backslash, with empty lines to keep the count."""
    lines = source.split("\n")
    index = 0
    while index < len(lines):
        end = index
        if _CONTINUED_MAGIC.match(lines[index]):
            while lines[end].endswith("\\") and end + 1 < len(lines):
                end += 1
        if end > index:
            parts = [line.rstrip("\\").strip() for line in lines[index + 1 : end + 1]]
            lines[index] = " ".join([lines[index].rstrip("\\").rstrip(), *parts])
            lines[index + 1 : end + 1] = [""] * (end - index)
        index = end + 1
    return "\n".join(lines)


_SIMPLE_LINE = re.compile(r"^(\s*)(%(?P<magic>[A-Za-z_]\w*)[ \t]*(?P<rest>.*)|!(?P<shell>[^!].*))$")


def _simple(source: str) -> str | None:
    """Write magics that are a line of their own as IPython does, without importing IPython.

    ``None`` where that is not certain: what is left is no Python, a line that looks like a
    magic stands within a string, or there are prompts to be taken out.
    """
    if _PROMPT.search(source):
        return None
    lines = source.split("\n")
    written: set[int] = set()
    for index, line in enumerate(lines):
        match = _SIMPLE_LINE.match(line)
        if match is None:
            continue
        if line.rstrip().endswith(("?", "\\")):
            return None
        if match["shell"] is not None:
            call = f"get_ipython().system({match['shell']!r})"
        else:
            call = f"get_ipython().run_line_magic({match['magic']!r}, {match['rest']!r})"
        lines[index] = match[1] + call
        written.add(index + 1)
    text = "\n".join(lines)
    if not parses(text):
        return None
    statements = {
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _method(node.value)
    }
    return text if written <= statements else None


def _transformed(source: str) -> str | None:
    """Run IPython's transformer, and put back the leading empty lines that it takes off."""
    from IPython.core.inputtransformer2 import TransformerManager

    stripped = source.lstrip("\n")
    try:
        manager = TransformerManager()  # type: ignore[no-untyped-call]
        text = str(manager.transform_cell(stripped))
    except SyntaxError:
        return None
    leading = len(source) - len(stripped)
    blank = 0
    for line in stripped.split("\n"):
        if line.strip():
            break
        blank += 1
    return "\n" * (leading + blank) + text


def _replaced(source: str, tree: ast.Module, rewrite: _Rewrite) -> str:
    """Replace each ``get_ipython().…`` call in ``source``, last first, so that places hold."""
    lines = source.split("\n")
    statements: dict[ast.AST, ast.stmt] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            statements[node.value] = node
    top_level = {id(node) for node in tree.body}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _method(node)]
    for call in sorted(calls, key=lambda node: (-node.lineno, -node.col_offset)):
        statement = statements.get(call)
        new = _translation(call, statement is not None, rewrite)
        if new is None:
            continue
        if not new:
            new = "" if statement and id(statement) in top_level else "pass"
        _splice(lines, call, new)
    return "\n".join(line.rstrip() if line.isspace() else line for line in lines)


def _splice(lines: list[str], node: ast.expr, new: str) -> None:
    """Put ``new`` (one line) in the place of ``node``, keeping the number of lines."""
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    head = lines[first].encode()[: node.col_offset].decode()
    tail = lines[last].encode()[node.end_col_offset or 0 :].decode()
    if not new:
        tail = tail.lstrip(" ;")
    lines[first : last + 1] = [head + new + tail] + [""] * (last - first)


def _method(call: ast.Call) -> str:
    """Name the method if ``call`` is ``get_ipython().METHOD(…)``, else return nothing."""
    function = call.func
    if (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Call)
        and isinstance(function.value.func, ast.Name)
        and function.value.func.id == "get_ipython"
    ):
        return function.attr
    return ""


def _translation(call: ast.Call, is_statement: bool, rewrite: _Rewrite) -> str | None:
    """Return Python for a call of IPython's: empty to leave it out, ``None`` to keep it."""
    method = _method(call)
    words = [node.value for node in call.args if isinstance(node, ast.Constant)]
    texts = [word for word in words if isinstance(word, str)]
    if len(texts) != len(call.args) or not texts:
        rewrite.note(
            ast.unparse(call), call.lineno, Fate.REFUSED, "it talks to IPython", _FIX_MAGIC
        )
        return "None"
    if method in {"system", "getoutput"}:
        return _shell(texts[0], method, is_statement, call.lineno, rewrite)
    if method == "magic":
        name, _, arguments = texts[0].lstrip("%").partition(" ")
        return _line_magic(name, arguments, is_statement, call.lineno, rewrite)
    if method == "run_line_magic":
        arguments = texts[1] if len(texts) > 1 else ""
        return _line_magic(texts[0], arguments, is_statement, call.lineno, rewrite)
    rewrite.note(
        f"get_ipython().{method}", call.lineno, Fate.REFUSED, "it talks to IPython", _FIX_MAGIC
    )
    return "None"


def _line_magic(name: str, arguments: str, is_statement: bool, line: int, rewrite: _Rewrite) -> str:
    text = f"%{name} {arguments}".strip()
    if _writes(name, arguments):
        rewrite.refuse(name, text, line)
        return "None"
    if name in TRANSPARENT:
        code = _without_options(arguments) if name == "prun" else arguments
        if parses(code):
            rewrite.note(text, line, Fate.TRANSLATED, "its code is run without the magic")
            return code.strip()
    if name in TIMED_AND_DROPPED and is_statement:
        code = _without_options(arguments, _TIMING)
        rewrite.note(text, line, Fate.DROPPED, _MEASURES, measured=code)
        return ""
    if name in {"pinfo", "pinfo2", "psearch"}:
        rewrite.note(text, line, Fate.DROPPED, "it only shows help")
        return ""
    if name in NEUTRAL and is_statement:
        rewrite.note(text, line, Fate.DROPPED, NEUTRAL[name])
        return ""
    if name in PACKAGES and is_statement and _concerns_packages(name, arguments):
        rewrite.note(text, line, Fate.DROPPED, PACKAGES[name])
        return ""
    if name in {"sx", "system"}:
        return _shell(arguments, "getoutput", is_statement, line, rewrite)
    if name in ALIASES and is_statement and "%l" not in arguments and _quoted(arguments):
        command, _, behind = ALIASES[name].partition("%l")
        rewrite.note(text, line, Fate.TRANSLATED, "it becomes a call of the shell")
        return _run_shell(f"{command.strip()} {arguments}{behind}".strip(), rewrite)
    code = _operating_system(name, arguments, is_statement, rewrite)
    if code:
        rewrite.note(text, line, Fate.TRANSLATED)
        return code
    rewrite.refuse(name, text, line)
    return "None"


def _writes(name: str, arguments: str) -> bool:
    """Whether a magic that is left out or only watches writes a file."""
    return any(word.startswith(WRITING_OPTIONS.get(name, ())) for word in arguments.split())


_OPTION = re.compile(r"-\S+\s*")


def _without_options(arguments: str, option: re.Pattern[str] = _OPTION) -> str:
    while match := option.match(arguments):
        arguments = arguments[match.end() :]
    return arguments


def _operating_system(name: str, arguments: str, is_statement: bool, rewrite: _Rewrite) -> str:
    """Translate the magics that stand for one call of ``os``, with what they print."""
    target = arguments.strip()
    if "{" in target or "$" in target:
        return ""
    if name == "xdel" and target.isidentifier():
        return f"del {target}"
    code = ""
    if name == "pwd":
        code = "os.getcwd()"
    elif name == "cd":
        code = _change_folder(target, is_statement)
    elif name in {"env", "set_env"}:
        split = "=" if "=" in target else " "
        variable, given, value = (part.strip() for part in target.partition(split))
        if given or value:
            said = f"env: {variable}={value}"
            code = f"os.environ[{variable!r}] = {value!r}; print({said!r})"
        elif variable and name == "env":
            code = f"os.environ[{variable!r}]"
    if code:
        rewrite.imports.add("os")
    return code


def _change_folder(target: str, is_statement: bool) -> str:
    quiet = target.startswith("-q ")
    folder = target.removeprefix("-q ").strip().strip("'\"")
    if not folder or folder.startswith("-") or not is_statement:
        return ""
    told = "" if quiet else "; print(os.getcwd())"
    return f"os.chdir(os.path.expanduser({folder!r})){told}"


def _shell(command: str, method: str, is_statement: bool, line: int, rewrite: _Rewrite) -> str:
    """Translate ``!command`` and ``name = !command``."""
    text = f"!{command}"
    if is_statement and _only_installs(command):
        rewrite.note(text, line, Fate.DROPPED, "the environment is not changed by a pipeline")
        return ""
    if not _quoted(command):
        rewrite.note(
            text,
            line,
            Fate.REFUSED,
            "it puts Python values into a shell line",
            "Write it with subprocess.run([...]).",
        )
        return "None"
    rewrite.note(text, line, Fate.TRANSLATED, "it becomes a call of the shell")
    if method == "getoutput":
        rewrite.imports.update({SHELL_MODULE, "IPython.utils.text"})
        lines = f"{SHELL_MODULE}.getoutput({_quoted(command)}).splitlines()"
        return f"IPython.utils.text.SList({lines})"
    return _run_shell(command, rewrite)


_QUOTED = re.compile(r"'[^']*'|\"[^\"`$]*\"")
_VERSION = re.compile(r"(?<=[\w\]])[<>]=?\d[\w.]*")
_SILENCED = re.compile(r"(\d|&)?>+\s*/dev/null|\d>&\d")
_OPERATOR = re.compile(r"[;&|<>`\n]|\$\(")


def _is_lone(command: str) -> bool:
    """Whether a shell line is one command, of which the output goes nowhere else.

    ``pandas>=2`` without quotes is meant as a version; that the shell sees a file in it helps
    nobody.
    """
    bare = _QUOTED.sub("''", command)
    return _OPERATOR.search(_SILENCED.sub("", _VERSION.sub("", bare))) is None


def _only_installs(command: str) -> bool:
    """Whether a shell line is a lone command that changes the environment and nothing else."""
    command = re.sub(r"^\s*(sudo\s+(-\S+\s+)*)?(python3? -m )?", "", command)
    words = [word for word in command.split() if not word.startswith("-")]
    known = INSTALLERS.get(words[0], ()) if words else ()
    does = any(words[1 : 1 + len(each.split())] == each.split() for each in known)
    beside = any(word.partition("=")[0] in INSTALLED_BESIDE for word in command.split())
    return does and not beside and _is_lone(command)


def _concerns_packages(name: str, arguments: str) -> bool:
    """Whether ``%pip …`` or its like changes the environment or shows it, and nothing else."""
    shows = arguments.split()[:1] == [] or arguments.split()[0] in SHOWING_PACKAGES
    return _only_installs(f"{name} {arguments}") or (shows and _is_lone(arguments))


def _run_shell(command: str, rewrite: _Rewrite) -> str:
    """Return the code that runs a shell line as IPython does: within a terminal."""
    rewrite.imports.add(SHELL_MODULE)
    return f"{SHELL_MODULE}.system({_quoted(command)})"


# What IPython takes for a name behind a dollar: outside of single quotes.
_DOLLAR = re.compile(r"\$(\$?[\w.]+)(?=([^']*'[^']*')*[^']*$)")


def _quoted(command: str) -> str:
    """Return a shell line as Python text, an f-string where it names Python values in braces.

    As for IPython, a line of which some braces hold no expression has none. Empty where IPython
    decides only when it runs: names after a dollar.
    """
    pieces = _literal_pieces(command)
    if pieces is None:
        return repr(command)
    if "${" in command or any(map(_DOLLAR.search, pieces)):
        return ""
    if "{" not in command and "}" not in command:
        return repr(command)
    text = f"f{command!r}"
    return text if parses(text) else ""


def _literal_pieces(command: str) -> list[str] | None:
    """Return what stands between the braces of a line; ``None`` if some hold no expression.

    A format is a part of the expression, as in a slice.
    """
    try:
        fields = list(string.Formatter().parse(command))
    except ValueError:
        return None
    for _, name, form, _ in fields:
        if name is None:
            continue
        try:
            ast.parse(f"{name}:{form}" if form else name, mode="eval")
        except (SyntaxError, ValueError):
            return None
    return [text for text, *_ in fields]
