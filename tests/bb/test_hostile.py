#!/usr/bin/python3
"""Bad input, made from the description: every parameter and member of every
route gets what it does not allow. Each is refused with a problem that points
at it, never with a 5xx, and nothing is changed."""
import itertools
import json
import re
import sys
import urllib.parse

import describe
import mast
import rows
import tap
import test_matrix as matrix

LONG = 70000
DEEP = 300
ANY = [None, True, False, 0, -1, 1.5, "", "x", "a\0b", [], {}, [None],
       {"x": 1}, 10**30, -10**30, 10**400, "\ud7ff" * 2000, "x" * LONG]
OF_FORMAT = {
    "date-time": ["yesterday", "2026-13-01T00:00:00Z", "2026-01-01",
                  "2026-01-01T00:00:00", "0000-00-00T00:00:00Z"],
    "uuid": ["5d2f1c9e", "5d2f1c9e-0000-4000-8000-00000000000g"],
}
# Where a wrong text is refused as any other wrong text is.
UNIFORM = {"POST /api/v1/auth/login"}
sources = itertools.count(1)


class Door:
    """One operation with a proper request for it."""

    def __init__(self, w, judge, path, method, op, params):
        self.w, self.judge, self.op = w, judge, op
        self.template, self.method = path, method.upper()
        self.key = "%s %s" % (self.method, path)
        self.ask = matrix.REQUESTS[self.key]
        self.client = w.s.admin()
        self.params = {(p["in"], p["name"]): p for p in params}
        made = dict(self.ask.params)
        if "{id}" in path and "id" not in made:
            made["id"] = matrix.node_id
        self.in_path = {k: str(matrix.made(v, w, "super_admin", w.own))
                        for k, v in made.items()}
        self.body = matrix.made(self.ask.body, w, "super_admin", w.own)
        self.schema, self.optional = None, False
        if "requestBody" in op:
            body = judge.resolve(op["requestBody"])
            media = body["content"].get("application/json", {})
            self.schema = media.get("schema")
            self.optional = not body.get("required", False)
        if self.schema is not None and self.body is None:
            self.body = {}

    def path(self, **other):
        """The path, with some of its parameters put in as they are."""
        return re.sub(r"{(\w+)}", lambda m: other.get(
            m.group(1), self.in_path.get(m.group(1), "")), self.template)

    def send(self, path=None, query=None, raw=None, headers=None):
        h = dict(self.ask.headers or {})
        if raw is None and self.body is not None:
            raw = json.dumps(self.body).encode()
        if raw is not None:
            h["Content-Type"] = "application/json"
        h.update(headers or {})
        client = self.client
        if self.op["x-minimum-role"] == "public":
            # Its limits of sign-ins are another suite's matter.
            n = next(sources)
            client = mast.Session(self.w.s, source="127.20.%d.%d" % (
                1 + n // 250, 1 + n % 250))
        return client.request(
            self.method, (path or self.path()) +
            (self.ask.query if query is None else query), raw=raw, headers=h)


def doors(s):
    """All of them; what they need is made once."""
    if not hasattr(s, "doors"):
        w, judge = matrix.World(s), describe.of_build(s.build)
        s.doors = [Door(w, judge, *o) for o in judge.operations()]
    return s.doors


class Tally:
    """Faults of many small tries, told together; between its ends nothing
    may have changed."""

    def __init__(self, s):
        self.s = s
        self.n = 0
        self.faults = []

    def refused(self, door, what, statuses, pointer=None, ask=None, **how):
        """Sends that (see Door.send), which must be refused."""
        self.n += 1
        answer = None
        try:
            answer = ask() if ask else door.send(**how)
            if answer.status == 413 or b"\\u0000" in how.get("raw", b""):
                pointer = None          # it was not decoded
            if answer.status not in statuses:
                raise AssertionError("want one of %s" % sorted(statuses))
            answer.problem(answer.status)
            if pointer is not None:
                told = [e["pointer"] for e in answer.json.get("errors", [])]
                if not any(t == pointer or t.startswith(pointer + "/") or
                           (t and pointer.startswith(t + "/"))
                           for t in told):
                    raise AssertionError("points at %s" % told)
        except AssertionError as why:
            self.faults.append("%s, %s: %s: %r" % (
                door.key, what, str(why)[:400], answer))

    def __enter__(self):
        self.before = rows.digest(self.s)
        self.last = rows.audit(self.s)
        return self

    def __exit__(self, kind, why, where):
        if kind is not None:
            return
        print("# %d tries" % self.n)
        if self.faults:
            raise AssertionError("%d of %d: %s" % (
                len(self.faults), self.n, "\n".join(self.faults[:400])))
        tap.equal(rows.changed(self.before, rows.digest(self.s)), [],
                  "changed")
        tap.equal([a for a in rows.audited(self.s, self.last)
                   if "refuse" not in a and "login" not in a and
                   "sign" not in a], [], "audited")


# ---- in the path

BAD_TEXT = ["%00", "a%00b", "%ff", "%c0%80", "%ed%a0%80", "%", "%zz",
            "a" * 257]
BAD_PATH = {
    "uuid": ["x", "0", "null", "5d2f1c9e-0000-4000-8000-00000000000g",
             "5d2f1c9e00004000800000000000000a", "..", "a" * 257, "%00"],
    "int64": ["x", "-1", "1.5", "01", "0x1", "1e3", "9223372036854775808",
              "9" * 40, "..", "%31%00"],
    None: BAD_TEXT,
}


def test_path(s):
    """A parameter in a path that is malformed is 400 or 404"""
    all_ = doors(s)
    with Tally(s) as tally:
        for door in all_:
            for (where, name), p in door.params.items():
                if where != "path":
                    continue
                kind = door.judge.resolve(p["schema"]).get("format")
                for bad in BAD_PATH[kind] + BAD_TEXT[:4]:
                    tally.refused(door, "%s=%s" % (name, bad[:40]),
                                  {400, 404}, path=door.path(**{name: bad}))
                tally.refused(door, name + " too long",
                              {400, 404, 414, 431},
                              path=door.path(**{name: "a" * 20000}))


# ---- in the query

def bad_queries(judge, schema):
    """Encoded values that the schema of a query parameter refuses."""
    yield from ("%00", "a%00b", "%ff", "%c0%80", "x" * 3000)
    kinds = schema.get("type")
    texts = ["x", "1.5", "1e3", "0x10", "-", "9" * 30, "-" + "9" * 30, "NaN",
             "null", "yes", "\u0663", " 1", "1 ", "{}"]
    for f, more in OF_FORMAT.items():
        if schema.get("format") == f:
            texts += more
    if "maxLength" in schema:
        texts.append("x" * (schema["maxLength"] + 1))
    for bound, step in (("minimum", -1), ("maximum", 1)):
        if bound in schema:
            texts.append(str(schema[bound] + step))
    check = judge.validator(schema)
    for t in texts:
        value = t
        if kinds in ("integer", "boolean"):
            try:
                value = json.loads(t) if t == t.strip() else t
            except ValueError:
                pass
        if not check.is_valid(value):
            yield urllib.parse.quote(t)


def test_query(s):
    """A query parameter that breaks its rule, or is there twice, is 400 and
    named"""
    all_ = doors(s)
    with Tally(s) as tally:
        for door in all_:
            for (where, name), p in door.params.items():
                if where != "query":
                    continue
                schema = door.judge.closed(p["schema"])
                for bad in bad_queries(door.judge, schema):
                    query = "?%s=%s" % (name, bad)
                    tally.refused(door, query[:80], {400}, name, query=query)
                tally.refused(door, "twice " + name, {400}, name,
                              query="?%s=1&%s=1" % (name, name))
    assert tally.n > 100, tally.n


# ---- in the body

# Read as they come: the first fault counts, be it a rule's or the syntax's.
AS_IT_COMES = {"POST /api/v1/import"}


def nested(n):
    return b"[" * n + b"]" * n


def test_body(s):
    """What is no JSON object, or no JSON, or too much of it, is refused"""
    all_ = doors(s)
    with Tally(s) as tally:
        for door in all_:
            if door.schema is None:
                continue
            doc = door.body or {next(walk(door.judge, door.schema,
                                          {}))[0][0]: None}
            good = json.dumps(doc).encode()
            member = json.dumps(next(iter(doc))).encode()
            for what, raw, statuses in (
                    ("empty", b"", {400}),
                    ("blank", b"  \n", {400}),
                    ("text", b"hello", {400}),
                    ("truncated", good[:-1], {400}),
                    ("more after it", good + b"{}", {400}),
                    ("a NUL after it", good + b"\0", {400}),
                    ("a NUL in it", good[:1] + b"\0" + good[1:], {400}),
                    ("bad UTF-8", b'{"x":"\xff",' + good[1:], {400}),
                    ("a lone surrogate", b'{"x":"\\ud800",' + good[1:],
                     {400}),
                    ("UTF-16", good.decode().encode("utf-16"), {400}),
                    ("a comment", b"/**/" + good, {400}),
                    ("single quotes", good.replace(b'"', b"'"), {400}),
                    ("a trailing comma", good[:-1] + b",}", {400}),
                    ("NaN", b'{"x":NaN,' + good[1:], {400}),
                    ("a number like 01", b'{"x":01,' + good[1:], {400}),
                    ("a raw newline", b'{"x":"\n",' + good[1:], {400}),
                    ("a member twice", b"{" + member + b":null," + good[1:],
                     {400, 422}),
                    ("deep", nested(DEEP), {400, 422}),
                    ("very deep", nested(LONG // 20), {400, 413, 422}),
                    ("a deep member", b'{"x":' + nested(DEEP) + b"," +
                     good[1:], {400, 422}),
                    ("an array", b"[" + good + b"]", {422}),
                    ("null", b"null", {422}),
                    ("a string", b'"x"', {422}),
                    ("a number", b"1e400", {400, 422}),
                    ("too much", good[:-1] + b" " * 600000 + b"}", {413})):
                if door.key in AS_IT_COMES:
                    if what == "too much":
                        continue        # 64 MiB: test_import.py
                    statuses = statuses | {422}
                if raw.strip() or not door.optional:
                    tally.refused(door, what, statuses, raw=raw)
            for kind in ("text/plain", "application/xml", "multipart/form-"
                         "data; boundary=x", "", "json"):
                tally.refused(door, "type " + kind, {415},
                              headers={"Content-Type": kind})
    assert tally.n > 200, tally.n


def set_at(doc, steps, value):
    """A copy of doc with that member set; DROP takes it out."""
    if not steps:
        return value
    copy = list(doc) if isinstance(doc, list) else dict(doc)
    if len(steps) == 1 and value is DROP:
        copy.pop(steps[0], None)
    elif isinstance(copy, list):
        copy[steps[0]] = set_at(copy[steps[0]], steps[1:], value)
    else:
        copy[steps[0]] = set_at(copy.get(steps[0], {}), steps[1:], value)
    return copy


DROP = object()


def variants(judge, schema):
    """The plain schemas that a schema may stand for."""
    s = judge.closed(schema, False)
    if not isinstance(s, dict):
        return
    for k in ("anyOf", "oneOf", "allOf"):
        for v in s.get(k, []):
            yield from variants(judge, v)
    yield s


def bad_values(judge, schema):
    out = list(ANY)
    for v in variants(judge, schema):
        out += OF_FORMAT.get(v.get("format"), [])
        if "maxLength" in v:
            out += ["x" * (v["maxLength"] + 1),
                    "\u00e9" * (v["maxLength"] // 2 + 1)]
        if "enum" in v:
            out += [str(v["enum"][0]).upper(), str(v["enum"][0]) + " "]
        for bound, step in (("minimum", -1), ("maximum", 1)):
            if bound in v:
                out.append(v[bound] + step)
        if "maxItems" in v and v["maxItems"] < 20000:
            out.append([None] * (v["maxItems"] + 1))
    return out


def walk(judge, schema, doc, steps=()):
    """(steps to a member, its schema, whether it is demanded)."""
    for v in variants(judge, schema):
        for name, sub in v.get("properties", {}).items():
            yield steps + (name,), sub, name in v.get("required", [])
            inner = doc.get(name) if isinstance(doc, dict) else None
            yield from walk(judge, sub, inner, steps + (name,))
        if isinstance(v.get("additionalProperties"), dict) and \
                isinstance(doc, dict):
            for name in doc:
                if name in v.get("properties", {}):
                    continue
                yield steps + (name,), v["additionalProperties"], False
                yield from walk(judge, v["additionalProperties"], doc[name],
                                steps + (name,))


def pointer_of(steps):
    return "".join("/" + str(x).replace("~", "~0").replace("/", "~1")
                   for x in steps)


def test_members(s):
    """A member that is missing or breaks its rule is pointed at"""
    all_ = doors(s)
    with Tally(s) as tally:
        for door in all_:
            if door.schema is None:
                continue
            check = door.judge.validator(door.schema, close=False)
            for steps, schema, demanded in list(walk(
                    door.judge, door.schema, door.body)):
                values = bad_values(door.judge, schema)
                values += [[v] for v in values[:12]]
                if demanded:
                    values.append(DROP)
                for value in values:
                    doc = set_at(door.body, steps, value)
                    # Long texts are measured in bytes, unlike by a schema.
                    wide = isinstance(value, str) and "\u00e9" in value
                    if check.is_valid(doc) and not wide:
                        continue
                    pointer = pointer_of(steps)
                    what = "%s = %s" % (
                        pointer, "nothing" if value is DROP else
                        json.dumps(value)[:60])
                    raw = json.dumps(doc).encode()
                    # A text with a NUL is none for the parser of JSON, and
                    # one that is long can be too much for the route.
                    statuses = {400} if b"\\u0000" in raw else \
                        {422, 413} if len(raw) > 4096 else {422}
                    if door.key in UNIFORM and isinstance(value, str):
                        statuses, pointer = statuses | {400}, None
                    tally.refused(door, what, statuses, pointer, raw=raw)
    assert tally.n > 500, tally.n


def test_unknown_members(s):
    """An unknown member is refused where the description closes the object"""
    all_ = doors(s)
    count = 0
    with Tally(s) as tally:
        for door in all_:
            if door.schema is None:
                continue
            check = door.judge.validator(door.schema, close=False)
            doc = dict(door.body, **{"no such member": 1})
            if not check.is_valid(doc):
                count += 1
                tally.refused(door, "an unknown member", {422},
                              "/no such member",
                              raw=json.dumps(doc).encode())
    assert count > 0


# ---- in the head

BAD_HEADERS = {
    "X-CSRF-Token": (["", "x", "0" * 32, "f" * 33, "\u00ff" * 32], {403}),
    "Idempotency-Key": (["", "x" * 300, "\u00ff", "a b"], {400}),
    "If-Match": (["x", '"', 'W/"v1"', '"v99999999999999999999"', '"v-1"',
                  '""', '"v1'], {412}),
}


def test_headers(s):
    """A header of ours that is malformed is refused"""
    all_ = doors(s)
    with Tally(s) as tally:
        for door in all_:
            for (where, name), p in door.params.items():
                if where != "header":
                    continue
                bad, statuses = BAD_HEADERS[name]
                for value in bad:
                    tally.refused(door, "%s: %s" % (name, value), statuses,
                                  headers={name: value.encode("latin-1")})
    assert tally.n > 20, tally.n


def test_identity(s):
    """What is no session and no token is 401, whatever it looks like"""
    all_ = doors(s)
    with Tally(s) as tally:
        for door in all_:
            if door.op["x-minimum-role"] == "public":
                continue
            for i, value in enumerate((
                    "Bearer", "Bearer ", "Bearer x", "Bearer mst_",
                    "Basic YWRtaW46YWRtaW4=", "Bearer \u00ff" * 3,
                    "Bearer " + "0" * 64, "Bearer mst_" + "0" * 64)):
                client = mast.Session(s, source="127.30.%d.%d" % (
                    1 + tally.n // 250, 1 + tally.n % 250))
                headers = dict(door.ask.headers or {},
                               Authorization=value.encode("latin-1"))
                tally.refused(door, value[:30], {401}, ask=lambda:
                              client.request(door.method, door.path(),
                                             headers=headers))


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
