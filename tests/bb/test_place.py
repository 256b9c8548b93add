#!/usr/bin/python3
"""What a person arranges for oneself: preferences, places of nodes."""
import sys
import uuid

import mast
import tap

PREF = "/api/v1/preferences/"
PLACE = "/api/v1/topology/positions"


def people(s):
    """Two viewers; one is limited to a single node of two."""
    if not hasattr(s, "place_people"):
        a = s.admin().node_add("place-a")[0]
        b = s.admin().node_add("place-b")[0]
        s.user_add("place-all", "viewer")
        s.user_add("place-one", "viewer", nodes=[a])
        s.place_people = (a, b, s.session_for("place-all"),
                          s.session_for("place-one"))
    return s.place_people


def pointers(r):
    return [e["pointer"] for e in r.json["errors"]]


def audited(s, action):
    return s.sql("SELECT a.actor_name, a.target_type, a.target_id, a.details "
                 "FROM mast.audit a WHERE action = %s ORDER BY id", action)


def test_preference_life(s):
    """Set, read, replaced, forgotten; each change has its audit row"""
    _, _, all_, one = people(s)
    path = PREF + "flow_table_order"
    all_.get(path).problem(404)
    r = all_.put(path, {"value": '["b","a"]'}).want(204)
    tap.equal(r.body, b"")
    tap.equal(all_.get(path).want(200).json, {"value": '["b","a"]'})
    all_.put(path, {"value": ""}).want(204)
    tap.equal(all_.get(path).want(200).json, {"value": ""})
    one.get(path).problem(404)
    all_.delete(path).want(204)
    all_.get(path).problem(404)
    all_.delete(path).want(204)
    tap.equal(audited(s, "preference.set"), [
        ("place-all", "preference", "flow_table_order", {"bytes": 9}),
        ("place-all", "preference", "flow_table_order", {"bytes": 0})])
    tap.equal(audited(s, "preference.delete"), [
        ("place-all", "preference", "flow_table_order", {"bytes": 0})])


def test_preference_keys(s):
    """The known keys and no other"""
    one = people(s)[3]
    for key in ("flow_table_order", "tunnel_table_order", "theme",
                "dashboard_layout"):
        one.put(PREF + key, {"value": key}).want(204)
        tap.equal(one.get(PREF + key).want(200).json, {"value": key})
    for key in ("Theme", "x", "theme%20", "%00", "a%2fb", "t" * 256):
        for method, body in (("GET", None), ("PUT", {"value": "x"}),
                             ("DELETE", None)):
            r = one.request(method, PREF + key, body).problem(400)
            if key == "x":
                tap.equal(pointers(r), ["key"])
    one.get(PREF).problem(400)


def test_preference_size(s):
    """51,200 bytes are kept as they are, however they were written"""
    one = people(s)[3]
    path = PREF + "theme"
    for value in ("x" * 51200, "\u00fc" * 25600, "\x01" * 51200):
        one.put(path, {"value": value}).want(204)
        tap.equal(one.get(path).want(200).json["value"], value)
    for value in ("x" * 51201, "\u00fc" * 25601, "\x01" * 51201):
        r = one.put(path, {"value": value}).problem(413)
        tap.equal(pointers(r), ["/value"])
    one.put(path, {"value": "x" * 400000}).problem(413)
    tap.equal(one.get(path).want(200).json["value"], "\x01" * 51200)


def test_preference_bad(s):
    """What is no value is refused at its member"""
    one = people(s)[3]
    path = PREF + "theme"
    one.put(path, {"value": "kept"}).want(204)
    for body in ({}, {"value": 1}, {"value": None}, {"value": ["x"]}):
        tap.equal(pointers(one.put(path, body).problem(422)), ["/value"])
    for raw in (b"", b"{", b'{"value":"a","value":"b"}',
                b'{"value":"\\u0000"}', b'{"value":"\xff"}', b"[]"):
        r = one.put(path, raw=raw,
                    headers={"Content-Type": "application/json"})
        assert r.status in (400, 422), r
        r.problem(r.status)
    one.put(path, raw=b"x", headers={"Content-Type": "text/plain"}
            ).problem(415)
    one.put(path, {"value": "x"}, csrf=False).problem(403)
    s.nobody().get(path).problem(401)
    s.nobody().put(path, {"value": "x"}).problem(401)
    tap.equal(one.get(path).want(200).json, {"value": "kept"})


