"""Scores against references and classical peers."""
