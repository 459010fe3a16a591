"""Pictures of seasons and games: stock and catches, laws and where they bit, who was paid, the welfare gap."""
