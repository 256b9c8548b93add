#!/usr/bin/python3
"""Who may do what: every route, as every role, at an own and a foreign node,
with every way to sign in. What is expected follows from --routes; a route
that has no request in REQUESTS fails."""
import itertools
import re
import subprocess
import sys

import mast
import rows
import tap

ROLES = ("viewer", "operator", "admin", "super_admin")
# How a request says who sends it.
WAYS = ("cookie", "bearer", "token", "cookie without csrf",
        "bearer without csrf", "token that reads", "token of a viewer",
        "nothing")
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade",
           "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
PASSWORD = "Passw0rd-x"
SPARE = 40
# Only for who sees all nodes: there is no node yet that could be his, or it
# is about every node.
WHOLE = {"POST /api/v1/nodes", "GET /api/v1/export", "POST /api/v1/export",
         "POST /api/v1/import"}
number = itertools.count(1)


class Route:
    """A line of --routes."""

    def __init__(self, line):
        left, self.title = line.rstrip().rsplit("  ", 1)
        self.method, self.pattern, self.role, _, *words = left.split()
        self.words = set(words)
        self.path = re.sub(r"[:#*](\w+)", r"{\1}", self.pattern)
        self.key = self.method + " " + self.path
        self.public = self.role == "public"
        self.unsafe = self.method != "GET"
        # Where it matters which nodes one sees.
        self.split = "node" in self.words or self.key in WHOLE

    def refusal(self, role, way, own):
        """The status that authority alone implies, None when it allows."""
        if self.public:
            return None
        if way == "nothing":
            return 401
        token = way.startswith("token")
        if self.unsafe and way.endswith("without csrf") and \
                "no-csrf" not in self.words:
            return 403
        if way == "token of a viewer":
            role = "viewer"
        if ROLES.index(role) < ROLES.index(self.role):
            return 403
        if token and "session" in self.words:
            return 403
        if way == "token that reads" and self.unsafe:
            return 403
        if self.split and not own:
            return 403
        return None


class Program(mast.Session):
    """What holds an API token."""

    def __init__(self, suite, token):
        super().__init__(suite, bearer=True)
        self.token = token


class World:
    def __init__(self, s):
        self.s = s
        self.own, self.foreign = s.node("own"), s.node("foreign")
        for n in (self.own, self.foreign):
            n.config = {"version": 2, "flows": [], "inputs": [],
                        "outputs": []}
            n.event("to be acknowledged", severity="critical")
        # Nodes to delete, theirs before anybody signs in.
        self.spares = [s.admin().node_add("spare %d" % i)[0]
                       for i in range(SPARE)]
        self.far = s.admin().node_add("far end")[0]
        mine = [self.own.id, self.far] + self.spares
        self.clients = {}
        for role in ROLES:
            s.user_add("m-" + role, role, nodes=mine)
            s.user_add("whole-" + role, role)
            self.sign_in(role, "m-")
            self.sign_in(role, "whole-")
        s.user_add("victim", "viewer", nodes=[self.own.id])
        self.victim = s.one("SELECT id::text FROM mast.users WHERE "
                            "username = 'victim'")
        self.event = mast.wait_until(lambda: s.admin().events(
            node_id=self.own.id, search="to be ack"), 10,
            "the event")[0]["id"]
        self.tunnel = some_tunnel(self, None, self.own)
        page = s.nobody().get("/").want(200).body.decode()
        self.build = re.search(r"/?assets/([0-9a-f]+)/", page).group(1)

    def sign_in(self, role, prefix):
        s, name = self.s, prefix + role
        mine = self.clients.setdefault(prefix + role, {})
        mine["cookie"] = s.session_for(name)
        mine["bearer"] = s.session_for(name, bearer=True)
        for way, more in (("token", {"max_role": role}),
                          ("token that reads", {"max_role": role,
                                                "read_only": True}),
                          ("token of a viewer", {"max_role": "viewer"})):
            doc = mine["cookie"].post("/api/v1/tokens", dict(
                name=way, **more)).want(201).json
            mine[way] = Program(s, doc["token"])
        mine["nothing"] = s.nobody()

    def client(self, role, way="cookie", prefix="m-"):
        return self.clients[prefix + role][way.replace(" without csrf", "")]

    def user_id(self, role):
        return self.client(role).user["id"]


# ---- a request for each route

