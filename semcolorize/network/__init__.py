"""The network, its conditioning and its weights."""
