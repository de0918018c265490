"""From a question to a delivered order: quote, place, pay, cancel, fill backorders, expire.

One file per verb, each in the same three steps: gather what the rooms know (one read per room and
batch), decide in pure functions, write with guards. `planning` translates between the rooms'
values: which node and service could send what, by when, at what cost.
"""
