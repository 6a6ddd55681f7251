"""The policy laboratory: two rule sets of one scheme, played year by year over a whole population.

Who there is and what they would book (`people`, `generate`, `stored`), the rules before and after (`rulesets`),
one person's years under one of them (`play`), what differs and why (`compare`), sums of all that and no person's
figures (`tally`), many people on several cores (`engine`), and what is read of it (`report`, `charts`).

Every amount comes from the functions that the services use (`funding.schemes`); nothing is written anywhere.
`stored` alone looks into the database.
"""
