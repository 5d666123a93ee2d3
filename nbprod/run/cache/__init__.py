"""The step cache: what a stretch of cells gave, kept until something it depends on changes.

A run goes through its stretches (consecutive cells of one step) in order. For each,
:mod:`.key` says what it depends on, :mod:`.store` whether that was seen before, and
:mod:`.session` brings what it gave then: the cells' outputs at once, variables when a later
stretch really runs and needs them. What cannot be told has no key, and runs.
"""
