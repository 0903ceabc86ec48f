"""Signals, and commands of several processes."""
