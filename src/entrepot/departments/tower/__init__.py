"""The tower: how the house stands, in figures that are ready when a page asks for them.

Owns the parts that are still open with their stage and their promised date, and sums over them and
over what happened: parts by stage, node and day of entry; parts by promised date; figures per day
and node; money per day, node and currency; stock per node. One subscription, `tower-figures`, keeps
all of it: a batch of facts costs a handful of statements and commits with the cursor, so each fact
counts exactly once. `rebuild` clears everything and reads the log again.

Days are dates in UTC, of the instant a fact happened; a delivery counts on the day the carrier says
the last parcel arrived. A part is late when that day, or while it is open the day of the newest
fact, is after the date its customer was told last.

Facts: none; the figures follow from the facts of other rooms.

Deliberately reads no other room's tables, decides nothing, and is no ledger: where a figure and a
room differ, the room is right and `rebuild` mends the figure.
"""
