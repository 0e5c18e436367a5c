"""From a prepared view and its hints to chances of labels, and from these to color."""
