#!/usr/bin/python3
"""A strict imitation of three AI providers' APIs over TLS.

OpenAI's chat completions, Anthropic's messages, Gemini's generateContent,
and OpenAI's once more as a compatible endpoint would speak it. It refuses
whatever the real one would refuse, in that API's words, keeps every byte
that it received, and plays faults. As a program it serves until it is
stopped; tests import it.
"""
import json
import os
import re
import select
import socket
import ssl
import subprocess
import sys
import threading
import time

KEYS = {"openai": "sk-good-openai-0123456789abcdef",
        "anthropic": "sk-ant-good-0123456789abcdef",
        "gemini": "AIzaGood0123456789abcdef",
        "compatible": "local-good-0123456789"}
NAMES = {"openai": "api.openai.test", "anthropic": "api.anthropic.test",
         "gemini": "gemini.test", "compatible": "local.test"}
PATHS = {"openai": "/v1", "anthropic": "/v1", "gemini": "/v1beta",
         "compatible": "/local/v1"}
FAULTS = ("401", "403", "404", "400", "413", "429", "429-after", "quota",
          "500", "503", "529", "slow", "stall", "cut", "close", "notjson",
          "wrongjson", "huge", "redirect", "refusal", "tool", "fenced",
          "length", "badutf8", "echo-key", "noschema")
WORDS = "The flow \u201cnews\u201d is running. "
LIMIT = 32 * 1024 * 1024


class Refused(Exception):
    """(status, kind, message) of a request that the API would refuse."""


def bad(message, kind="invalid", status=400):
    raise Refused(status, kind, message)


# ---- what the published descriptions allow

def members(doc, where, allowed, required=()):
    if not isinstance(doc, dict):
        bad("%s: must be an object" % where)
    for k in doc:
        if k not in allowed:
            bad("%s: unknown member %s" % (where, k))
    for k in required:
        if k not in doc:
            bad("%s: %s is required" % (where, k))


def text(v, where, empty=False):
    if not isinstance(v, str) or (not v and not empty):
        bad("%s: must be a text that is not empty" % where)


def number(v, where, low, high):
    if isinstance(v, bool) or not isinstance(v, int) or not low <= v <= high:
        bad("%s: must be a whole number from %d to %d" % (where, low, high))


def boolean(v, where):
    if not isinstance(v, bool):
        bad("%s: must be true or false" % where)


def parts(v, where, typed=True):
    if not isinstance(v, list) or not v:
        bad("%s: must be a list that is not empty" % where)
    for p in v:
        members(p, where, ("type", "text") if typed else ("text",),
                ("type", "text") if typed else ("text",))
        if typed and p["type"] != "text":
            bad("%s: type %s" % (where, p["type"]))
        text(p["text"], where + ".text")


def closed(schema, where, required):
    """What structured output asks of a schema, everywhere in it."""
    if isinstance(schema, list):
        for s in schema:
            closed(s, where, required)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            bad("%s: 'additionalProperties' is required to be supplied and "
                "to be false" % where)
        if required and sorted(schema.get("required", [])) != \
                sorted(schema.get("properties", {})):
            bad("%s: 'required' is required to name every property" % where)
    for s in schema.values():
        closed(s, where, required)


TYPES = {"object": dict, "array": list, "string": str, "boolean": bool,
         "integer": int, "number": (int, float), "null": type(None)}
# What Gemini says of responseJsonSchema: only these are known.
GEMINI_WORDS = {"$id", "$defs", "$ref", "$anchor", "type", "format", "title",
                "description", "enum", "items", "prefixItems", "minItems",
                "maxItems", "minimum", "maximum", "anyOf", "oneOf",
                "properties", "additionalProperties", "required",
                "propertyOrdering"}


def schema(doc, where, words=None, root=None):
    """A well-formed JSON schema, of these words only."""
    if not isinstance(doc, dict):
        bad("%s: a schema must be an object" % where)
    if root is None:
        root = doc
        if doc.get("type") != "object" or {"anyOf", "oneOf", "allOf",
                                           "enum", "not"} & set(doc):
            bad("%s: the root must be of type object, without anyOf, oneOf, "
                "allOf, enum or not" % where)
    if words is not None and set(doc) - words:
        bad("%s: Unknown name %s" % (where, sorted(set(doc) - words)))
    if "$ref" in doc:
        name = doc["$ref"].rsplit("/", 1)[-1]
        if doc["$ref"] != "#/$defs/" + name or \
                name not in root.get("$defs", {}):
            bad("%s: reference to nothing: %s" % (where, doc["$ref"]))
        if any(not k.startswith("$") for k in doc):
            bad("%s: beside $ref only words with $ may stand" % where)
        return
    if doc.get("type") not in TYPES:
        bad("%s: type %s" % (where, doc.get("type")))
    if not isinstance(doc.get("description", ""), str):
        bad("%s: description must be a text" % where)
    if "enum" in doc and (not isinstance(doc["enum"], list) or
                          not doc["enum"]):
        bad("%s: enum must be a list that is not empty" % where)
    for k in doc.get("required", []):
        if k not in doc.get("properties", {}):
            bad("%s: required names %s, which is no property" % (where, k))
    if doc["type"] == "array":
        schema(doc.get("items"), where + "[]", words, root)
    for kind in ("properties", "$defs"):
        for k, v in doc.get(kind, {}).items():
            schema(v, "%s.%s" % (where, k), words, root)
    if not isinstance(doc.get("additionalProperties", False), (bool, dict)):
        bad("%s: additionalProperties" % where)


