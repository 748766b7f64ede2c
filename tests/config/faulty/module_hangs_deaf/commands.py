import signal
import threading

signal.signal(signal.SIGALRM, signal.SIG_IGN)
threading.Event().wait()
