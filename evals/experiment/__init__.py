"""How is a study planned, frozen, run and exported: `python -m evals.experiment`."""
