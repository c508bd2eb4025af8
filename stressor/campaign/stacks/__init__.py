"""Stacks of a hung child, taken from outside before it is killed: one provider a file."""