def test_positions_life(s):
    """Each view is its own set, replaced as a whole"""
    a, b, all_, one = people(s)
    tap.equal(all_.get(PLACE).want(200).json, {"positions": {}})
    first = {a: {"x": 1.5, "y": -20.0}, b: {"x": 0, "y": 1e300}}
    all_.put(PLACE, {"view": "graph", "positions": first}).want(204)
    tap.equal(all_.get(PLACE).want(200).json, {"positions": first})
    tap.equal(all_.get(PLACE + "?view=graph").json, {"positions": first})
    tap.equal(all_.get(PLACE + "?view=flow").json, {"positions": {}})
    second = {b: {"x": 0.1, "y": 2.0}}
    all_.put(PLACE, {"view": "flow", "positions": second}).want(204)
    all_.put(PLACE, {"positions": {a: {"x": 3, "y": 4, "z": 5}}}).want(204)
    tap.equal(all_.get(PLACE).json, {"positions": {a: {"x": 3, "y": 4}}})
    tap.equal(all_.get(PLACE + "?view=flow").json, {"positions": second})
    tap.equal(one.get(PLACE).json, {"positions": {}})
    all_.delete(PLACE + "?view=flow").want(204)
    tap.equal(all_.get(PLACE + "?view=flow").json, {"positions": {}})
    all_.delete(PLACE + "?view=flow").want(204)
    all_.put(PLACE, {"positions": {}}).want(204)
    tap.equal(all_.get(PLACE).json, {"positions": {}})
    tap.equal(audited(s, "positions.set"), [
        ("place-all", "positions", "graph", {"nodes": 2}),
        ("place-all", "positions", "flow", {"nodes": 1}),
        ("place-all", "positions", "graph", {"nodes": 1}),
        ("place-all", "positions", "graph", {"nodes": 0})])
    tap.equal(audited(s, "positions.delete"), [
        ("place-all", "positions", "flow", {"nodes": 1})])


def test_positions_nodes(s):
    """An unknown or foreign node is pointed at and nothing is changed"""
    a, b, _, one = people(s)
    one.put(PLACE, {"positions": {a: {"x": 1, "y": 1}}}).want(204)
    for other in (b, str(uuid.uuid4())):
        r = one.put(PLACE, {"positions": {a: {"x": 2, "y": 2},
                                          other: {"x": 3, "y": 3}}})
        tap.equal(pointers(r.problem(422)), ["/positions/" + other])
    tap.equal(one.get(PLACE).json, {"positions": {a: {"x": 1, "y": 1}}})


def test_positions_leave(s):
    """A deleted node leaves no place behind, nor one that is hidden"""
    all_ = people(s)[2]
    gone = s.admin().node_add("place-gone")[0]
    s.user_add("place-two", "viewer", nodes=[gone])
    two = s.session_for("place-two")
    for who in (all_, two):
        who.put(PLACE, {"positions": {gone: {"x": 1, "y": 1}}}).want(204)
    s.sql("DELETE FROM mast.user_nodes WHERE node_id = %s", gone)
    mast.wait_until(lambda: two.get(PLACE).json == {"positions": {}}, 5,
                    "the place of a hidden node is hidden")
    s.admin().delete("/api/v1/nodes/" + gone).want(204)
    tap.equal(all_.get(PLACE).json, {"positions": {}})


def test_positions_bad(s):
    """Shape, numbers, view and size; the old set stays"""
    a, _, all_, _ = people(s)
    kept = {a: {"x": 7, "y": 7}}
    all_.put(PLACE, {"positions": kept}).want(204)
    here = "/positions/" + a
    table = [
        ({}, "/positions"), ({"positions": []}, "/positions"),
        ({"positions": None}, "/positions"),
        ({"view": "map", "positions": {}}, "/view"),
        ({"view": 1, "positions": {}}, "/view"),
        ({"positions": {a: {}}}, here), ({"positions": {a: {"x": 1}}}, here),
        ({"positions": {a: [1, 2]}}, here), ({"positions": {a: 1}}, here),
        ({"positions": {a: {"x": "1", "y": 1}}}, here),
        ({"positions": {a: {"x": None, "y": 1}}}, here),
        ({"positions": {a.upper(): {"x": 1, "y": 1}}},
         "/positions/" + a.upper()),
        ({"positions": {"a/b~": {"x": 1, "y": 1}}}, "/positions/a~1b~0"),
        ({"positions": {"": {"x": 1, "y": 1}}}, "/positions/"),
    ]
    for body, pointer in table:
        r = all_.put(PLACE, body).problem(422)
        tap.equal(pointers(r), [pointer], repr(body))
    form = {"Content-Type": "application/json"}
    for number, status in (("1e999", 422), ("-1e999", 422), ("NaN", 400),
                           ("1e-999", 204), ("5e-324", 204)):
        raw = '{"positions":{"%s":{"x":%s,"y":1}}}' % (a, number)
        all_.put(PLACE, raw=raw.encode(), headers=form).want(status)
    all_.put(PLACE, {"positions": kept}).want(204)
    raw = '{"positions":{"%s":{"x":1,"y":1},"%s":{"x":1,"y":1}}}' % (a, a)
    all_.put(PLACE, raw=raw.encode(), headers=form).problem(400)
    raw = b'{"positions":{}' + b" " * 51184 + b"}"
    tap.equal(len(raw), 51200)
    all_.put(PLACE, raw=raw, headers=form).want(204)
    all_.put(PLACE, {"positions": kept}).want(204)
    all_.put(PLACE, raw=b" " + raw, headers=form).problem(413)
    for view in ("map", "", "graph&view=flow", "%00"):
        all_.get(PLACE + "?view=" + view).problem(400)
        all_.delete(PLACE + "?view=" + view).problem(400)
    all_.put(PLACE, {"positions": {}}, csrf=False).problem(403)
    s.nobody().get(PLACE).problem(401)
    tap.equal(all_.get(PLACE).json, {"positions": kept})


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