class Ask:
    """How a route is asked properly: the path's parameters (a dict, or made
    of the World, the role and the node), the body, and what success is."""

    def __init__(self, status, body=None, query="", headers=None, once=False,
                 alone=False, stranger=None, **params):
        self.status = status
        self.stranger = stranger or status      # for who is not signed in
        self.body = body
        self.query = query
        self.headers = headers
        self.once = once        # signs out whoever asks
        self.alone = alone      # or others of the same user
        self.params = params


def made(value, w, role, node):
    return value(w, role, node) if callable(value) else value


def new_user(w, role, node):
    return {"username": "new-%d" % next(number), "password": PASSWORD,
            "display_name": "New", "role": "viewer", "is_temporary": False,
            "allowed_node_ids": [w.own.id]}


def some_user(w, role, node):
    return w.s.admin().post("/api/v1/users", new_user(w, role, node)).want(
        201).json["id"]


def some_token(w, role, node):
    return w.client(role).post("/api/v1/tokens", {
        "name": "short-lived", "max_role": "viewer"}).want(201).json["id"]


def some_session(w, role, node):
    return w.s.session_for("m-" + role).get("/api/v1/auth/me").json[
        "session"]["id"]


def victim(w, role, node):
    return w.victim


def session_of_victim(w, role, node):
    return w.s.session_for("victim").get("/api/v1/auth/me").json[
        "session"]["id"]


def some_command(w, role, node):
    """A row of the journal that no hub takes: it would be told its id."""
    return w.s.one(
        "INSERT INTO mast.commands (id, node_id, node_name, type, action, "
        "expires_at) VALUES (gen_random_uuid(), %s, 'own', 'start_flow', "
        "'', now() + interval '1 hour') RETURNING id", node.id)


def spare(w, role, node):
    """A node that may be deleted; the foreign one if it is about that."""
    return w.spares.pop() if node is w.own else node.id


def held(w, role, node):
    """A node in quarantine."""
    i = spare(w, role, node)
    if i != node.id:
        w.s.admin().post("/api/v1/nodes/%s/quarantine" % i,
                         {"reason": "held"}).want(200)
    return i


def some_version(w, role, node):
    """Of the own node: the foreign one is never asked for any."""
    return w.s.one("SELECT max(id) FROM mast.config_versions "
                   "WHERE node_id = %s", w.own.id)


def some_alarm(w, role, node):
    return w.s.one(
        "INSERT INTO mast.alarms (node_id, code, severity, message) "
        "VALUES (%s, %s, 'info', 'made') RETURNING id::text",
        node.id, "made_%d" % next(number))


def new_tunnel(w, role, node):
    n = next(number)
    return {"name": "made", "protocol": "udp", "mode": "direct",
            "ingress_node_id": w.own.id, "ingress_listen_port": 10000 + n,
            "egress_node_id": w.far, "egress_forward_addr": "127.0.0.1:5004",
            "egress_peer_addr": "192.0.2.1:%d" % (10000 + n)}


def some_tunnel(w, role, node):
    return w.s.admin().post("/api/v1/tunnels", new_tunnel(w, role, node)
                            ).want(200).json["id"]


def node_id(w, role, node):
    return node.id


def nothing(w, role, node):
    """The id of what nobody has."""
    return "00000000-0000-7000-8000-%012d" % next(number)


def settings(w, role, node):
    return {"settings": {"session_lifetime_hours": 24}}


MAKES = (some_user, some_token, some_session, session_of_victim,
         some_command)
