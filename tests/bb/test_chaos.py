#!/usr/bin/python3
"""A minute of chaos: every kind of fault once, then the books. The long form
is `make check-chaos`; $CHAOS_SEED repeats a run."""
import os
import sys

import mast
import tap

sys.path.insert(0, os.path.join(mast.SRC, "tests", "chaos"))
import chaos                                    # noqa: E402
import checks                                   # noqa: E402

SECONDS = 30            # and until each kind of fault has come once


def point(name, title, fn):
    """A test of one invariant."""
    def test(run):
        if not run.settled:
            raise AssertionError("the run did not come to its end")
        rows = fn(run)
        if rows:
            checks.show(name, title, rows)
            raise AssertionError("%s, seed %d" % (name, run.seed))
    test.__name__ = "test_" + name
    test.__doc__ = title[0].upper() + title[1:]
    return test


def test_faults(run):
    """Every fault is survived, and everything is ready and quiet after it"""
    run.settled = False
    run.shake(SECONDS)
    run.settle()
    run.settled = True


def leftovers(run):
    """Nothing is left running, no sanitizer report, no secret in a log"""
    faults = run.s.stop()
    if faults:
        raise AssertionError("\n".join(faults) + run.s.logs(15))


if __name__ == "__main__":
    seed = os.environ.get("CHAOS_SEED")
    sys.exit(tap.run([test_faults] + [point(*c) for c in checks.CHECKS] +
                     [leftovers], chaos.Run(seed and int(seed), clients=3)))
