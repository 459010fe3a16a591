"""Pictures of debates: wards round by round, fairness by stage, who moved whom, which axioms hold."""
