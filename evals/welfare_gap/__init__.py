"""The welfare gap: what the best contract that a language can say still loses, and what closes it.

>>> from scenarios.games import load
>>> from evals.welfare_gap.account import account
>>> account(load("lift:prisoners-dilemma")).contract.loss        # 1/24 of what there is to win
"""
