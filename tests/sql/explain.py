#!/usr/bin/python3
"""Every statement of apid and hubd, planned as the role that runs it.

PREPARE checks no privilege, EXPLAIN EXECUTE does: so each text that
"mastkeeper-apid --statements" prints, one a line (name, number of parameters
and SQL with \\n for newlines, between tabs or as "name/2 read: SELECT"), is
explained with NULLs on a fresh schema. TAP.

explain.py                      both daemons of MAST_BUILD
explain.py ROLE FILE            the statements of a file, "-" for stdin
"""
import os
import re
import subprocess
import sys
import tempfile

SRC = os.environ.get("MAST_SRC", ".")
BUILD = os.environ.get("MAST_BUILD", ".")
SCRATCH = os.path.join(SRC, "tests/sql/pg-scratch")
DAEMONS = (("_mast_apid", "mastkeeper-apid"), ("_mast_hubd", "mastkeeper-hubd"))
LINE = re.compile(r"(\w+)[\t/](\d+)(?:\t|[ a-z]*: )(.+)$")


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def point(self, good, name, comment=""):
        self.count += 1
        self.failed += not good
        for line in comment.splitlines():
            print("# " + line)
        print("%sok %d - %s" % ("" if good else "not ", self.count, name),
              flush=True)

    def skip(self, name, why):
        self.count += 1
        print("ok %d - %s # SKIP %s" % (self.count, name, why), flush=True)

    def end(self):
        print("1..%d" % self.count)
        return 1 if self.failed else 0


def statements(text):
    """(name, nparams, sql) of each line; ValueError on any other line."""
    for line in text.splitlines():
        found = LINE.match(line)
        if found is None:
            raise ValueError(line)
        name, nparams, sql = found.groups()
        yield name, int(nparams), sql.replace("\\n", "\n")


def explain(cursor, nparams, sql):
    """None, or the server's complaint."""
    import psycopg2

    nulls = "(%s)" % ", ".join(["NULL"] * nparams) if nparams else ""
    try:
        cursor.execute("PREPARE s AS " + sql)
        cursor.execute("SELECT cardinality(parameter_types) "
                       "FROM pg_prepared_statements WHERE name = 's'")
        used = cursor.fetchone()[0]
        if used != nparams:
            return "says %d parameters, uses %d" % (nparams, used)
        cursor.execute("EXPLAIN EXECUTE s" + nulls)
    except psycopg2.Error as error:
        return "%s %s" % (error.pgcode, error)
    finally:
        cursor.execute("DEALLOCATE ALL")
    return None


def check(tap, folder, role, text):
    import psycopg2

    connection = psycopg2.connect(host=folder, dbname="mastkeeper", user=role)
    connection.autocommit = True
    cursor = connection.cursor()
    try:
        rows = list(statements(text))
    except ValueError:
        tap.point(False, "%s: the form of --statements" % role)
        return
    tap.point(len(rows) > 0, "%s: statements" % role)
    for name, nparams, sql in rows:
        fault = explain(cursor, nparams, sql)
        tap.point(fault is None, "%s: %s" % (role, name), fault or "")
    connection.close()


def self_test(tap, folder):
    """The tool must see a missing right, which PREPARE alone would not."""
    import psycopg2

    connection = psycopg2.connect(host=folder, dbname="mastkeeper",
                                  user="_mast_apid")
    connection.autocommit = True
    cursor = connection.cursor()
    fault = explain(cursor, 0, "SELECT sealed FROM mast.provider_keys")
    tap.point(fault is not None and fault.startswith("42501"),
              "a missing right is found", fault or "nothing found")
    fault = explain(cursor, 1, "SELECT $1::int + $2::int")
    tap.point(fault is not None, "a wrong number of parameters is found")
    connection.close()


def inputs(tap):
    """(role, text) of what is to be explained."""
    if len(sys.argv) == 3:
        with (sys.stdin if sys.argv[2] == "-" else
              open(sys.argv[2], encoding="utf-8")) as f:
            yield sys.argv[1], f.read()
        return
    for role, program in DAEMONS:
        path = os.path.join(BUILD, program)
        if not os.access(path, os.X_OK):
            tap.point(False, "%s is not built" % path)
            continue
        yield role, subprocess.run([path, "--statements"], check=True,
                                   stdout=subprocess.PIPE,
                                   universal_newlines=True).stdout


def main():
    try:
        import psycopg2  # noqa: only asks whether it is there
    except ImportError:
        print("1..0 # SKIP needs the package python3-psycopg2")
        return 0
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="mastx", dir="/tmp") as top:
        os.chmod(top, 0o755)
        folder = os.path.join(top, "pg")
        try:
            subprocess.run([SCRATCH, "start", folder], check=True)
            subprocess.run([SCRATCH, "schema", folder], check=True)
            self_test(tap, folder)
            for role, text in inputs(tap):
                check(tap, folder, role, text)
        finally:
            subprocess.run([SCRATCH, "stop", folder], check=False)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
