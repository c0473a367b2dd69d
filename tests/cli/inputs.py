"""The makers of stores that the tests of the tool take from other folders."""
import os
import sys

sys.dont_write_bytecode = True
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TESTS, "page"), os.path.join(TESTS, "support")]
import hostile  # noqa: E402,F401
import stores  # noqa: E402,F401