def fits(doc, value, root, where=""):
    """None, or why a value is none of that schema."""
    if "$ref" in doc:
        doc = root["$defs"][doc["$ref"].rsplit("/", 1)[-1]]
    kind = TYPES[doc["type"]]
    if not isinstance(value, kind) or (isinstance(value, bool) and
                                       kind is not bool):
        return "%s is no %s" % (where or "it", doc["type"])
    if "enum" in doc and value not in doc["enum"]:
        return "%s: %r is not among %s" % (where, value, doc["enum"])
    if not doc.get("minimum", value) <= value <= doc.get("maximum", value) \
            if kind is int else False:
        return "%s: %r is out of bounds" % (where, value)
    if kind is list:
        each = ((i, v, doc["items"]) for i, v in enumerate(value))
    elif kind is dict:
        known = doc.get("properties", {})
        for k in doc.get("required", []):
            if k not in value:
                return "%s/%s is missing" % (where, k)
        each = ((k, v, known[k]) for k, v in value.items() if k in known)
    else:
        return None
    for k, v, s in each:
        why = fits(s, v, root, "%s/%s" % (where, k))
        if why:
            return why
    return None


def schema_of(doc):
    """That of a request's answer, wherever the API has it; or None."""
    if "response_format" in doc:
        return doc["response_format"]["json_schema"]["schema"]
    if doc.get("tools"):
        return doc["tools"][0]["input_schema"]
    if "output_config" in doc:
        return doc["output_config"]["format"]["schema"]
    return doc.get("generationConfig", {}).get("responseJsonSchema")


def check_openai(doc, own=True):
    allowed = ["model", "messages", "response_format", "stream",
               "stream_options", "temperature", "max_tokens"]
    if own:
        allowed += ["max_completion_tokens", "store", "metadata", "user",
                    "tools", "tool_choice", "reasoning_effort", "seed"]
    members(doc, "body", allowed, ("model", "messages"))
    text(doc["model"], "model")
    if not isinstance(doc["messages"], list) or not doc["messages"]:
        bad("messages: must be a list that is not empty")
    for m in doc["messages"]:
        members(m, "messages", ("role", "content", "name"),
                ("role", "content"))
        if m["role"] not in ("system", "user", "assistant", "developer"):
            bad("messages: role %s" % m["role"])
        if own and isinstance(m["content"], list):
            parts(m["content"], "messages.content")
        else:
            text(m["content"], "messages.content")
    for k in ("max_tokens", "max_completion_tokens"):
        if k in doc:
            number(doc[k], k, 1, 131072)
    if own and "max_tokens" in doc and re.match(r"o\d|gpt-[5-9]",
                                                doc["model"]):
        bad("Unsupported parameter: 'max_tokens' is not supported with "
            "this model.")
    for k in ("stream", "store"):
        if k in doc:
            boolean(doc[k], k)
    if "stream_options" in doc:
        if not doc.get("stream"):
            bad("stream_options: only allowed when stream is true")
        members(doc["stream_options"], "stream_options", ("include_usage",))
        boolean(doc["stream_options"].get("include_usage", True),
                "include_usage")
    if "response_format" in doc:
        check_format(doc["response_format"])


def check_format(f):
    members(f, "response_format", ("type", "json_schema"), ("type",))
    if f["type"] != "json_schema":
        bad("response_format: type %s" % f["type"])
    j = f.get("json_schema")
    members(j, "json_schema", ("name", "schema", "strict", "description"),
            ("name", "schema"))
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", j["name"]):
        bad("json_schema.name: pattern")
    schema(j["schema"], "json_schema.schema")
    boolean(j.get("strict", False), "strict")
    if j.get("strict"):
        closed(j["schema"], "json_schema.schema", True)


