"""What a run decides by: which epoch is kept, when to stop, averages, what is monitored."""
