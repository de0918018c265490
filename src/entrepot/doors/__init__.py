"""Where the outside touches the house: the command, the HTTP API, the worker."""
