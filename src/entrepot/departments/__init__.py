"""The rooms. None imports another; what needs two of them is a flow."""
