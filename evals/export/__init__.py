"""Records in the formats of others: lines of JSON, tables, and the logs of inspect_ai."""
