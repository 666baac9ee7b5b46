"""`python -m omentum` is the command `omentum`."""

import sys

from omentum.cli import main

if __name__ == "__main__":
    sys.exit(main())
