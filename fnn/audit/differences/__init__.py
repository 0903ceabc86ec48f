"""Numerical derivatives, with an estimate of their own error."""
