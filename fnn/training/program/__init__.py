"""What is compiled: the state of a run, a step, an epoch, a segment of a run as one program."""
