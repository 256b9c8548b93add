"""The API's description (OpenAPI 3.1) as a judge of answers.

Every answer that a Session gets is held against it: the status, the media
type, the documented headers and the body. Objects with known members are
closed here: a member that the description does not know fails. A request
that was answered with success must be a described one, too.
"""
import functools
import gzip
import json
import os
import re
import urllib.parse

import jsonschema

METHODS = ("get", "post", "put", "patch", "delete")
# What `default` of an operation stands for: refusals that any request can
# meet, whatever it asks for. All others must be listed by the operation.
ANYWHERE = {405, 406, 408, 413, 414, 415, 417, 429, 431, 501, 503, 505}
PROBLEM = "application/problem+json"

formats = jsonschema.FormatChecker(formats=())
TIME = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]"
                  r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?"
                  r"([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def text_format(name, pattern):
    formats.checks(name)(lambda v: not isinstance(v, str) or
                         pattern.fullmatch(v) is not None)


text_format("date-time", TIME)
text_format("uuid", UUID)
text_format("date", re.compile(r"\d{4}-\d\d-\d\d"))
text_format("uri-reference", re.compile(r"[!-~]*"))
formats.checks("int64")(lambda v: not isinstance(v, int) or
                        -2**63 <= v < 2**63)


def strict_json(text):
    """Decoded; a member that is there twice or a NaN is an error."""
    def members(pairs):
        doc = dict(pairs)
        if len(doc) != len(pairs):
            raise ValueError("a member twice: %r" % [k for k, _ in pairs])
        return doc

    def constant(name):
        raise ValueError(name)
    return json.loads(text, object_pairs_hook=members,
                      parse_constant=constant)


