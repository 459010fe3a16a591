"""What the commons and games share: their settings, seats, records, and how a seat is asked."""
