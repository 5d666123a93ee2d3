"""For all tests: signals do what they do in a terminal.

A shell that starts tests in the background, and ``nohup``, let them ignore Ctrl-C or the
terminal's end. The commands under test would inherit that.
"""

from __future__ import annotations

import signal

for _number, _handler in (
    (signal.SIGINT, signal.default_int_handler),
    (getattr(signal, "SIGHUP", None), signal.SIG_DFL),
):
    if _number is not None and signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)