REQUESTS = {
    "GET /health": Ask(200),
    "GET /livez": Ask(200),
    "GET /readyz": Ask(200),
    "GET /api/v1/openapi.json": Ask(200),
    "POST /api/v1/auth/login": Ask(200, lambda w, *_: {
        "username": "m-viewer", "password": PASSWORD}),
    "POST /api/v1/auth/logout": Ask(200, once=True),
    "GET /api/v1/auth/me": Ask(200),
    "POST /api/v1/auth/login-form": Ask(
        303, headers={"Content-Type": "application/x-www-form-urlencoded"}),
    # One that is nobody's.
    "POST /api/v1/auth/setup": Ask(401, {"secret": "0" * 64,
                                         "password": PASSWORD}),
    "PUT /api/v1/auth/me": Ask(200, {"display_name": "Changed"}),
    # Proofs that fail: the matrix keeps its sessions.
    "POST /api/v1/auth/password": Ask(422, {
        "current_password": "wrong", "password": PASSWORD}),
    "GET /api/v1/auth/sessions": Ask(200),
    "DELETE /api/v1/auth/sessions": Ask(200, alone=True),
    "DELETE /api/v1/auth/sessions/{id}": Ask(204, id=some_session),
    "GET /api/v1/auth/totp": Ask(200),
    "POST /api/v1/auth/totp": Ask(200, {"password": PASSWORD}),
    "POST /api/v1/auth/totp/confirm": Ask(422, {"code": "x"}),
    "POST /api/v1/auth/totp/disable": Ask(409, {
        "password": PASSWORD, "code": "x"}),
    "GET /api/v1/users": Ask(200),
    "POST /api/v1/users": Ask(201, new_user),
    "GET /api/v1/users/{id}": Ask(
        200, id=lambda w, role, node: w.user_id(role)),
    "PUT /api/v1/users/{id}": Ask(200, {"display_name": "Changed"},
                                  id=some_user),
    "DELETE /api/v1/users/{id}": Ask(204, id=some_user),
    "GET /api/v1/users/{id}/sessions": Ask(200, id=some_user),
    "DELETE /api/v1/users/{id}/sessions": Ask(200, id=some_user),
    "DELETE /api/v1/users/{id}/sessions/{session}": Ask(
        204, id=victim, session=session_of_victim),
    "DELETE /api/v1/users/{id}/totp": Ask(204, id=some_user),
    "GET /api/v1/tokens": Ask(200),
    "POST /api/v1/tokens": Ask(201, {"name": "made", "max_role": "viewer"}),
    "DELETE /api/v1/tokens/{id}": Ask(204, id=some_token),
    "GET /api/v1/export": Ask(200),
    "POST /api/v1/export": Ask(200, {"passphrase": "correct horse"}),
    "POST /api/v1/import": Ask(200, {"version": 1, "data": {}}),
    "GET /api/v1/device-types": Ask(200),
    "GET /api/v1/nodes": Ask(200),
    "POST /api/v1/nodes": Ask(201, {"name": "made"}),
    "GET /api/v1/nodes/endpoints": Ask(200),
    "GET /api/v1/nodes/{id}": Ask(200),
    "PUT /api/v1/nodes/{id}": Ask(200, {"description": "changed"}),
    "DELETE /api/v1/nodes/{id}": Ask(204, id=spare),
    "POST /api/v1/nodes/{id}/token": Ask(200, id=spare),
    "POST /api/v1/nodes/{id}/quarantine": Ask(200, {"reason": "cloned"},
                                              id=spare),
    "DELETE /api/v1/nodes/{id}/quarantine": Ask(200, id=held),
    # It is allowed, but the node has just registered.
    "POST /api/v1/nodes/{id}/rotate-secret": Ask(409),
    "GET /api/v1/nodes/{id}/config": Ask(200),
    "GET /api/v1/nodes/{id}/config/versions": Ask(200),
    "GET /api/v1/nodes/{id}/config/versions/{version}": Ask(
        200, version=some_version),
    "GET /api/v1/nodes/{id}/config/diff": Ask(
        200, query="?a=reported&b=reported"),
    "POST /api/v1/nodes/{id}/config/restore": Ask(
        200, lambda w, role, node: {
            "version": some_version(w, role, node), "dry_run": True}),
    "GET /api/v1/nodes/{id}/config/drift": Ask(200),
    "POST /api/v1/nodes/{id}/config/drift": Ask(204, {"action": "adopt"}),
    "GET /api/v1/nodes/{id}/thumbnail": Ask(204, query="?flow_id=x"),
    "GET /api/v1/nodes/{id}/metrics": Ask(200),
    "GET /api/v1/nodes/{id}/states": Ask(200),
    "PUT /api/v1/nodes/{id}/config": Ask(200, {
        "version": 2, "flows": [], "inputs": [], "outputs": []}),
    "POST /api/v1/nodes/{id}/flows": Ask(200, {"id": "f", "name": "f"}),
    "DELETE /api/v1/nodes/{id}/flows/{flow_id}": Ask(200, flow_id="f"),
    "POST /api/v1/nodes/{id}/command": Ask(200, {
        "action": {"type": "start_flow", "flow_id": "f"}}),
    "GET /api/v1/nodes/{id}/tunnels": Ask(200),
    "GET /api/v1/tunnels": Ask(200),
    "POST /api/v1/tunnels": Ask(200, new_tunnel),
    "GET /api/v1/tunnels/{id}": Ask(200, id=some_tunnel),
    "PUT /api/v1/tunnels/{id}": Ask(200, {"name": "changed"},
                                    id=some_tunnel),
    "DELETE /api/v1/tunnels/{id}": Ask(200, id=some_tunnel),
    "POST /api/v1/commands": Ask(200, lambda w, *_: {
        "action": {"type": "start_flow", "flow_id": "f"}, "dry_run": True,
        "node_ids": [w.own.id]}),
    "GET /api/v1/nodes/{id}/commands": Ask(200),
    "GET /api/v1/nodes/{id}/commands/{command_id}": Ask(
        200, command_id=some_command),
    "DELETE /api/v1/nodes/{id}/commands/{command_id}": Ask(
        204, command_id=some_command),
    "GET /api/v1/events": Ask(200),
    "GET /api/v1/events/count": Ask(200),
    "POST /api/v1/events/ack": Ask(200, {"category": "no such"}),
    "GET /api/v1/events/{id}": Ask(
        200, id=lambda w, role, node: w.event),
    "POST /api/v1/events/{id}/ack": Ask(
        200, id=lambda w, role, node: w.event),
    "GET /api/v1/alarms": Ask(200),
    "POST /api/v1/alarms/{id}/ack": Ask(200, id=some_alarm),
    "GET /api/v1/audit": Ask(200),
    "GET /api/v1/preferences/{key}": Ask(200, key="theme"),
    "PUT /api/v1/preferences/{key}": Ask(204, {"value": "dark"},
                                         key="theme"),
    "DELETE /api/v1/preferences/{key}": Ask(204, key="dashboard_layout"),
    "GET /api/v1/topology/positions": Ask(200),
    "PUT /api/v1/topology/positions": Ask(204, lambda w, *_: {
        "positions": {w.own.id: {"x": 1, "y": 2}}}),
    "DELETE /api/v1/topology/positions": Ask(204, query="?view=flow"),
    "GET /api/v1/settings": Ask(200),
    "PUT /api/v1/settings": Ask(200, settings),
    "GET /api/v1/settings/tls": Ask(200),
    "POST /api/v1/settings/tls/upload": Ask(409, {
        "cert_pem": "x", "key_pem": "x"}),
    "POST /api/v1/settings/tls/restore": Ask(409),
    "GET /api/v1/ai/providers": Ask(200),
    "GET /api/v1/ai/keys": Ask(200),
    "POST /api/v1/ai/keys": Ask(200, {
        "provider": "openai", "api_key": ""}),
    "DELETE /api/v1/ai/keys": Ask(200, {"provider": "openai"}),
    # Nobody here has a key, nor a proposal.
    "POST /api/v1/ai/keys/test": Ask(400, {"provider": "openai"}),
    "POST /api/v1/ai/generate-config": Ask(400, {"prompt": "x"}),
    "POST /api/v1/ai/analyze": Ask(400, {"description": "x"}),
    "POST /api/v1/ai/query": Ask(400, {"query": "x"}),
    "GET /api/v1/ai/usage": Ask(200),
    "GET /api/v1/ai/proposals": Ask(200),
    "GET /api/v1/ai/proposals/{id}": Ask(404, id=nothing),
    "DELETE /api/v1/ai/proposals/{id}": Ask(404, id=nothing),
    "POST /api/v1/ai/proposals/{id}/apply": Ask(404, id=nothing),
    "GET /ws/dashboard": Ask(101, headers=UPGRADE),
    "GET /ws/node": Ask(101, headers=UPGRADE),
    "GET /": Ask(200),
    "GET /login": Ask(200),
    "GET /setup": Ask(200),
    "GET /dashboard": Ask(200, stranger=307),
    "GET /nodes": Ask(200, stranger=307),
    "GET /nodes/{id}": Ask(200, stranger=307, id=node_id),
    "GET /nodes/{id}/{tab}": Ask(200, stranger=307, id=node_id, tab="now"),
    "GET /topology": Ask(200, stranger=307),
    "GET /events": Ask(200, stranger=307),
    "GET /alarms": Ask(200, stranger=307),
    "GET /tunnels": Ask(200, stranger=307),
    "GET /ai/{page}": Ask(200, stranger=307, page="assistant"),
    "GET /admin/{page}": Ask(200, stranger=307, page="users"),
    "GET /account": Ask(200, stranger=307),
    "GET /api": Ask(200, stranger=307),
    "GET /assets/{build}/{name}": Ask(
        200, build=lambda w, role, node: w.build, name="page.js"),
    "GET /problems": Ask(200),
    "GET /problems/{slug}": Ask(200, slug="in-progress"),
}


