"""Steps computed ahead of the run: those that wait for nothing of each other, side by side.

What is computed ahead goes into the step cache, from which the run takes it in its turn if
nothing is otherwise than it was taken for. So the run gives what it gives by itself, and
whatever could not be computed ahead runs as if there had been no attempt.
"""
