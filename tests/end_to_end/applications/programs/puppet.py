"""A worker with the blocking stub that does what a test says."""

from __future__ import annotations

import os

from puppet_strings import answer, answer_raised, connect_to_test, prepare

from stockade_frontend import Ended, connect

#: Between two looks at what the test says, in seconds.
PAUSE = 0.005

test = connect_to_test()
with connect(queue=int(os.environ.get("QUEUE", "1024"))) as core:
    core.ready()
    names = {"core": core, "heard": []}
    while not core.stopping:
        core.poll(PAUSE)
        if not test.poll(0):
            continue
        code, more = test.recv()
        names.update(more)
        try:
            prepare(code, names)()
        except Ended:
            raise
        except BaseException as error:
            answer_raised(test, error)
        else:
            answer(test, names["_value"])
