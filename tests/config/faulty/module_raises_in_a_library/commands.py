import json

SETTINGS = json.loads("no json")
