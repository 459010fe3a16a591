"""Findings as HTML: sentences, tables and figures, each linked to the runs behind it, all of it escaped."""
