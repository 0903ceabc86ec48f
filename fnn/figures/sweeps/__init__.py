"""Figures of a sweep: its metric, its curves, a map of two of its axes."""