def check_anthropic(doc):
    members(doc, "body", ("model", "messages", "max_tokens", "system",
                          "stream", "output_config", "tools", "tool_choice",
                          "metadata", "stop_sequences", "thinking"),
            ("model", "messages", "max_tokens"))
    text(doc["model"], "model")
    number(doc["max_tokens"], "max_tokens", 1, 131072)
    if not isinstance(doc["messages"], list) or not doc["messages"]:
        bad("messages: at least one message is required")
    for m in doc["messages"]:
        members(m, "messages", ("role", "content"), ("role", "content"))
        if m["role"] not in ("user", "assistant"):
            bad("messages: Unexpected role \"%s\"" % m["role"])
        if isinstance(m["content"], list):
            parts(m["content"], "messages.content")
        else:
            text(m["content"], "messages.content")
    if doc["messages"][-1]["role"] == "assistant":
        bad("This model does not support assistant message prefill.")
    if "system" in doc:
        text(doc["system"], "system")
    if "stream" in doc:
        boolean(doc["stream"], "stream")
    if "output_config" in doc:
        members(doc["output_config"], "output_config", ("format", "effort"))
        f = doc["output_config"].get("format")
        members(f, "output_config.format", ("type", "schema"),
                ("type", "schema"))
        if f["type"] != "json_schema":
            bad("output_config.format: type")
        schema(f["schema"], "output_config.format.schema")
        closed(f["schema"], "output_config.format.schema", False)
    check_tools(doc)


def check_tools(doc):
    for t in doc.get("tools", []):
        members(t, "tools", ("name", "description", "input_schema",
                             "strict"), ("name", "input_schema"))
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", t["name"]):
            bad("tools.name: pattern")
        schema(t["input_schema"], "tools.input_schema")
    if "tool_choice" in doc:
        if not doc.get("tools"):
            bad("tool_choice may only be specified while providing tools")
        members(doc["tool_choice"], "tool_choice",
                ("type", "name", "disable_parallel_tool_use"), ("type",))
        if doc["tool_choice"]["type"] == "tool" and \
                doc["tool_choice"].get("name") not in \
                [t["name"] for t in doc["tools"]]:
            bad("tool_choice: no such tool")


def check_gemini(doc):
    members(doc, "body", ("contents", "systemInstruction",
                          "generationConfig", "tools", "toolConfig",
                          "safetySettings"), ("contents",))
    if not isinstance(doc["contents"], list) or not doc["contents"]:
        bad("GenerateContentRequest.contents: contents is not specified")
    for c in doc["contents"]:
        members(c, "contents", ("role", "parts"), ("parts",))
        if c.get("role", "user") not in ("user", "model"):
            bad("Please use a valid role: user, model.")
        parts(c["parts"], "contents.parts", typed=False)
    if "systemInstruction" in doc:
        members(doc["systemInstruction"], "systemInstruction",
                ("role", "parts"), ("parts",))
        parts(doc["systemInstruction"]["parts"], "parts", typed=False)
    g = doc.get("generationConfig", {})
    members(g, "generationConfig", ("maxOutputTokens", "temperature",
                                    "responseMimeType", "responseSchema",
                                    "responseJsonSchema", "topP", "topK"))
    if "maxOutputTokens" in g:
        number(g["maxOutputTokens"], "maxOutputTokens", 1, 131072)
    if ("responseJsonSchema" in g or "responseSchema" in g) and \
            g.get("responseMimeType") != "application/json":
        bad("a schema needs responseMimeType application/json")
    if "responseJsonSchema" in g:
        if "responseSchema" in g:
            bad("response_schema must be omitted beside responseJsonSchema")
        schema(g["responseJsonSchema"], "responseJsonSchema", GEMINI_WORDS)


# ---- errors in each API's own shape

KINDS = {       # ours: OpenAI type, code; Anthropic type; Gemini status
    "invalid": ("invalid_request_error", None, "invalid_request_error",
                "INVALID_ARGUMENT"),
    "key": ("invalid_request_error", "invalid_api_key",
            "authentication_error", "INVALID_ARGUMENT"),
    "permission": ("invalid_request_error", None, "permission_error",
                   "PERMISSION_DENIED"),
    "missing": ("invalid_request_error", "model_not_found",
                "not_found_error", "NOT_FOUND"),
    "large": ("invalid_request_error", None, "request_too_large",
              "INVALID_ARGUMENT"),
    "rate": ("requests", "rate_limit_exceeded", "rate_limit_error",
             "RESOURCE_EXHAUSTED"),
    "quota": ("insufficient_quota", "insufficient_quota", "billing_error",
              "RESOURCE_EXHAUSTED"),
    "server": ("server_error", None, "api_error", "INTERNAL"),
    "busy": ("server_error", None, "overloaded_error", "UNAVAILABLE"),
}