class Description:
    def __init__(self, doc):
        self.doc = doc
        self.routes = []        # (segments, path, item), literals first
        for path, item in doc["paths"].items():
            self.routes.append((path.split("/"), path, item))
        self.routes.sort(key=lambda r: [x.startswith("{") for x in r[0]])
        self.validators = {}

    # ---- what is written

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            at = self.doc
            for part in node["$ref"].lstrip("#/").split("/"):
                at = at[part.replace("~1", "/").replace("~0", "~")]
            node = at
        return node

    def operations(self):
        """(path, method, operation, its parameters, resolved)."""
        for path, item in self.doc["paths"].items():
            for method in METHODS:
                if method in item:
                    yield (path, method, item[method],
                           self.parameters(item, item[method]))

    def parameters(self, item, op):
        found = {}
        for p in item.get("parameters", []) + op.get("parameters", []):
            p = self.resolve(p)
            found[p["in"], p["name"]] = p
        return list(found.values())

    def find(self, path):
        """(path, item) for the path of a request, or (None, None)."""
        want = urllib.parse.urlsplit(path).path.split("/") \
            if path.startswith("/") else []
        for segments, name, item in self.routes:
            if len(segments) == len(want) and all(
                    s == w or (s.startswith("{") and w)
                    for s, w in zip(segments, want)):
                return name, item
        return None, None

    # ---- schemas

    def closed(self, schema, close=True):
        """The schema without references, its objects without room for
        members that it does not name."""
        schema = self.resolve(schema)
        if not isinstance(schema, dict):
            return schema
        s = dict(schema)
        if "allOf" in s and close:
            s = self.merged(s)
        for k in ("properties", "patternProperties"):
            if k in s:
                s[k] = {n: self.closed(v, close) for n, v in s[k].items()}
        for k in ("items", "additionalProperties", "propertyNames",
                  "contains"):
            if k in s:
                s[k] = self.closed(s[k], close)
        for k in ("not", "if", "then", "else"):
            if k in s:
                s[k] = self.closed(s[k], False)
        for k in ("anyOf", "oneOf", "allOf", "prefixItems"):
            if k in s:
                s[k] = [self.closed(v, close) for v in s[k]]
        if close and "properties" in s:
            s.setdefault("additionalProperties", False)
        return s

    def merged(self, schema):
        """allOf of objects as the one object that they describe."""
        out = {k: v for k, v in schema.items() if k != "allOf"}
        for part in schema["allOf"]:
            part = self.resolve(part)
            if "allOf" in part:
                part = self.merged(part)
            for k, v in part.items():
                if k == "properties":
                    out[k] = dict(v, **out.get(k, {}))
                elif k == "required":
                    out[k] = v + out.get(k, [])
                else:
                    out.setdefault(k, v)
        return out

    def validator(self, schema, close=True):
        key = (id(schema), close)
        if key not in self.validators:
            self.validators[key] = (jsonschema.Draft202012Validator(
                self.closed(schema, close), format_checker=formats), schema)
        return self.validators[key][0]

    # ---- the judge

    def check(self, method, path, raw, answer):
        """AssertionError when the answer is not as described."""
        if answer.status == 500:
            raise AssertionError("an internal error: %r" % answer)
        name, item = self.find(path)
        verb = "get" if method == "HEAD" else method.lower()
        if item is None or verb not in item:
            self.outside(method, path, item, answer)
            return
        op = item[verb]
        where = "%s %s, %d" % (method, name, answer.status)
        response = op["responses"].get(str(answer.status))
        if response is None:
            if answer.status not in ANYWHERE or \
                    "default" not in op["responses"]:
                raise AssertionError("%s: an undescribed status: %r" % (
                    where, answer))
            response = op["responses"]["default"]
        response = self.resolve(response)
        self.headers(where, response, answer)
        self.body(where, method, response, answer)
        if 200 <= answer.status < 300:
            self.request(where, op, raw)

    def outside(self, method, path, item, answer):
        """A path or method that is not described: a problem says so."""
        if answer.status < 400:
            raise AssertionError("%s %s is not described, but gave %r" % (
                method, path, answer))
        if method != "HEAD":
            self.problem("%s %s" % (method, path), answer)
        if answer.status == 405 and not answer.header("Allow"):
            raise AssertionError("405 without Allow: %r" % answer)

    def problem(self, where, answer, close=True):
        """An answer is a problem; close: with no members of a route's."""
        kind = answer.header("Content-Type", "").split(";")[0]
        if kind != PROBLEM:
            raise AssertionError("%s: not a problem: %r" % (where, answer))
        self.valid(where, self.doc["components"]["schemas"]["Problem"],
                   answer, close)

    def headers(self, where, response, answer):
        for name, header in response.get("headers", {}).items():
            header = self.resolve(header)
            value = answer.header(name)
            if value is None:
                if header.get("required"):
                    raise AssertionError("%s: without %s" % (where, name))
                continue
            kind = self.resolve(header["schema"]).get("type")
            if kind in ("integer", "boolean"):
                value = json.loads(value)
            for fault in self.validator(header["schema"]).iter_errors(value):
                raise AssertionError("%s: %s: %s" % (where, name,
                                                     fault.message))

    def body(self, where, method, response, answer):
        content = response.get("content", {})
        kind = answer.header("Content-Type", "").split(";")[0].strip()
        if not content:
            if answer.body or kind:
                raise AssertionError("%s: a body that is not described: %r"
                                     % (where, answer))
            return
        if kind not in content:
            raise AssertionError("%s: an undescribed media type %r: %r" % (
                where, kind, answer))
        if method == "HEAD":
            return
        if kind.endswith(("/json", "+json")) and "schema" in content[kind]:
            self.valid(where, content[kind]["schema"], answer)

    def valid(self, where, schema, answer, close=True):
        text = answer.body
        if answer.header("Content-Encoding") == "gzip":
            text = gzip.decompress(text)
        try:
            doc = strict_json(text)
        except ValueError as why:
            raise AssertionError("%s: not JSON: %s: %r" % (
                where, why, answer)) from why
        check = self.validator(self.resolve(schema), close)
        faults = list(check.iter_errors(doc))
        if faults:
            raise AssertionError("%s: the body breaks the description: %s" % (
                where, "; ".join("/%s: %s" % (
                    "/".join(map(str, f.absolute_path)), f.message[:400])
                    for f in faults[:5])))

    def request(self, where, op, raw):
        """What was accepted must have been describable."""
        if "requestBody" not in op:
            return
        body = self.resolve(op["requestBody"])
        media = body["content"].get("application/json")
        if media is None or not isinstance(raw, (bytes, str)) or not raw:
            return
        try:
            doc = json.loads(raw)
        except ValueError:
            if len(body["content"]) > 1:
                return
            raise
        for fault in self.validator(self.resolve(media["schema"]),
                                    close=False).iter_errors(doc):
            raise AssertionError(
                "%s: accepted, but not described: /%s: %s" % (
                    where, "/".join(map(str, fault.absolute_path)),
                    fault.message[:400]))


@functools.lru_cache(maxsize=None)
def of_build(build):
    """The description that the programs of a build tree serve, or None
    when those are too old to have one."""
    path = os.path.join(build, "apid", "openapi.json")
    if not os.path.exists(path) and build != os.path.abspath(
            os.environ.get("MAST_BUILD", ".")):
        return None
    with open(path) as f:
        return Description(json.load(f))
