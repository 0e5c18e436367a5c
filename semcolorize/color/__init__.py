"""Color science on arrays and tensors."""