def routes(s):
    text = subprocess.run([s.program("mastkeeper-apid"), "--routes"],
                          check=True, text=True, capture_output=True).stdout
    return [Route(line) for line in text.splitlines()]


def world(s):
    if not hasattr(s, "world"):
        s.world = World(s)
        w = s.world
        s.admin().get("/api/v1/nodes/%s/config" % w.own.id).want(200)
        mast.wait_until(lambda: some_version(w, None, None), 10, "a version")
        for role in ROLES:      # what is read must be there
            w.client(role).put("/api/v1/preferences/theme", {
                "value": "dark"}).want(204)
    return s.world


def cells(route):
    """(role, way, own) of everything that is tried at a route."""
    owns = (True, False) if route.split else (True,)
    roles = ROLES
    ways = WAYS
    if route.public:
        roles, ways = ("viewer",), ("nothing", "cookie", "token")
    for role in roles:
        for way in ways:
            if way == "nothing" and role != roles[0]:
                continue
            for own in owns:
                yield role, way, own


def send(w, route, ask, role, way, own, refused):
    node = w.own if own else w.foreign
    params = dict(ask.params)
    if "node" in route.words:
        params.setdefault("id", node_id)
    if refused:                 # nothing is made for it to spoil
        params = {k: w.own.id if v in (spare, held) and own else
                  w.tunnel if v is some_tunnel else
                  w.user_id(role) if v in MAKES else v
                  for k, v in params.items()}
    path = route.path
    for k, v in params.items():
        path = path.replace("{%s}" % k, str(made(v, w, role, node)))
    client = w.client(role, way, "whole-" if route.key in WHOLE and own
                      else "m-")
    if ask.once and not refused:
        client = w.s.session_for("m-" + role, bearer=client.bearer)
    if ask.alone and not refused:
        name = "alone-%d" % next(number)
        w.s.user_add(name, role)
        client = w.s.session_for(name, bearer=client.bearer)
    if route.path.startswith("/api/v1/auth/"):  # each from a fresh address
        client.source = "127.6.%d.%d" % divmod(next(number), 250)
    return client.request(
        route.method, path + ask.query, made(ask.body, w, role, node),
        headers=ask.headers, csrf=not way.endswith("without csrf"))


