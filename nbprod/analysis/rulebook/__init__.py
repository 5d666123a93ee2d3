"""The rules that a notebook is checked against, by what they are about."""
