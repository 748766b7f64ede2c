"""The tables that docs/vectors.json is written from, and its reader. Knows neither codec."""
