"""`python -m ssljax`."""

import sys

from ssljax.commands.main import main

sys.exit(main())
