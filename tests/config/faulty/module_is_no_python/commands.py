import json

VALUE = (1,
