"""A scoring program that never listens."""

import time

time.sleep(600)
