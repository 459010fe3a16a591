"""What a chat model is asked in a deliberation, and how its words and its verdicts are read."""
