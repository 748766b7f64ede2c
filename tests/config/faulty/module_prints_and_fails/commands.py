import sys

print('["done"]')
print("x" * 200_000, flush=True)
print("y" * 200_000, file=sys.stderr)
raise ValueError("first\nsecond \x1b[31m")
