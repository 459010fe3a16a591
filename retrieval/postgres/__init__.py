"""The embedded PostgreSQL: binaries with pgvector, started on first use, under an account that it accepts."""
