"""Tables of named columns: CSV files and frames."""
