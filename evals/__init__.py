"""What happened: fairness, strategy, axioms, statistics and experiments, read off run records and nothing else."""
