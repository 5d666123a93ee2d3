import textwrap

from hypothesis import given
from hypothesis import strategies as st

from nbprod.emit.source import indent, names_of


def test_lines_inside_strings_are_not_indented() -> None:
    source = 'text = """one\n  two\n\nthree"""\nx = 1'
    assert indent(source) == '    text = """one\n  two\n\nthree"""\n    x = 1'


def test_lines_inside_f_strings_are_not_indented() -> None:
    source = 'a = 1\ntext = f"""{a}\n  two {a}\n"""'
    scope: dict[str, object] = {}
    exec("def f():\n" + indent(source) + "\n    return text", scope)
    assert scope["f"]() == "1\n  two 1\n"  # type: ignore[operator]


@given(
    st.lists(
        st.text(st.characters(codec="ascii", exclude_characters="\r\\\"'\x00\f"), max_size=12),
        max_size=5,
    )
)
def test_indenting_keeps_the_value_of_every_string(lines: list[str]) -> None:
    text = "\n".join(lines)
    source = f'value = """{text}"""\nother = [\n  1,\n  2]'
    plain: dict[str, object] = {}
    inside: dict[str, object] = {}
    exec(source, plain)
    exec("def f():\n" + indent(source) + "\n    return value", inside)
    assert inside["f"]() == plain["value"]  # type: ignore[operator]


def test_names_follow_pythons_scopes() -> None:
    names = names_of(
        textwrap.dedent(
            """
            def f(a: T) -> R:
                b = g(a)
                return [h(c) for c in b if (lambda d: d + k)(c)]
            """
        )
    )
    assert names.needed == {"T", "R", "g", "h", "k"}
    assert names.bound == {"f"}
    assert {"a", "b"} <= names.local
