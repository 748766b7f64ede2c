"""Fails."""

values = {}
values["missing"]
