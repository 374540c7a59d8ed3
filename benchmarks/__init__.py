"""How fast the product is, beside its peers and beside what the database can do: `make bench`.

A measurement is told from top to bottom like this:

| module | its part |
|---|---|
| `cases.py` | what is measured: which job, how many rows, from where to where, who takes part |
| `stage.py` | the server, the legacy database, a fresh copy of the target for every single run |
| `contenders/` | those who do the job, each a process of its own |
| `measure.py` | seconds, CPU and memory of that process and of the database server behind it |
| `check.py` | is every row in the target what a plain Python loop says it should be? |
| `runner.py` | one after the other, in turns, each result kept at once |
| `results.py`, `goals.py`, `report.py`, `plot.py` | medians, ratios, docs/performance.md |
| `guard.py` | what CI compares |

`job/` holds the jobs themselves: a Django app with models, transformers, and the legacy rows; `shapes/` and
`many/` are apps for tables of other shapes. The other scripts here answer one question each, by themselves.
"""
