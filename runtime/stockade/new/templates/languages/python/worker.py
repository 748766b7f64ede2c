"""The worker: a process of its own that shares nothing with the core, and can do no more than ask it."""

from __future__ import annotations

from stockade_frontend import CommandError, connect

with connect() as core:
    core.listen("guests/signed", lambda event: print(event.payload["name"], "has signed"))
    core.ready()
    print("guests:", core.invoke("guests.sign", name="@@label"))
    try:
        core.invoke("guests.clear")
    except CommandError as refusal:
        print("refused:", refusal.code)
    core.run()  # handles events until the supervisor asks to stop