def error_body(provider, status, kind, message, after=None):
    o_type, o_code, a_type, g_status = KINDS[kind]
    if provider in ("openai", "compatible"):
        return {"error": {"message": message, "type": o_type, "param": None,
                          "code": o_code}}
    if provider == "anthropic":
        return {"type": "error", "error": {"type": a_type,
                                           "message": message},
                "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}
    details = []
    if kind == "key":
        details.append({"@type": "type.googleapis.com/google.rpc.ErrorInfo",
                        "reason": "API_KEY_INVALID",
                        "domain": "googleapis.com"})
    if kind in ("quota", "rate"):
        details.append({
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{"quotaId": "GenerateRequestsPer%sPerProject" %
                            ("Day" if kind == "quota" else "Minute")}]})
    if after:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo",
                        "retryDelay": "%ds" % after})
    return {"error": {"code": status, "message": message,
                      "status": g_status, "details": details}}


# ---- answers

def tool_input(words):
    """What a model gives a tool; None: it wrote prose in place of that."""
    try:
        doc = json.loads(words)
    except ValueError:
        return None
    return doc if isinstance(doc, dict) else None


def whole(provider, model, words, how, by_tool):
    if provider in ("openai", "compatible"):
        message = {"role": "assistant", "content": words, "refusal": None,
                   "annotations": []}
        reason = "stop"
        if how == "refusal":
            message.update(content=None, refusal="I cannot help with that.")
        elif how == "tool":
            message.update(content=None, tool_calls=[
                {"id": "call_1", "type": "function",
                 "function": {"name": "shell", "arguments": "{}"}}])
            reason = "tool_calls"
        elif how == "length":
            reason = "length"
        return {"id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
                "object": "chat.completion", "created": 1741569952,
                "model": model + "-2026-01-01",
                "choices": [{"index": 0, "message": message,
                             "logprobs": None, "finish_reason": reason}],
                "usage": {"prompt_tokens": 19, "completion_tokens": 10,
                          "total_tokens": 29},
                "service_tier": "default"}
    if provider == "anthropic":
        content = [{"type": "text", "text": words}]
        reason = "end_turn"
        given = tool_input(words) if by_tool else None
        if given is not None:
            content = [{"type": "tool_use", "id": "toolu_1",
                        "name": "answer", "input": given}]
            reason = "tool_use"
        if how == "refusal":
            content, reason = [], "refusal"
        elif how == "tool":
            content.insert(0, {"type": "tool_use", "id": "toolu_2",
                               "name": "shell", "input": {}})
            content = content[:1]
            reason = "tool_use"
        elif how == "length":
            reason = "max_tokens"
        return {"id": "msg_01XFDUDYJgAACzvnptvVoYEL", "type": "message",
                "role": "assistant", "model": model + "-20260101",
                "content": content, "stop_reason": reason,
                "stop_sequence": None,
                "usage": {"input_tokens": 12, "output_tokens": 10,
                          "cache_read_input_tokens": 7,
                          "cache_creation_input_tokens": 0}}
    part = [{"text": "hm", "thought": True}, {"text": words}]
    reason = "STOP"
    if how == "refusal":
        return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
                "usageMetadata": {"promptTokenCount": 19,
                                  "totalTokenCount": 19},
                "modelVersion": model}
    if how == "tool":
        part = [{"functionCall": {"name": "shell", "args": {}}}]
    elif how == "length":
        reason = "MAX_TOKENS"
    return {"candidates": [{"content": {"parts": part, "role": "model"},
                            "finishReason": reason, "index": 0}],
            "usageMetadata": {"promptTokenCount": 19,
                              "candidatesTokenCount": 8,
                              "thoughtsTokenCount": 2,
                              "totalTokenCount": 29},
            "modelVersion": model + "-001"}


