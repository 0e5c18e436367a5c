"""Hints from files: YAML and ImageJ ROIs."""
