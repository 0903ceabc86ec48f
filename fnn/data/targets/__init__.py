"""What a target is, and how it is encoded and decoded."""
