"""The networks: an image encoder that never sees hints, and a label decoder shared by all labels."""
