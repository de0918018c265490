"""From the database to the archive: what only grows and is old leaves as files, and is read back.

One file of Parquet for each closed partition and a manifest beside it (docs/decisions/0014).
"""
