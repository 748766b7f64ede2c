"""The demonstration: a small real application in `app/`, and what runs it, shows it and judges how it came out."""
