"""What comes of deliberations: agreement and when, whose clauses survive, what a quick agreement leaves undone."""
