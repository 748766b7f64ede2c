from stockade import command


@command("notes read")
def read(name) -> str:
    return name
