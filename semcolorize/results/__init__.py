"""What a coloring hands out: labels as images and ROIs."""
