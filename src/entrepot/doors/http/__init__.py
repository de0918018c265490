"""The JSON API under /v1: thin functions over flows and room verbs.

One request is one transaction. Requests and answers are typed values; a Refusal becomes
problem+json with its status, a Fault 503 with Retry-After, a bug 500. Every route names the
permission it needs; a route that names none does not start.
"""
