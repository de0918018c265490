"""A retailer's own folder of files: reads it into rows of text, describes it, writes an example."""
