"""The trees beside this file are expected results; their own tests run in copies of them."""

collect_ignore_glob = ["*/tests"]
