"""Applications as a user has them: a folder, `python -m stockade run` in it, and its log read as JSON lines.

Imports nothing from `stockade`: what is not visible from outside is not tested here.
"""
