"""What happened in dilemmas: records of the commons and of games as tables, outcomes by name, and findings."""
