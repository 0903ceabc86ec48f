"""The host's side of a run: calling the compiled program, events, history, rows from disk."""
