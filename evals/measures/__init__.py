"""What does every number of Parley mean: formula, unit, range, direction, when it is missing, whose it is?"""
