import threading

try:
    threading.Event().wait()
except Exception:
    pass
