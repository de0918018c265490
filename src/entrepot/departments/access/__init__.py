"""Who may do what, and who did what.

Owns principals (people, services, suppliers, customers' own agents, by opaque ids), the roles they
hold and what each role permits, their API keys, and the audit log, whose entries are chained by
hashes so that a change of the past shows.

Facts: PrincipalCreated, RoleGranted, RoleRevoked, KeyCreated, KeyRevoked. Each also stands in the
audit log, under the stream `access`.

Deliberately holds no names or addresses (a principal's id must not tell them), keeps no secret
that could be read back (a key is shown once, its hash stays), does not invent roles at run time
(they come with a release), and does not know whose order or whose supplier a thing is: that a
supplier sees only its own is for the flow that reads.
"""
