"""`python -m compiler` is `trainlock`."""

import sys

from compiler.cli import main

sys.exit(main())
