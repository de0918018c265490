"""The corridors: the only importers of several departments. Gather, decide, write."""
