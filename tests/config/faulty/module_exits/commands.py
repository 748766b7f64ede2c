import sys

sys.exit("done with it")
