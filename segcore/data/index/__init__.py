"""What is stored about the images of a dataset, so that a hundred thousand need not be read again to be counted."""
