"""Which layer a wrong gradient comes from."""
