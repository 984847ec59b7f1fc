"""`python -m overseg` is the command `overseg`."""

import sys

from overseg.cli.main import main

sys.exit(main())
