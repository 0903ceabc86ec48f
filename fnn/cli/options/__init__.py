"""Options of the command line, and the library's values that they stand for."""
