"""Training samples, objective, loop and recipes."""
