"""One file a subcommand: its options, and a run that calls the library."""
