"""Are the instruments right: simulated studies with a known answer, and whether the pipeline finds it."""
