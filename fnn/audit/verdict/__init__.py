"""From evidence to a verdict, one leaf at a time."""
