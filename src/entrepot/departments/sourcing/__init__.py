"""Sourcing decides which node sends which lines of an order, in how many boxes, at what cost.

Owns: the values of that decision (demand, sites, plan), the policies it follows and the canonical
bytes by which a recorded decision is replayed. It has no tables.

Facts: none; the flow that asked writes the decision and its consequences.

Deliberately not here: which node and service can meet a promised date (promise), what is in
stock (inventory), what the carrier finally charges (carriage). A flow brings their answers here
as sites: a node with one of its services, already known to be in time.
"""
