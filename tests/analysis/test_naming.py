"""Names of inferred steps: what a colleague would have called them."""

from __future__ import annotations

import pytest

from nbprod.analysis.naming import comment_name, heading_name, says_something, step_name
from nbprod.analysis.roles import Role


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("Load the data", "load_data"),
        ("3. Feature engineering", "feature_engineering"),
        ("On birds it has never seen", "birds_never_seen"),
        ("Step 2: Train", "train"),
        ("Introduction", ""),
        ("What we found out about everything that happened in the last year", ""),
        ("Größe der Häuser", "große_der_häuser"),
        ("数据清洗", "数据清洗"),
    ],
)
def test_a_heading_becomes_a_name_where_it_reads_well(heading, name):
    found = heading_name(heading)
    assert found == name or (name and found.isidentifier())


def test_the_role_names_a_step_without_heading():
    assert step_name("", Role.TRAIN, ()) == "train_model"


def test_a_second_step_of_a_role_is_named_after_what_its_code_is_about():
    assert step_name("", Role.TRAIN, {"train_model"}, ["forest"]) == "train_forest"
    assert step_name("", Role.EVALUATE, {"evaluate_model"}, ["", "ridge"]) == "evaluate_ridge"
    assert step_name("", Role.EXPLORE, {"explore"}, []) == "explore_2"


def test_the_first_comment_of_a_cell_says_what_it_is_about():
    assert comment_name("\n# Missing values.\ndf.isna()") == "missing_values"
    assert comment_name("df.isna()  # Missing values") == ""


def test_a_third_step_about_the_same_thing_is_numbered():
    taken = {"train_model", "train_ridge"}
    assert step_name("", Role.TRAIN, taken, ["ridge"]) == "train_ridge_2"
    taken = {"split_data", "train_test_split"}
    assert step_name("", Role.SPLIT, taken, ["train_test_split"]) == "split_data_2"


@pytest.mark.parametrize("name", ["ax2", "fig", "X_test", "y_pred", "xtrain", "bars", "x"])
def test_plumbing_names_no_step(name):
    assert not says_something(name)


@pytest.mark.parametrize("name", ["axis_ratio", "prices", "figures", "income", "y_shift"])
def test_variables_that_mean_something_name_steps(name):
    assert says_something(name)
