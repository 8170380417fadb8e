"""What was there before gept: the files of older collectors, read into its tables."""
