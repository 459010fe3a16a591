"""The page one reads: what a study found, and every run behind it, in one file that opens offline.

`python -m evals.report RUNS… --out report.html`. From what is given (`gathering`, each a `source`) an index of its
runs (`index`), the effects over pairs of conditions (`effects`), every run as turns (`transcripts`), packed
(`packing`), the findings with their pictures (`pictures`) as HTML (`document`), and all of it in
one file (`page`). `page/` holds what the browser is given; `serving` serves it.
"""
