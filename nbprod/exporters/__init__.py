"""Doors into nbconvert."""
