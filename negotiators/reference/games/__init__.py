"""How reference seats play games: equilibria of what concerns and law make of them, and strategies of repeated play."""