def pieces(words, n=4):
    step = max(1, len(words) // n)
    return [words[i:i + step] for i in range(0, len(words), step)] or [""]


def events(provider, model, words, how, by_tool):
    """The same answer as server-sent events: (name or None, data)."""
    if provider in ("openai", "compatible"):
        return openai_events(model, words, how)
    if provider == "anthropic":
        return anthropic_events(model, words, how, by_tool)
    doc = whole(provider, model, words, how, by_tool)
    if how in ("refusal", "tool"):
        return [(None, doc)]
    out = []
    for i, p in enumerate(pieces(words)):
        one = json.loads(json.dumps(doc))
        one["candidates"][0]["content"]["parts"] = [{"text": p}]
        if i < len(pieces(words)) - 1:
            del one["candidates"][0]["finishReason"]
        out.append((None, one))
    return out


def openai_events(model, words, how):
    def chunk(delta, reason=None, **more):
        doc = {"id": "chatcmpl-1", "object": "chat.completion.chunk",
               "created": 1741569952, "model": model + "-2026-01-01",
               "choices": [{"index": 0, "delta": delta, "logprobs": None,
                            "finish_reason": reason}], "usage": None}
        doc.update(more)
        return (None, doc)

    out = [chunk({"role": "assistant", "content": "", "refusal": None})]
    if how == "refusal":
        out.append(chunk({"refusal": "I cannot help with that."}))
        out.append(chunk({}, "stop"))
    elif how == "tool":
        out.append(chunk({"tool_calls": [{"index": 0, "id": "call_1",
                                          "type": "function", "function": {
                                              "name": "shell",
                                              "arguments": "{}"}}]}))
        out.append(chunk({}, "tool_calls"))
    else:
        out += [chunk({"content": p}) for p in pieces(words)]
        out.append(chunk({}, "length" if how == "length" else "stop"))
    out.append(chunk({}, choices=[], usage={
        "prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29}))
    return out + [(None, "[DONE]")]


def anthropic_events(model, words, how, by_tool):
    doc = whole("anthropic", model, words if not by_tool else words, how,
                by_tool)
    start = dict(doc, content=[], stop_reason=None,
                 usage=dict(doc["usage"], output_tokens=1))
    out = [("message_start", {"type": "message_start", "message": start})]
    for i, block in enumerate(doc["content"]):
        tool = block["type"] == "tool_use"
        head = dict(block, input={}) if tool else {"type": "text",
                                                   "text": ""}
        out.append(("content_block_start", {
            "type": "content_block_start", "index": i,
            "content_block": head}))
        out.append(("ping", {"type": "ping"}))
        whole_text = json.dumps(block["input"]) if tool else block["text"]
        for p in pieces(whole_text):
            delta = {"type": "input_json_delta", "partial_json": p} if tool \
                else {"type": "text_delta", "text": p}
            out.append(("content_block_delta", {
                "type": "content_block_delta", "index": i, "delta": delta}))
        out.append(("content_block_stop", {"type": "content_block_stop",
                                           "index": i}))
    out.append(("message_delta", {
        "type": "message_delta", "delta": {
            "stop_reason": doc["stop_reason"], "stop_sequence": None},
        "usage": {"output_tokens": 10}}))
    return out + [("message_stop", {"type": "message_stop"})]


# ---- certificates

def openssl(*args):
    subprocess.run(["openssl"] + list(args), check=True,
                   capture_output=True)


def certificates(folder):
    """ca.crt, good.{crt,key} for every name and 127.0.0.1, and bad.{crt,key}
    that the authority never saw."""
    at = lambda name: os.path.join(folder, name)     # noqa: E731
    names = ",".join("DNS:" + n for n in NAMES.values()) + ",IP:127.0.0.1"
    ec = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *ec, "-keyout", at("ca.key"), "-out",
            at("ca.crt"), "-subj", "/CN=fakeai authority", "-days", "30")
    openssl("req", *ec, "-keyout", at("good.key"), "-out", at("good.csr"),
            "-subj", "/CN=fakeai")
    with open(at("ext"), "w") as f:
        f.write("subjectAltName=%s\n" % names)
    openssl("x509", "-req", "-in", at("good.csr"), "-CA", at("ca.crt"),
            "-CAkey", at("ca.key"), "-CAcreateserial", "-days", "30",
            "-extfile", at("ext"), "-out", at("good.crt"))
    openssl("req", "-x509", *ec, "-keyout", at("bad.key"), "-out",
            at("bad.crt"), "-subj", "/CN=stranger", "-days", "30",
            "-addext", "subjectAltName=" + names)
    os.chmod(at("ca.crt"), 0o644)


class Http2Stream:
    """One stream of an HTTP/2 connection, written to like a socket: what
    the faults send as HTTP/1.1 becomes frames on the way."""

    def __init__(self, link, number):
        self.link, self.number = link, number
        self.data, self.head, self.chunked, self.left = b"", None, False, -1

    def sendall(self, data):
        self.data += data
        if self.head is None:
            if b"\r\n\r\n" not in self.data:
                return
            head, self.data = self.data.split(b"\r\n\r\n", 1)
            lines = head.decode("latin-1").split("\r\n")
            self.head = [(":status", lines[0].split(" ")[1])]
            for line in lines[1:]:
                k, v = (x.strip() for x in line.split(":", 1))
                if k.lower() == "content-length":
                    self.left = int(v)
                if k.lower() == "transfer-encoding":
                    self.chunked = True
                else:
                    self.head.append((k.lower(), v))
            self.link.headers(self.number, self.head)
        if not self.chunked:
            self.left -= len(self.data)
            self.link.body(self.number, self.data, self.left == 0)
            self.data = b""
            return
        while b"\r\n" in self.data:
            size, rest = self.data.split(b"\r\n", 1)
            n = int(size, 16)
            if len(rest) < n + 2:
                return
            self.link.body(self.number, rest[:n])
            self.data = rest[n + 2:]

    def finish(self, whole):
        if whole:
            self.link.end(self.number)
        else:
            self.link.reset(self.number)


class Http2:
    """A connection on which the client chose h2. Needs python3-h2."""

    def __init__(self, fake, sock):
        import h2.config
        import h2.connection
        import h2.events
        import h2.exceptions
        self.ev, self.exc = h2.events, h2.exceptions
        self.fake, self.sock = fake, sock
        self.lock = threading.RLock()
        self.window = threading.Condition(self.lock)
        self.c = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=False, header_encoding="latin-1"))
        self.asked, self.dead, self.over = {}, set(), set()

    def flush(self):
        data = self.c.data_to_send()
        if data:
            self.sock.sendall(data)

    def headers(self, number, head):
        with self.lock:
            self.c.send_headers(number, head)
            self.flush()

    def body(self, number, data, last=False):
        with self.window:
            while data:
                if number in self.dead:
                    raise OSError("the client reset the stream")
                n = min(self.c.local_flow_control_window(number),
                        self.c.max_outbound_frame_size, len(data))
                if n <= 0:
                    self.window.wait(0.5)
                    continue
                end = last and n == len(data)
                if end:
                    self.over.add(number)
                self.c.send_data(number, data[:n], end_stream=end)
                self.flush()
                data = data[n:]

    def end(self, number):
        with self.lock:
            if number not in self.dead | self.over:
                self.over.add(number)
                self.c.end_stream(number)
                self.flush()

    def reset(self, number):
        with self.lock:
            if number not in self.dead | self.over:
                self.over.add(number)
                self.c.reset_stream(number, 2)
                self.flush()

    def run(self):
        with self.lock:
            self.c.initiate_connection()
            self.flush()
        try:
            while True:
                # Reading and writing share one TLS object: a short wait.
                data = self.fake.read_some(self.sock, self.lock)
                if data == b"":
                    return
                with self.window:
                    for e in self.c.receive_data(data) if data else ():
                        self.event(e)
                    self.flush()
                    self.window.notify_all()
        finally:
            with self.window:
                with self.fake.lock:
                    self.fake.gone += len(set(self.asked) - self.over -
                                          self.dead)
                self.dead.update(self.asked)
                self.window.notify_all()

    def event(self, e):
        n = getattr(e, "stream_id", None)
        if isinstance(e, self.ev.RequestReceived):
            self.asked[n] = [dict(e.headers), b""]
        elif isinstance(e, self.ev.DataReceived):
            self.asked[n][1] += e.data
            self.c.acknowledge_received_data(e.flow_controlled_length, n)
        elif isinstance(e, self.ev.StreamReset):
            self.dead.add(n)
            with self.fake.lock:        # a reset after the end is no loss
                self.fake.gone += n not in self.over
        elif isinstance(e, self.ev.StreamEnded):
            threading.Thread(target=self.answer, args=(n,),
                             daemon=True).start()

    def answer(self, number):
        headers, body = self.asked[number]
        head = "\r\n".join("%s: %s" % kv for kv in headers.items())
        r = Request(self.fake.which(headers[":path"], headers),
                    head.encode("latin-1"), headers, headers[":path"], body)
        out = Http2Stream(self, number)
        try:
            out.finish(self.fake.handle(out, headers[":method"], r))
        except (OSError, self.exc.H2Error):
            pass


class Request:
    def __init__(self, provider, head, headers, path, body):
        self.provider, self.head, self.headers = provider, head, headers
        self.path, self.body = path, body
        self.doc = None
        self.took = 0.0                     # seconds, until it was answered


class FakeAI:
    """Serves in threads. play(provider, fault, ...) queues what the next
    requests get; answer is a text or a function of the request."""

    def __init__(self, folder, bad_cert=False, port=0, host="127.0.0.1",
                 http2=False):
        if not os.path.exists(os.path.join(folder, "ca.crt")):
            certificates(folder)
        self.folder = folder
        self.ca = os.path.join(folder, "ca.crt")
        which = "bad" if bad_cert else "good"
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(os.path.join(folder, which + ".crt"),
                                 os.path.join(folder, which + ".key"))
        self.tls.set_alpn_protocols((["h2"] if http2 else []) +
                                    ["http/1.1"])
        self.s = socket.create_server((host, port), backlog=256)
        self.port = self.s.getsockname()[1]
        self.lock = threading.Lock()
        self.requests, self.received = [], []
        self.ever = []                      # received, also before a reset
        self.queue = {p: [] for p in KEYS}
        self.answer = WORDS
        self.release = threading.Event()    # ends slow and stalled ones
        self.connections = self.active = self.peak = 0
        self.gone = 0                       # clients that left in the middle
        self.after = 1                      # Retry-After
        self.refused = []                   # what a real one would refuse
        self.unfit = []                     # answers against their schema
        self.delay = 0.0
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, provider, name=True):
        return "https://%s:%d%s" % (NAMES[provider] if name else "127.0.0.1",
                                    self.port, PATHS[provider])

    def play(self, provider, *faults):
        with self.lock:
            self.queue[provider] += list(faults)

    def reset(self):
        with self.lock:
            self.requests, self.received, self.refused = [], [], []
            self.unfit = []
            self.queue = {p: [] for p in KEYS}
            self.answer, self.peak, self.gone = WORDS, 0, 0
            self.after, self.delay = 1, 0.0
        self.release.set()
        self.release = threading.Event()

    def close(self):
        self.release.set()
        self.s.close()

    def accept(self):
        while True:
            try:
                c, _ = self.s.accept()
            except OSError:
                return
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connections += 1
            threading.Thread(target=self.serve, args=(c,),
                             daemon=True).start()

    def serve(self, c):
        try:
            with self.tls.wrap_socket(c, server_side=True) as t:
                if t.selected_alpn_protocol() == "h2":
                    Http2(self, t).run()
                    return
                keep = b""
                while keep is not None:
                    keep = self.one(t, keep)
        except (OSError, ValueError):
            with self.lock:
                self.gone += 1
        finally:
            c.close()

    @staticmethod
    def read_some(t, lock):
        """Bytes, b"" at the end, None when nothing came for a moment."""
        if not t.pending() and not select.select([t], [], [], 0.2)[0]:
            return None
        with lock:
            t.setblocking(False)
            try:
                return t.recv(65536)
            except (ssl.SSLWantReadError, BlockingIOError):
                return None
            finally:
                t.setblocking(True)

    # ---- one request

    def one(self, t, data):
        while b"\r\n\r\n" not in data:
            part = t.recv(65536)
            if not part:
                return None
            data += part
            if len(data) > LIMIT:
                return None
        head, data = data.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ", 2)
        headers = {}
        for line in lines[1:]:
            k, v = line.split(":", 1)
            headers.setdefault(k.strip().lower(), v.strip())
        n = int(headers.get("content-length", "0"))
        while len(data) < n:
            part = t.recv(65536)
            if not part:
                return None
            data += part
        body, rest = data[:n], data[n:]
        r = Request(self.which(path, headers), head, headers, path, body)
        return rest if self.handle(t, method, r) else None

    def handle(self, t, method, r):
        with self.lock:
            self.received.append(r.head + b"\r\n\r\n" + r.body)
            self.ever.append(self.received[-1])
            self.requests.append(r)
            self.active += 1
            self.peak = max(self.peak, self.active)
        since = time.perf_counter()
        try:
            return self.reply(t, method, r)
        finally:
            r.took = time.perf_counter() - since
            with self.lock:
                self.active -= 1

    @staticmethod
    def which(path, headers):
        if path.startswith("/local/v1/"):
            return "compatible"
        if path.startswith("/v1beta/"):
            return "gemini"
        return "anthropic" if path.startswith("/v1/messages") else "openai"

    def reply(self, t, method, r):
        with self.lock:
            queue = self.queue[r.provider]
            fault = queue.pop(0) if queue else "ok"
        try:
            model, stream = self.check(method, r)
        except Refused as e:
            status, kind, message = e.args
            if kind != "key":
                with self.lock:
                    self.refused.append((r.provider, message))
            return self.send(t, status, error_body(r.provider, status, kind,
                                                   message))
        if self.delay:
            time.sleep(self.delay)
        return self.fault(t, r, fault, model, stream)

    def check(self, method, r):
        p = r.provider
        if method != "POST":
            bad("Not found", "missing", 404)
        if r.headers.get("content-type") != "application/json":
            bad("content-type must be application/json", "invalid", 415)
        self.check_key(p, r)
        try:
            r.doc = json.loads(r.body)
        except ValueError:
            bad("We could not parse the JSON body of your request.")
        model, stream = "", False
        if p == "gemini":
            m = re.fullmatch(r"/v1beta/models/([A-Za-z0-9._%-]+):"
                             r"(generateContent|streamGenerateContent"
                             r"\?alt=sse)", r.path)
            if not m:
                bad("Requested entity was not found.", "missing", 404)
            model, stream = m[1], m[2].startswith("stream")
            check_gemini(r.doc)
        else:
            want = PATHS[p] + ("/messages" if p == "anthropic" else
                               "/chat/completions")
            if r.path != want:
                bad("Invalid URL (POST %s)" % r.path, "missing", 404)
            if p == "anthropic":
                check_anthropic(r.doc)
            else:
                check_openai(r.doc, p == "openai")
            model, stream = r.doc["model"], r.doc.get("stream", False)
        if "nonexistent" in model:
            bad("The model `%s` does not exist" % model, "missing", 404)
        return model, stream

    def check_key(self, p, r):
        for k in KEYS.values():
            if k in r.path:
                bad("the key stands in the URL", "invalid", 400)
        h = r.headers
        if p == "anthropic":
            if h.get("anthropic-version") != "2023-06-01":
                bad("anthropic-version: header is required")
            key = h.get("x-api-key")
        elif p == "gemini":
            key = h.get("x-goog-api-key")
        else:
            key = h.get("authorization", "")
            if key.startswith("Bearer "):
                key = key[7:]
            elif p == "compatible" and not key:
                return
            else:
                key = None
        if key != KEYS[p]:
            status = 400 if p == "gemini" else 401
            bad("Incorrect API key provided: %s***." % (key or "")[:3],
                "key", status)

    def send(self, t, status, doc, headers=(), raw=None):
        body = raw if raw is not None else json.dumps(doc).encode()
        head = "HTTP/1.1 %d Some Reason\r\ncontent-type: application/json" \
            "\r\ncontent-length: %d\r\n" % (status, len(body))
        for k, v in headers:
            head += "%s: %s\r\n" % (k, v)
        t.sendall(head.encode() + b"\r\n" + body)
        return True

    def fault(self, t, r, fault, model, stream):
        p = r.provider
        simple = {"401": (400 if p == "gemini" else 401, "key"),
                  "403": (403, "permission"), "404": (404, "missing"),
                  "400": (400, "invalid"), "413": (413, "large"),
                  "429": (429, "rate"), "429-after": (429, "rate"),
                  "quota": (429 if p != "anthropic" else 402, "quota"),
                  "500": (500, "server"), "503": (503, "busy"),
                  "529": (529, "busy")}
        if fault in simple:
            status, kind = simple[fault]
            after = self.after if fault == "429-after" else None
            headers = [("retry-after", str(after))] if after else []
            return self.send(t, status, error_body(
                p, status, kind, "played " + fault, after), headers)
        if fault == "echo-key":
            return self.send(t, 401, error_body(
                p, 401, "key", "no such key: %s, sorry" % KEYS[p]))
        if fault == "redirect":
            return self.send(t, 307, {}, [("location",
                                           "https://127.0.0.1/private")])
        if fault == "close":
            return False
        if fault == "slow":
            self.release.wait(60)
        if fault == "notjson":
            return self.send(t, 200, None, raw=b"<html>gateway</html>")
        if fault == "wrongjson":
            return self.send(t, 200, {"hello": ["world", 1]})
        if fault == "badutf8":
            return self.send(t, 200, None, raw=b'{"a":"\xff\xfe"}')
        if fault == "huge":
            return self.send(t, 200, None,
                             raw=b'{"x":"' + b"a" * (5 << 20) + b'"}')
        if fault == "noschema" and schema_of(r.doc) is not None:
            word = {"anthropic": "tool_choice", "gemini":
                    "responseJsonSchema"}.get(p, "response_format")
            return self.send(t, 400, error_body(
                p, 400, "invalid", "Invalid parameter: '%s' is not supported "
                "with this model." % word))
        words = self.answer(r) if callable(self.answer) else self.answer
        if fault == "ok" and schema_of(r.doc) is not None:
            why = fits(schema_of(r.doc), tool_input(words) or {},
                       schema_of(r.doc))
            if why:
                with self.lock:
                    self.unfit.append((p, why, words[:200]))
        if fault == "fenced":
            words = "Here it is:\n```json\n%s\n```\n" % words
        by_tool = p == "anthropic" and bool(r.doc.get("tools"))
        if stream:
            return self.stream(t, fault, events(p, model, words, fault,
                                                by_tool))
        body = json.dumps(whole(p, model, words, fault, by_tool),
                          ensure_ascii=False).encode()
        if fault in ("stall", "cut"):
            t.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json"
                      b"\r\ncontent-length: %d\r\n\r\n" % len(body) +
                      body[:len(body) // 2])
            if fault == "stall":
                self.release.wait(60)
            return False
        return self.send(t, 200, None, raw=body)

    def stream(self, t, fault, all_events):
        t.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; "
                  b"charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n")
        for i, (name, data) in enumerate(all_events):
            if fault in ("stall", "cut") and i == len(all_events) // 2:
                if fault == "stall":
                    self.release.wait(60)
                return False
            if not isinstance(data, str):
                data = json.dumps(data, ensure_ascii=False)
            line = ("event: %s\r\n" % name if name else "") + \
                "data: %s\r\n\r\n" % data
            line = line.encode()
            cut = len(line) // 3        # chunks know nothing of lines
            for part in (line[:cut], line[cut:]):
                if part:
                    t.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        t.sendall(b"0\r\n\r\n")
        return True


def main():
    if len(sys.argv) != 3:
        print("usage: fakeai.py FOLDER PORT", file=sys.stderr)
        return 64
    f = FakeAI(sys.argv[1], port=int(sys.argv[2]))
    print("fakeai on port %d, authority %s" % (f.port, f.ca), flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
