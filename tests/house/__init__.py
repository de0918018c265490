"""The rules of the house as tests: imports, sizes, banned calls, SQL, schema, plans, documents."""
