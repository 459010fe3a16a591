// turn
