import ast

from hypothesis import given
from hypothesis import strategies as st

from nbprod.emit.prose import docstring, prose, split_at_heading


@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=60) | st.text("\"'\\\n {}", max_size=30)
)
def test_any_text_is_a_valid_docstring(text: str) -> None:
    value = ast.literal_eval(docstring(text))
    printable = "".join(each for each in text.strip() if each.isprintable())
    assert "".join(value.split()) == "".join(printable.split())


def test_headings_emphasis_links_and_images_become_plain() -> None:
    text = prose("## Load *the* data\n\nFrom **[UCI](https://uci.edu)** ![logo](a.png) <br>today.")
    assert text == "Load the data.\n\nFrom UCI (https://uci.edu)  today."


def test_headings_lose_their_numbers() -> None:
    assert prose("## 2. Loading") == "Loading."
    assert prose("### 3.1.2 Missing values") == "Missing values."
    assert prose("## 2020 sales") == "2020 sales."


def test_names_in_code_keep_their_underscores() -> None:
    assert prose("`__init__` and snake_case_name") == "`__init__` and snake_case_name"


def test_lists_keep_their_lines_and_paragraphs_are_wrapped() -> None:
    text = prose("words " * 30 + "\n\n* one\n* two\n  goes on\n\n1. first", 40)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 40
    assert "- one" in lines
    assert "- two goes on" in lines
    assert "1. first" in lines


def test_code_blocks_are_kept_as_they_are() -> None:
    assert prose("Run:\n\n```sh\nls  -l\n```") == "Run:\n\n    ls  -l"


def test_an_unclosed_code_block_loses_nothing() -> None:
    assert "ls" in prose("```\nls")


def test_words_before_a_heading_belong_to_the_cell_above() -> None:
    text = "Gentoos are heavy.\n\n```\n# no heading\n```\n\n## Split\n\nIn two."
    assert split_at_heading(text) == (
        "Gentoos are heavy.\n\n```\n# no heading\n```",
        "## Split\n\nIn two.",
    )
    assert split_at_heading("Just words.") == ("", "Just words.")
