"""Rules that look over the whole house: the audit of what must always hold."""
