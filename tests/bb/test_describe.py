#!/usr/bin/python3
"""The description of the API: it is served, it is the one that people
edit, and it agrees with routes[] both ways."""
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile

import yaml

import describe
import mast
import tap

SOURCE = os.path.join(mast.SRC, "apid", "openapi.yaml")
AWK = os.path.join(mast.SRC, "apid", "openapi.awk")
URL = "/api/v1/openapi.json"
ROLES = ("public", "viewer", "operator", "admin", "super_admin")


def converted(text):
    """(exit code, output, error) of the converter."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        f.write(text)
        f.flush()
        r = subprocess.run([os.environ.get("AWK", "awk"), "-f", AWK, f.name],
                           text=True, capture_output=True, timeout=60)
    return r.returncode, r.stdout, r.stderr


def routes(s):
    """(path, method) -> the words of --routes."""
    text = subprocess.run([s.program("mastkeeper-apid"), "--routes"],
                          check=True, text=True, capture_output=True).stdout
    out = {}
    for line in text.splitlines():
        method, pattern, role, size = line.split()[:4]
        left = line.rstrip().rsplit("  ", 1)
        words = left[0].split()[4:]
        path = re.sub(r"[:#*](\w+)", r"{\1}", pattern)
        out[path, method.lower()] = dict(
            role=role, size=int(size),
            malformed="#" in pattern or "*" in pattern, words=set(words), summary=left[1])
    return out


def test_served(s):
    """Anybody may read it, it is the file of the source, it has an ETag"""
    r = s.nobody().get(URL).want(200)
    tap.equal(r.header("Content-Type"), "application/json")
    tap.equal(r.header("Cache-Control"), "no-cache")
    with open(SOURCE) as f:
        tap.equal(r.json, yaml.load(f, yaml.CSafeLoader))
    tag = r.header("ETag")
    assert re.fullmatch(r'"[0-9a-f]{16}"', tag), tag
    tap.equal(s.nobody().get(URL, headers={
        "If-None-Match": tag}).want(304).body, b"")
    z = s.nobody().get(URL, headers={"Accept-Encoding": "gzip"}).body
    tap.equal(json.loads(gzip.decompress(z)), r.json)


def test_converter(s):
    """The converter reads what a whole YAML parser reads, or says why not"""
    for text in ("a: {b: 'it''s', c: [x y, \"q, r\"],\n d: -1.5}\n"
                 "b: 'x # y'\nc:\n- 1\n- k: |\n    t\"e\n      u\n\n"
                 "    v\n  m: null\n", "- a\n- [b, {c: 1}]\n",
                 "\"/x\": \"\\\"\\\\\\n\"\n# note\nb:\n", "a:\n  - - 1\n",
                 "a: 3.1.0\nb: 400 for it\nc: [1, 2.5, x.y]\n"):
        code, out, err = converted(text)
        tap.equal((code, err), (0, ""), text)
        tap.equal(json.loads(out), yaml.safe_load(text), text)
    for text in ("a: b: c\n", "a: {b: 1, b: 2}\n", "a: 1\na: 2\n",
                 "a: [1, 2\n", "a: yes\n", "a:\n  - 1\n   - 2\n",
                 "a: x\n  y\n", "a: \"\\x41\"\n", "a: [1,,2]\n",
                 "a: &x 1\n", "a: 2020-01-01\n", "a: x # no\n", "a:\tb\n",
                 "", "a: |\n", "a: {b}\n", "a: [1] 2\n", "a: >\n  b\n"):
        code, out, err = converted(text)
        tap.equal(code, 1, text)
        assert re.search(r"\.yaml:\d+: .", err), (text, err)


def test_routes_agree(s):
    """routes[] and the description name the same paths, methods, roles,
    bodies and titles"""
    have = routes(s)
    s.judge = describe.of_build(s.build)
    told = {(p, m): (op, params) for p, m, op, params in
            s.judge.operations()}
    tap.equal(sorted(set(have) - set(told)), [], "not described")
    tap.equal(sorted(set(told) - set(have)), [], "not there")
    for key, row in have.items():
        op, params = told[key]
        tap.equal(op.get("x-minimum-role"), row["role"], "role of %s %s" %
                  key)
        assert row["role"] in ROLES, row
        tap.equal("requestBody" in op, row["size"] > 0, "body of %s %s" %
                  key)
        tap.equal(op["summary"], row["summary"], "title of %s %s" % key)
        ways = op.get("security", s.judge.doc["security"])
        want = [] if row["role"] == "public" else [
            {"session": []}, {"bearer": []}] + (
            [] if "session" in row["words"] else [{"token": []}])
        tap.equal(ways, want, "ways to sign in of %s %s" % key)
        csrf = key[1] != "get" and not row["words"] & {"no-csrf"} and \
            row["role"] != "public"
        tap.equal(("header", "X-CSRF-Token") in {
            (p["in"], p["name"]) for p in params}, csrf,
            "X-CSRF-Token of %s %s" % key)
        tap.equal(("header", "Idempotency-Key") in {
            (p["in"], p["name"]) for p in params}, key[1] == "post" and
            row["role"] != "public" and
            not row["words"] & {"stream", "long"}, "Idempotency-Key of %s %s" % key)
        in_path = {p["name"] for p in params if p["in"] == "path"}
        tap.equal(in_path, set(re.findall(r"{(\w+)}", key[0])),
                  "parameters of %s %s" % key)


def test_statuses(s):
    """Each operation lists the refusals that its row implies"""
    have = routes(s)
    for path, method, op, params in describe.of_build(
            s.build).operations():
        row = have[path, method]
        want = {"default"}
        if row["role"] != "public":
            want |= {"401"}
        if row["role"] not in ("public", "viewer") or \
                "node" in row["words"] or \
                (method != "get" and row["role"] != "public"):
            want |= {"403"}
        if "node" in row["words"]:
            want |= {"404"}
        if "json" in row["words"]:
            # A sign-in refuses what breaks a rule as a bad request.
            want |= {"400"} if row["role"] == "public" else {"400", "422"}
        if method == "post" and row["role"] != "public" and \
                not row["words"] & {"stream", "long"}:
            want |= {"400", "409", "422"}       # for its Idempotency-Key
        if any(p["in"] == "query" for p in params):
            want |= {"400"}
        if row["malformed"]:
            want |= {"400"}
        if "upgrade" in row["words"]:
            want |= {"101", "426"}
        missing = sorted(want - set(op["responses"]))
        tap.equal(missing, [], "answers of %s %s" % (method, path))


def test_references(s):
    """Every reference leads somewhere and every component is used"""
    doc = describe.of_build(s.build).doc
    used = set()

    def walk(x):
        if isinstance(x, dict):
            if "$ref" in x:
                used.add(x["$ref"])
            for v in x.values():
                walk(v)
        elif isinstance(x, list):
            for v in x:
                walk(v)
    walk(doc)
    named = {"#/components/%s/%s" % (kind, name)
             for kind, group in doc["components"].items()
             for name in group if kind != "securitySchemes"}
    tap.equal(sorted(used - named), [], "references to nothing")
    tap.equal(sorted(named - used), [], "components without use")
    ids = [op["operationId"] for _, _, op, _ in
           describe.of_build(s.build).operations()]
    tap.equal(len(ids), len(set(ids)), "operationId")


def test_judge(s):
    """The judge of answers notices what it is there for"""
    judge = describe.Description({
        "paths": {"/x/{id}": {"get": {"responses": {
            "200": {"description": "", "content": {"application/json": {
                "schema": {"allOf": [
                    {"$ref": "#/components/schemas/A"},
                    {"type": "object", "properties": {
                        "b": {"type": "string", "format": "date-time"}}}]}}}},
            "204": {"description": ""},
            "default": {"description": ""}}}}},
        "components": {"schemas": {
            "A": {"type": "object", "required": ["a"], "properties": {
                "a": {"type": "integer"}}},
            "Problem": {"type": "object", "required": ["type"],
                        "properties": {"type": {"type": "string"}}}}}})
    kind = [("Content-Type", "application/json")]

    def says(status, body, headers=kind, method="GET", path="/x/1"):
        try:
            judge.check(method, path, None, mast.Response(
                status, headers, body))
            return None
        except AssertionError as why:
            return str(why)
    tap.equal(says(200, b'{"a":1}'), None)
    tap.equal(says(200, b'{"a":1,"b":"2026-01-02T03:04:05Z"}'), None)
    tap.equal(says(204, b"", []), None)
    for part, args in (
            ("required", (200, b'{}')),
            ("integer", (200, b'{"a":"1"}')),
            ("date-time", (200, b'{"a":1,"b":"x"}')),
            ("dditional", (200, b'{"a":1,"c":1}')),
            ("twice", (200, b'{"a":1,"a":1}')),
            ("not JSON", (200, b'{"a":NaN}')),
            ("undescribed status", (409, b'{}')),
            ("undescribed media", (200, b'x', [("Content-Type", "a/b")])),
            ("not described", (204, b'x')),
            ("internal", (500, b'{}')),
            ("not described", (200, b'{}', kind, "GET", "/y")),
            ("not described", (200, b'{}', kind, "PUT")),
            ("not a problem", (404, b'{}', kind, "GET", "/y"))):
        told = says(*args)
        assert told is not None and part in told, (args, told)


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
