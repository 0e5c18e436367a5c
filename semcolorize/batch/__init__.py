"""Batch: one YAML job over an instrument's output folder, with a ledger and a report."""
