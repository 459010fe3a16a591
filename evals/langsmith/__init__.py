"""LangSmith: wards and their twins as a dataset, debates as experiments with feedback, or all of it here alone."""
