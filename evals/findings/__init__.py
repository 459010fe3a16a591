"""What a study found: hypotheses tested, tables with both nulls beside them, figures, what a sceptic asks."""
