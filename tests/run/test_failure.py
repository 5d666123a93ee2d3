"""What a failing cell shows of its traceback."""

from nbprod.run.failure import own_part

TRACEBACK = """---------------------------------------------------------------------------
KeyError                                  Traceback (most recent call last)
File /venv/lib/python3.11/site-packages/pandas/core/indexes/base.py:3812, in Index.get_loc
   3811 try:
-> 3812     return self._engine.get_loc(casted_key)

Cell In[3], line 2
      1 df = load()
----> 2 clean(df)

File /home/ada/churn/cleaning.py:8, in clean(df)
      7 def clean(df):
----> 8     return df["none"]

File /venv/lib/python3.11/site-packages/pandas/core/frame.py:4107, in DataFrame.__getitem__
-> 4107     indexer = self.columns.get_loc(key)

File /venv/lib/python3.11/site-packages/pandas/core/indexes/base.py:3819, in Index.get_loc
-> 3819     raise KeyError(key) from err

KeyError: 'none'"""


def test_the_author_sees_cells_and_own_modules():
    shown = own_part(TRACEBACK, "/home/ada/churn")
    assert shown.startswith("(1 frame of libraries left out)")
    assert "----> 2 clean(df)" in shown
    assert 'return df["none"]' in shown
    assert "site-packages" not in shown
    assert "Traceback (most recent call last)" not in shown
    assert shown.endswith("(2 frames of libraries left out)\n\nKeyError: 'none'")


CHAIN = """---------------------------------------------------------------------------
ZeroDivisionError                         Traceback (most recent call last)
Cell In[1], line 2
      1 try:
----> 2     1 / 0

ZeroDivisionError: division by zero

During handling of the above exception, another exception occurred:

ValueError                                Traceback (most recent call last)
Cell In[1], line 4
----> 4     raise ValueError("no")

ValueError: no"""


def test_each_exception_of_a_chain_is_shown_without_its_heading():
    shown = own_part(CHAIN, "/home/ada/churn")
    assert "Traceback (most recent call last)" not in shown
    assert shown.startswith("Cell In[1], line 2")
    assert "During handling of the above exception, another exception occurred:" in shown
    assert shown.endswith("ValueError: no")
