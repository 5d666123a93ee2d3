import textwrap

import pytest

from nbprod.emit.class_names import as_in_a_cell


def within_a_function(source: str, given: dict[str, object]) -> dict[str, object]:
    lines = tuple(range(1, source.count("\n") + 2))
    text, places = as_in_a_cell(source, lines, given)
    assert [line for line in places if line] == list(lines)
    assert len(places) == text.count("\n") + 1
    scope: dict[str, object] = {}
    arguments = ", ".join(given)
    exec(f"def f({arguments}):\n{textwrap.indent(text, '    ')}\n    return locals()", scope)
    return scope["f"](**given)  # type: ignore[operator, no-any-return]


def test_a_dataclass_shows_the_name_that_it_has_in_a_cell() -> None:
    source = (
        "from dataclasses import dataclass\n"
        "@dataclass\nclass Config:\n    # How fast.\n    rate: float = 0.5\n"
        '@dataclass\nclass Other:\n    """What it is."""\n    size: int = 1\n'
        "class Plain:\n    pass\n"
        "text = repr(Config()), repr(Other())"
    )
    found = within_a_function(source, {})
    assert found["text"] == ("Config(rate=0.5)", "Other(size=1)")
    assert found["Other"].__doc__ == "What it is."  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("class C:\n    rate = rate", 3),
        ("class C:\n    rate: float = rate * rate", 9),
        ("class C:\n    first = rate; rate = first + rate", 6),
        ("class C:\n    rate = 1\n    rate = rate + 1", 2),
        ("class C:\n    def f(self, at=rate):\n        return at\n    rate = f(0)", 3),
        ("class C:\n    rate = [rate for _ in range(rate)][0]", 3),
        ("class C:\n    rate = (lambda: rate)()", 3),
        ("class C:\n    näme, rate = 'ä', rate", 3),
        ("rate_outside = 7\nclass C:\n    rate = rate", 3),
    ],
)
def test_a_class_body_finds_what_it_hides_by_a_name_of_its_own(source: str, expected: int) -> None:
    found = within_a_function(source, {"rate": 3})
    assert found["C"].rate == expected  # type: ignore[attr-defined]
    assert found.get("rate_outside", 7) in {3, 7}


def test_a_class_that_hides_nothing_stays_as_it_is() -> None:
    source = "class C:\n    size = rate\n    other = int\n    int = 3"
    assert as_in_a_cell(source, (1, 2, 3, 4), {"rate"}) == (source, (1, 2, 3, 4))
