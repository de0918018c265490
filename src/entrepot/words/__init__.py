"""The vocabulary every room shares: pure values and functions, no input or output, no clock."""
