"""Propagation of hints over outlines: the classical prior that the network starts from."""
