"""The tests of Entrepot."""
