"""Measures Stockade: one module per question, each figure a ratio to a floor that was measured in the same moment.

Not part of the wheel. It uses the installed `stockade` as a user does: systems are started with `stockade run`, and
the worker programs are files under `applications/`.
"""
