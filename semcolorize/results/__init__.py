"""What a coloring hands out: names of files, labels as images and ROIs."""
