"""What a chat seat is asked on the commons and in games, and how its answer is read."""
