"""A world that drives the same flows as live business, on a virtual clock and from one seed."""
