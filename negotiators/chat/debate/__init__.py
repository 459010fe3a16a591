"""What a chat seat is asked in a debate about a ward, and how its answer is read."""
