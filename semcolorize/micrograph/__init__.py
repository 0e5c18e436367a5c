"""Micrographs: reading, lightness, data bars, upsampling, writing, and what a result says of itself."""
