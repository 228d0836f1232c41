"""Whether this process is about to end: once said, never taken back."""

import threading

_said = threading.Event()

say = _said.set
said = _said.is_set
