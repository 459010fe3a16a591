"""What the steps share while a debate goes on: seats, turns, edges, the journal, and what the machine lends."""
