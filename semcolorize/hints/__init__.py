"""What hints are, where they lie, how they spread."""
