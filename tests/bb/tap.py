"""A small TAP producer: functions in order, one test point each."""
import inspect
import os
import sys
import time
import traceback


# Under sanitizers and on a busy machine everything takes longer.
PATIENCE = float(os.environ.get("MAST_PATIENCE", "1"))


class Skip(Exception):
    """Raised in a test that cannot run here; says which package is missing."""


def bail(text):
    print("Bail out! " + text, flush=True)
    sys.exit(99)


def _comment(text):
    for line in text.rstrip().splitlines():
        print("# " + line, flush=True)


def _run(number, name, fn, args):
    begin = time.monotonic()
    try:
        fn(*args)
    except Skip as why:
        print("ok %d - %s # SKIP %s" % (number, name, why), flush=True)
        return True
    except BaseException as why:                # noqa: a crash is a failure
        _comment(traceback.format_exc())
        print("not ok %d - %s" % (number, name), flush=True)
        if isinstance(why, KeyboardInterrupt):
            bail("interrupted")
        return False
    print("ok %d - %s" % (number, name), flush=True)
    _comment("%.2f s" % (time.monotonic() - begin))
    return True


def functions(module):
    """The functions test_* of a module, in the order of the file."""
    found = [f for n, f in vars(module).items()
             if n.startswith("test_") and inspect.isfunction(f)]
    return sorted(found, key=lambda f: f.__code__.co_firstlineno)


def run(tests, *args, only=None):
    """Runs functions with args, prints TAP, gives the exit code. Names on
    the command line (or in MAST_ONLY) choose some of them."""
    chosen = only or sys.argv[1:] or os.environ.get("MAST_ONLY", "").split()
    if chosen:
        tests = [t for t in tests if t.__name__ in chosen]
        if not tests:
            bail("no test of that name")
    print("1..%d" % len(tests), flush=True)
    good = True
    for number, fn in enumerate(tests, 1):
        text = fn.__doc__.strip().splitlines()[0].rstrip(".") \
            if fn.__doc__ else fn.__name__
        good &= _run(number, text.replace("#", ""), fn, args)
    return 0 if good else 1


def equal(got, want, what=""):
    if got != want:
        raise AssertionError("%s: got %r, want %r" % (what, got, want))


def contains(text, part, what=""):
    if part not in text:
        raise AssertionError("%s: %r is not in %r" % (what, part, text))
