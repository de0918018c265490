"""Backups of an installation with an embedded PostgreSQL, and its restore to any instant.

    place       the folder of backups: whose it is, what is in it, what goes
    take        one backup, full or incremental, verified before it counts
    slot, wal   the write-ahead log: streamed as it is written, and read again
    key_copies  the key store's own backup, apart
    archiver    the process that keeps all of this going beside a running installation
    plan        which backup and which log bring back an instant, or why none do
    restore     a new data home from them

What orders need comes first: the log is streamed beside them, and is given up rather than let it
fill their disk.
"""
