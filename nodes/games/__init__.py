"""One step of a game: a round from talk to payoffs, and the state its steps share."""
