"""Who got what, and was that because of a label: group gaps, their nulls, bias, twins, and the price of fairness."""
