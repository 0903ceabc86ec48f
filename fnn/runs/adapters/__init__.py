"""What sets the kinds of runs apart in their folders: one file a kind."""
