"""What is audited: a network's gradient or any function's, as one kind of problem."""
