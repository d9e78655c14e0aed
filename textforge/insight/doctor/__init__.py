"""The doctor: find what is wrong with labelled texts, worst first, and write a cleaned copy.

Each detector is a file with a function that yields `Finding`s; `detectors.py` lists them all.
"""
