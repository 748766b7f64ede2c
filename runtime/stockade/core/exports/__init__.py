"""Calls to what workers export: who gets which, who waits, and who waits for whom."""