def test_table(s):
    """Every route has a request here, and no request is without a route"""
    have = {r.key for r in routes(s)}
    tap.equal(sorted(have - set(REQUESTS)), [], "routes without a request")
    tap.equal(sorted(set(REQUESTS) - have), [], "requests without a route")


def test_refused(s):
    """What authority refuses is 401 or 403 and changes nothing, nowhere"""
    w = world(s)
    count = 0
    for route in routes(s):
        ask = REQUESTS.get(route.key)
        before, last = rows.digest(s), rows.audit(s)
        sent = [len(n.commands) for n in (w.own, w.foreign)]
        for role, way, own in cells(route):
            want = route.refusal(role, way, own)
            if ask is None or want is None:
                continue
            r = send(w, route, ask, role, way, own, True)
            if r.status != want:
                raise AssertionError("%s as %s by %s, %s node: %r, want %d" % (
                    route.key, role, way, "own" if own else "foreign", r,
                    want))
            r.problem(want)
            count += 1
        tap.equal(rows.changed(before, rows.digest(s)), [], "changed by " +
                  route.key)
        tap.equal([a for a in rows.audited(s, last) if "refuse" not in a],
                  [], "audited by " + route.key)
        tap.equal([len(n.commands) for n in (w.own, w.foreign)], sent,
                  "commands by " + route.key)
    print("# %d refusals" % count)
    assert count > 500, count


def test_allowed(s):
    """What authority allows succeeds, and a foreign node never hears of it"""
    w = world(s)
    count, faults = 0, []
    for route in routes(s):
        ask = REQUESTS.get(route.key)
        for role, way, own in cells(route):
            if ask is None or route.refusal(role, way, own) is not None:
                continue
            r = send(w, route, ask, role, way, own, False)
            count += 1
            want = ask.stranger if way == "nothing" else ask.status
            if r.status != want:
                faults.append("%s as %s by %s: %r, want %d" % (
                    route.key, role, way, r, want))
    tap.equal(w.foreign.commands, [], "what the foreign node got")
    print("# %d requests" % count)
    if faults:
        raise AssertionError("%d faults: %s" % (
            len(faults), "\n".join(faults[:20])))
    assert count > 200, count


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
