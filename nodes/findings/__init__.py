"""What a debate did, read off its allocations: strategies of moves, emergence, criteria that hold."""
