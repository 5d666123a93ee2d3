"""Markdown of a notebook as docstrings and comments."""

from __future__ import annotations

import re
import textwrap

WIDTH = 88

_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)[^)]*\)")
_BOLD = re.compile(r"(\*\*)(?=\S)(.+?)(?<=\S)\1")
_ITALIC = re.compile(r"(?<![\w*])([*_])(?=[^\s*_])(.+?)(?<=[^\s*_])\1(?![\w*])")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--.*?-->", re.DOTALL)
_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*$")
_NUMBER = re.compile(r"^(?:\d+(?:\.\d+)+[.):]?|\d+[.):])\s+(?=\S)")
_RULE = re.compile(r"^ {0,3}([-*_=])(\s*\1){2,}\s*$")
_ITEM = re.compile(r"^(\s*)([-*+]|\d+[.)])\s+(.*)$")
_FENCE = re.compile(r"^ {0,3}(```|~~~)")


def prose(markdown: str, width: int = WIDTH) -> str:
    """Return ``markdown`` as plain paragraphs: no heading marks, emphasis, images or tags.

    Lists, tables and code blocks keep their lines; everything else is wrapped.

    Args:
        markdown: Text of one or several markdown cells.
        width: Longest line, in characters.
    """
    paragraphs: list[str] = []
    pending: list[str] = []

    def close() -> None:
        if pending:
            paragraphs.append(_fill(" ".join(pending), width))
            pending.clear()

    lines = _plain(markdown).expandtabs(4).splitlines()
    fenced: list[str] | None = None
    items: list[str] = []
    for line in [*lines, ""]:
        if _FENCE.match(line):
            if fenced is None:
                close()
                fenced = []
            else:
                paragraphs.append(textwrap.indent("\n".join(fenced), "    "))
                fenced = None
            continue
        if fenced is not None:
            fenced.append(line.rstrip())
            continue
        item = _ITEM.match(line)
        if items and not item and line.strip() and line.startswith(" "):
            items[-1] += " " + line.strip()
            continue
        if items and not item:
            paragraphs.append("\n".join(_fill_item(text, width) for text in items))
            items = []
        heading = _HEADING.match(line)
        if item and not _RULE.match(line):
            close()
            items.append(line.rstrip())
        elif heading:
            close()
            paragraphs.append(_sentence(heading.group(1)))
        elif not line.strip() or _RULE.match(line):
            close()
        elif line.lstrip().startswith("|"):
            close()
            paragraphs.append(line.strip())
        else:
            pending.append(line.strip())
    if fenced:
        paragraphs.append(textwrap.indent("\n".join(fenced), "    "))
    return _join_tables([text for text in paragraphs if text.strip()])


def split_at_heading(markdown: str) -> tuple[str, str]:
    """Split into what stands before the first heading, and the rest.

    Between two cells of code, that part speaks about the cell above. Without any
    heading, all of it belongs to the cell below.
    """
    lines = markdown.splitlines()
    fenced = False
    for number, line in enumerate(lines):
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced and _HEADING.match(line):
            return "\n".join(lines[:number]).strip(), "\n".join(lines[number:]).strip()
    return "", markdown.strip()


def _plain(markdown: str) -> str:
    text = _TAG.sub("", _IMAGE.sub("", markdown.replace("\r\n", "\n")))
    text = _LINK.sub(lambda link: f"{link[1]} ({link[2]})", text)
    return _ITALIC.sub(r"\2", _BOLD.sub(r"\2", text))


def _sentence(heading: str) -> str:
    text = _NUMBER.sub("", heading.strip().rstrip(":")) or heading
    return text if not text or text[-1] in ".!?" else text + "."


def _fill(text: str, width: int) -> str:
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def _fill_item(text: str, width: int) -> str:
    found = _ITEM.match(text)
    assert found is not None
    lead = f"{found[1]}{'-' if found[2] in '*+' else found[2]} "
    return textwrap.fill(
        found[3],
        width,
        initial_indent=lead,
        subsequent_indent=" " * len(lead),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _join_tables(paragraphs: list[str]) -> str:
    text = ""
    for before, paragraph in zip(["", *paragraphs], paragraphs, strict=False):
        row = before.startswith("|") and paragraph.startswith("|")
        text += ("" if not text else "\n" if row else "\n\n") + paragraph
    return text


def docstring(text: str) -> str:
    """Return ``text`` as a docstring literal, whatever quotes and backslashes it holds."""
    text = "\n".join(line.rstrip() for line in text.strip().splitlines())
    text = "".join(letter for letter in text if letter == "\n" or letter.isprintable())
    prefix = ""
    if '"""' in text:
        text = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    elif "\\" in text:
        prefix = "r"
    if "\n" in text or text.endswith(('"', "\\")):
        text += "\n"
    if text.startswith('"'):
        text = " " + text
    return f'{prefix}"""{text}"""'


def comment(text: str) -> str:
    """Return ``text`` as comment lines."""
    return "\n".join(f"# {line}".rstrip() for line in text.splitlines())
