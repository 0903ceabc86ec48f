"""What kind of mistake a wrong gradient looks like, from the shape of its error."""
