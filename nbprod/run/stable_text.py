"""What two runs of a notebook print alike, and whether the generated code prints that."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from nbprod.run.printed import printed_lines, shortened

_DATE = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?"
_NUMBER = r"[-+]?\d+(?:[.,:/]\d+)*(?:[eE][-+]?\d+)?"
_TOKEN = re.compile(rf"(?P<value>{_DATE}|{_NUMBER}|\b(?:nan|inf)\b)|(?P<word>\w+)|(?P<space>\s+)|.")
_ANY = {"value": rf"(?:{_DATE}|{_NUMBER}|nan|-?inf)", "word": r"\w+", "space": r"\s+"}


def stable_difference(printed: str, expected: str, again: str) -> str:
    """Return the first difference in what two runs of the notebook print alike.

    Of a line that differs between the two runs, such as one with a time, only the words and
    numbers that differ there are ignored; lines that only one of the runs prints may be any.

    Args:
        printed: What the generated code printed.
        expected: What the notebook printed.
        again: What it printed the second time.
    """
    ours, theirs, second = map(printed_lines, (printed, expected, again))
    blocks = list(_blocks(theirs, second))
    if len(blocks) == 1 and len(ours) != len(theirs):
        return f"{len(ours)} lines vs {len(theirs)} lines"
    place = 0
    for number, block in enumerate(blocks):
        last = number == len(blocks) - 1
        # Before the first block and after the last one there is nothing; between, anything.
        starts = [0] if number == 0 else list(range(place, len(ours) - len(block) + 1))
        if last and number:
            starts = starts[-1:]
        found = [(start, _block_difference(ours[start:], block, start)) for start in starts]
        fits = next((start for start, difference in found if not difference), None)
        if fits is None:
            missing = f"a line is missing: {shortened(block[0][0])}" if block else ""
            return found[0][1] if found else missing
        place = fits + len(block)
    return ""


def _blocks(theirs: list[str], second: list[str]) -> Iterator[list[tuple[str, str]]]:
    """Yield pairs of lines of two runs, cut where a line is of one run only."""
    wording = [[_wording(line) for line in lines] for lines in (theirs, second)]
    if len(theirs) == len(second):
        yield list(zip(theirs, second, strict=True))
        return
    block: list[tuple[str, str]] = []
    matcher = difflib.SequenceMatcher(None, wording[0], wording[1], autojunk=False)
    for tag, begin, end, other, until in matcher.get_opcodes():
        if tag == "equal" or end - begin == until - other:
            block.extend(zip(theirs[begin:end], second[other:until], strict=True))
        else:
            yield block
            block = []
    yield block


def _block_difference(ours: list[str], block: list[tuple[str, str]], start: int) -> str:
    if len(ours) < len(block):
        return f"{len(ours)} lines vs {len(block)} lines"
    for number, (line, (wanted, other)) in enumerate(zip(ours, block, strict=False), start + 1):
        if line != wanted and (wanted == other or not _pattern(wanted, other).fullmatch(line)):
            return f"line {number}: {shortened(line)} vs {shortened(wanted)}"
    return ""


def _pattern(wanted: str, other: str) -> re.Pattern[str]:
    """Return what a line is like that is ``wanted`` in one run and ``other`` in another."""
    first, second = (list(_TOKEN.finditer(line)) for line in (wanted, other))
    kinds = [[token.lastgroup or token[0] for token in tokens] for tokens in (first, second)]
    if kinds[0] == kinds[1]:
        pairs = zip(first, second, strict=True)
        return re.compile("".join(_either(one[0], two[0], one.lastgroup) for one, two in pairs))
    texts = [[token[0] for token in tokens] for tokens in (first, second)]
    matcher = difflib.SequenceMatcher(None, texts[0], texts[1], autojunk=False)
    parts = [
        re.escape("".join(texts[0][begin:end])) if tag == "equal" else ".*"
        for tag, begin, end, _, _ in matcher.get_opcodes()
    ]
    return re.compile("".join(parts))


def _either(one: str, two: str, kind: str | None) -> str:
    return re.escape(one) if one == two else _ANY.get(kind or "", ".")


def _wording(line: str) -> str:
    return _TOKEN.sub(lambda token: "#" if token["value"] else token[0], line)
