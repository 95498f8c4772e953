"""A trial that goes wrong, as the folder it is given is called: it is killed, crashes, hangs or talks nonsense."""

import os
import signal
import sys
import time
from pathlib import Path

how = Path(sys.argv[1]).name
if how == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
elif how == "crashes":
    os.kill(os.getpid(), signal.SIGSEGV)
elif how == "hangs":
    time.sleep(60)
elif how == "raises":
    sys.exit("RuntimeError: nobody knows why")
print("nonsense")
