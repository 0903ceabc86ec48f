"""From raw rows to what a network takes: scaling, encoding, and what was fitted to do so."""
