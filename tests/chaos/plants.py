#!/usr/bin/python3
"""Tests the tester: for each patch in plants/, a copy of the tree with that
bug planted is built, and a chaos run of it must fail, by the invariant that
the patch names. The tree itself is not touched.

  plants.py [NAME...]     names of patches without .patch; all without one

A patch begins with lines "Caught-by: INVARIANT" and "Faults: NAME,...", the
faults that bring it out."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

SRC = os.path.abspath(os.environ.get("MAST_SRC", "."))
HERE = os.path.join(SRC, "tests", "chaos")
SECONDS = 25
SEEDS = (1, 2, 3)       # a bug may need luck to show; none needs more


def not_copied(folder, names):
    """Build trees, and what git needs."""
    if folder != SRC:
        return []
    return [n for n in names if re.fullmatch(
        r"\.git|build|build-.*|autom4te\.cache", n)]


def run(log, *cmd, **kw):
    with open(log, "a") as f:
        return subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=f,
                              stderr=subprocess.STDOUT, **kw).returncode


def header(patch):
    with open(patch) as f:
        return dict(re.findall(r"^([A-Z][a-z-]+): *(.*)$", f.read(), re.M))


def build(patch, where):
    """The tree with the bug in it; None: it does not come about."""
    tree, log = os.path.join(where, "tree"), os.path.join(where, "build.log")
    shutil.copytree(SRC, tree, symlinks=True, ignore=not_copied)
    out = os.path.join(tree, "build")
    os.mkdir(out)
    cc = ["CC=ccache cc"] if shutil.which("ccache") else []
    env = dict(os.environ, CCACHE_BASEDIR=tree, CCACHE_NOHASHDIR="1")
    for cmd in (["patch", "-p1", "-d", tree, "-i", patch],
                [os.path.join(tree, "configure"), "-q"] + cc,
                ["make", "-s", "-j%d" % os.cpu_count()]):
        if run(log, *cmd, cwd=out, env=env):
            print("# %s failed; see %s" % (cmd[0], log))
            return None
    return tree


def violated(tree, faults, seed, log):
    """Invariants that a run of it does not keep."""
    env = dict(os.environ, MAST_SRC=tree,
               MAST_BUILD=os.path.join(tree, "build"), MAST_PATIENCE="1")
    run(log, "/usr/bin/python3", "-B", os.path.join(
        tree, "tests", "chaos", "chaos.py"), "--seed", str(seed),
        "--seconds", str(SECONDS), "--faults", faults, env=env, cwd=tree)
    with open(log) as f:
        last = f.read().rstrip().rsplit("\n", 1)[-1]
    m = re.fullmatch(r"# seed %d: violated: (.*)" % seed, last)
    return m.group(1).split() if m else []


def check(patch):
    """True: the planted bug was caught, by what it names."""
    head = header(patch)
    with tempfile.TemporaryDirectory(prefix="plant") as where:
        tree = build(patch, where)
        if tree is None:
            with open(os.path.join(where, "build.log")) as f:
                print("# " + f.read()[-2000:].replace("\n", "\n# "))
            return False
        for seed in SEEDS:
            got = violated(tree, head["Faults"], seed,
                           os.path.join(where, "log"))
            print("# seed %d: %s" % (seed, " ".join(got) or
                                     "not caught"), flush=True)
            if head["Caught-by"] in got:
                return True
    return False


def main():
    patches = sorted(glob.glob(os.path.join(HERE, "plants", "*.patch")))
    if sys.argv[1:]:
        patches = [p for p in patches
                   if os.path.basename(p)[:-6] in sys.argv[1:]]
    if not patches:
        sys.exit("no patch of that name")
    print("1..%d" % len(patches))
    good = True
    for n, patch in enumerate(patches, 1):
        ok = check(patch)
        print("%sok %d - %s is caught by %s" % (
            "" if ok else "not ", n, os.path.basename(patch)[:-6],
            header(patch)["Caught-by"]), flush=True)
        good &= ok
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
