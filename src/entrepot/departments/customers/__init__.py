"""People: who they are and how to reach them, encrypted, and forgotten when they ask.

Owns persons (an opaque id, a region), their personal data in encrypted versions, the shop's own
references to them, and erasure. Names, addresses, mail and phone stand in `person_data` and
nowhere else, under a key per person from the ground's key store; everyone else holds a person id
and the id of an address record. People are found by mail or phone through keyed hashes.

Facts: PersonRegistered, PersonDataAdded, ErasureRequested, PersonErased. None tells who it is.

An erasure is three steps, so that no crash can leave it half done unseen: the request is committed
(from then on the person is not found and takes no data), the key is destroyed, the rest is deleted
and the erasure marked complete. `finish_erasures` does the last two, at once and on the timetable.
What remains is the person's id, region, dates and the shop's reference, so that an import does not
bring the person back. Backups keep ciphertext without a key, and until they expire the hashes for
look-up, from which only the holder of the index key could tell whether a known address was there.

Deliberately has no accounts, passwords, consent or marketing, does not merge persons that look
alike, and does not decide who may read: that is the door's permission check.
"""
