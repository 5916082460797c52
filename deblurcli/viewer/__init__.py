"""Pages for a browser in which a person compares pictures: what a benchmark's report and a review share.

Python makes the HTML (`page.py`, `stage.py`, `charts.py`, `crops.py`); the script and style of the same name stand
beside it.
"""
