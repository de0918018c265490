"""What the house stands on: PostgreSQL and time. Knows no retail word."""
