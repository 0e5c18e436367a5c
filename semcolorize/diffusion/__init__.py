"""Schedules, predictions, samplers, noise; knows nothing of color."""
