#!/usr/bin/python3
"""mastkeeper-api(7): its examples run as printed, and it names every route
with the role that it takes."""
import os
import re
import subprocess
import sys

import mast
import tap

PAGE = os.path.join(mast.SRC, "man", "mastkeeper-api.7")
ESCAPES = {"\\e": "\\", "\\(aq": "'", "\\-": "-", "\\&": "", "\\(dq": '"'}


def page():
    with open(PAGE) as f:
        return f.read()


def examples():
    """The literal blocks, as a reader sees them."""
    out = []
    for block in re.findall(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed$",
                            page(), re.M | re.S):
        out.append(re.sub(r"\\(e|\(aq|\(dq|-|&)",
                          lambda m: ESCAPES[m.group(0)], block))
    return out


def routes(s):
    text = subprocess.run([s.program("mastkeeper-apid"), "--routes"],
                          check=True, text=True, capture_output=True).stdout
    out = {}
    for line in text.splitlines():
        method, pattern, role = line.split()[:3]
        out[method + " " + re.sub(r"[:#*](\w+)", r"{\1}", pattern)] = role
    return out


def test_examples(s):
    """every example runs, in order, in one shell, and answers as described"""
    found = examples()
    assert len(found) >= 10, "only %d examples" % len(found)
    work = os.path.join(s.dir, "examples")
    os.mkdir(work)
    script = ". %s/env\n" % s.state + "\n".join(
        "echo\necho '=== %d'\n%s" % (i, b) for i, b in enumerate(found))
    r = subprocess.run(["sh", "-eu"], input=script, text=True, cwd=work,
                       capture_output=True, timeout=120)
    if r.returncode != 0 or r.stderr:
        raise AssertionError("exit %d\n%s\n%s" % (
            r.returncode, r.stdout[-3000:], r.stderr))
    out = r.stdout.replace("\" : ", "\":")
    for part in ('"status":"ok"', '"csrf_token"', '"pointer":"/name"',
                 "on the roof of pier 7", '"session_lifetime_hours":24',
                 '"status":502', "sim-001"):
        tap.contains(out, part)
    problems = re.findall(r'"status":(4\d\d|500|503)', out)
    tap.equal(problems, ["422"], "refusals")
    tap.equal(s.one("SELECT count(*) FROM mast.audit WHERE action = "
                    "'node.create' AND details::text LIKE '%%harbour-7%%'"),
              1, "created once")
    tap.equal(s.one("SELECT count(*) FROM mast.nodes WHERE name = "
                    "'harbour-7'"), 0, "deleted")


def test_quoted(s):
    """what is printed is what was run: no curl line outside of an example"""
    rest = re.sub(r"^\.Bd -literal.*?^\.Ed$", "", page(), flags=re.M | re.S)
    tap.equal(re.findall(r"^[ \t]*curl .*$", rest, re.M), [])
    shown = subprocess.run(["mandoc", "-T", "ascii", PAGE], text=True,
                           capture_output=True, check=True).stdout
    shown = re.sub(".\b", "", shown)
    for block in examples():
        for line in block.splitlines():
            tap.contains(shown, line.expandtabs(), "rendered")


def test_routes(s):
    """every route is named with its role, and the reverse"""
    told = dict(re.findall(r"^\.It Ic ([A-Z]+ /\S*) Pq (\w+)$", page(),
                           re.M))
    have = routes(s)
    tap.equal(sorted(set(have) - set(told)), [], "routes not in the page")
    tap.equal(sorted(set(told) - set(have)), [], "in the page only")
    tap.equal({k: v for k, v in told.items() if have[k] != v}, {}, "roles")


def test_statuses(s):
    """every status that the description lists for a refusal is explained"""
    told = set(re.findall(r"^\.It (\d\d\d)$", page(), re.M))
    doc = mast.describe.of_build(s.build)
    listed = {code for _, _, op, _ in doc.operations()
              for code in op["responses"] if code >= "400" and
              code.isdigit()}
    tap.equal(sorted(listed - told), [], "not explained")


if __name__ == "__main__":
    mast.main(sys.modules[__name__], nodes=1)
