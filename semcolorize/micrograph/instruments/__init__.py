"""What instruments write about their images: one module a vendor, and `readers`, which asks them in turn.

A new instrument is a new module and its name in `readers`.
"""
