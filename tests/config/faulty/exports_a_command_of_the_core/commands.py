from stockade import Caller, command


@command("notes.read")
def read(caller: Caller, name: str) -> str:
    return name


@command("notes.save")
def save(name: str, text: str) -> None:
    pass
