"""Who sits at the table: a YAML catalogue of stances (frameworks, plain, biased) and its loader."""
