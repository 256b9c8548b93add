"""Books of a chaos run, kept outside of what is tested: REST clients that
note the class of every answer, nodes that note all they did, and the ledgers
of the simulated fleets."""
import collections
import http.client
import json
import threading
import time

import mast
import ws

KEY = "Idempotency-Key"
ACKED, REFUSED, UNKNOWN = "acked", "refused", "unknown"


class Entry:
    """One thing that a client wanted: perhaps several requests with one
    key, until it is known what became of it."""

    def __init__(self, what, method, path, body, key=None, **data):
        self.what, self.method, self.path = what, method, path
        self.body, self.key, self.data = body, key, data
        self.outcomes = []      # class of each request, in order
        self.status = None      # the last answer, if there was one
        self.request = None     # its X-Request-Id
        self.replayed = False
        self.answer = None

    @property
    def outcome(self):
        return self.outcomes[-1]

    @property
    def maybe(self):
        """It may have happened: not every request was surely refused."""
        return set(self.outcomes) != {REFUSED}


class Client(threading.Thread):
    """A user who never stops. What he may have done he asks again with the
    same key, where there is one, until he knows."""

    def __init__(self, s, number, rng, targets, work):
        super().__init__(daemon=True)
        self.s, self.number, self.rng = s, number, rng
        self.targets = targets          # ids of nodes that take commands
        self.work = work                # (weight, name of a method)
        self.session = s.session_for("chaos-%d" % number)
        self.entries = []
        self.pending = collections.deque()
        self.mine = []                  # [id, entries that name it]
        self.queued = []                # (node, command) that may wait
        self.wrong = []                 # answers that are not described
        self.count = 0
        self.enough = threading.Event()

    def run(self):
        names = [w[1] for w in self.work]
        weights = [w[0] for w in self.work]
        while not self.enough.wait(self.rng.uniform(0.01, 0.08)):
            if self.pending and self.rng.random() < 0.5:
                self.again()
            else:
                getattr(self, self.rng.choices(names, weights)[0])()

    def next(self, word):
        self.count += 1
        return "%s-%d-%d" % (word, self.number, self.count)

    # ---- requests

    def send(self, e):
        """One request of an entry; its outcome."""
        headers = {KEY: e.key} if e.key else {}
        if self.rng.random() < 0.02:
            self.hang_up(e, headers)
            e.outcomes.append(UNKNOWN)
            return UNKNOWN
        try:
            r = self.session.request(e.method, e.path, e.body,
                                     headers=headers, timeout=6)
        except (OSError, http.client.HTTPException):
            e.outcomes.append(UNKNOWN)
            return UNKNOWN
        except Exception as why:        # noqa: a wrong answer, kept as such
            self.wrong.append("%s %s: %s" % (e.method, e.path, why))
            e.outcomes.append(UNKNOWN)
            return UNKNOWN
        e.status, e.answer = r.status, r.body
        e.request = r.header("X-Request-Id")
        e.replayed = r.header("Idempotency-Replayed") == "true"
        e.outcomes.append(self.judge(r))
        return e.outcome

    @staticmethod
    def judge(r):
        if r.status < 300:
            return ACKED
        if r.status == 409 and b"in-progress" in r.body:
            return UNKNOWN
        return REFUSED if r.status < 500 else UNKNOWN

    def hang_up(self, e, headers):
        """Sends and does not stay for the answer."""
        t = self.session
        h = dict(headers, Cookie="session=%s; csrf_token=%s" % (
            t.token, t.csrf), **{"X-CSRF-Token": t.csrf})
        if e.body is not None:
            h["Content-Type"] = "application/json"
        c = self.s.connection(timeout=5, source_address=(t.source, 0))
        try:
            c.request(e.method, e.path,
                      e.body and json.dumps(e.body).encode(), h)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            c.close()

    def want(self, *args, **kw):
        e = Entry(*args, **kw)
        self.entries.append(e)
        if self.send(e) == UNKNOWN and e.key:
            self.pending.append(e)
        return e

    def again(self):
        e = self.pending.popleft()
        if self.send(e) == UNKNOWN:
            self.pending.append(e)
        else:
            self.learned(e)

    def learned(self, e):
        if e.outcome != ACKED:
            return
        if e.what == "node":
            self.mine.append([e.json["id"], e])
        elif e.what == "queue":
            self.queued.append((e.data["node"], e.json["command_id"]))

    # ---- what he does

    def node(self):
        name = self.next("chaos-node")
        self.learned(self.want("node", "POST", "/api/v1/nodes", {
            "name": name, "device_type": "edge"}, key=name, name=name))

    def rename(self):
        if self.mine:
            i, _ = self.rng.choice(self.mine)
            name = self.next("chaos-name")
            self.want("rename", "PUT", "/api/v1/nodes/" + i, {"name": name},
                      id=i, name=name)

    def remove(self):
        if len(self.mine) > 5:
            i, _ = self.mine.pop(self.rng.randrange(len(self.mine)))
            self.want("remove", "DELETE", "/api/v1/nodes/" + i, None, id=i)

    def user(self):
        name = self.next("chaos-user")
        self.want("user", "POST", "/api/v1/users", {
            "username": name, "password": "Secret-" + name,
            "display_name": name, "role": "viewer", "is_temporary": False},
            key=name, name=name)

    def settings(self):
        self.count += 1
        value = 31 + self.count % 300
        self.want("settings", "PUT", "/api/v1/settings", {"settings": {
            "events_retention_days": value}}, value=value)

    def ack(self):
        try:
            r = self.session.get("/api/v1/events?limit=50&category=sim",
                                 timeout=6)
            ids = [e["id"] for e in r.json] if r.status == 200 else []
        except (OSError, http.client.HTTPException):
            return
        if ids:
            i = self.rng.choice(ids)
            self.want("ack", "POST", "/api/v1/events/%d/ack" % i,
                      {"note": self.next("note")}, id=i)

    def act(self, what, **more):
        node = self.rng.choice(self.targets)
        flow = self.next("flow")
        self.learned(self.want(
            what, "POST", "/api/v1/nodes/%s/command" % node, dict(
                action={"type": "start_flow", "flow_id": flow}, **more),
            key=flow if what == "queue" else None, node=node, flow=flow))

    def command(self):
        self.act("command")

    def queue(self):
        self.act("queue", queue=True, ttl=self.rng.randint(2, 15))

    def cancel(self):
        if self.queued:
            node, i = self.queued.pop()
            self.want("cancel", "DELETE",
                      "/api/v1/nodes/%s/commands/%s" % (node, i), None, id=i)

    # ---- the end

    def settle(self, seconds):
        """Stops, and asks once more for all that is not known."""
        self.enough.set()
        self.join(60 * mast.PATIENCE)
        end = time.monotonic() + seconds * mast.PATIENCE
        while self.pending and time.monotonic() < end:
            for _ in range(len(self.pending)):
                self.again()
            time.sleep(0.1)


def _json(self):
    try:
        doc = json.loads(self.answer)
    except (TypeError, ValueError):
        return {}
    return doc if isinstance(doc, dict) else {}


Entry.json = property(_json)


class Witness(mast.Node):
    """A node that keeps each action it got, changes its configuration with
    each, and always comes back."""

    def __init__(self, s, **kw):
        super().__init__(s, **kw)
        self.on_command = self.obey
        self.reported = None            # the configuration last told
        self.changes = 0
        self.enough = threading.Event()
        self.keeper = threading.Thread(target=self._keep, daemon=True)

    def obey(self, command_id, action):
        self.changes += 1
        self.config = dict(self.config, flows=[], change=self.changes)
        return {"success": True}

    def send(self, kind, payload):
        super().send(kind, payload)
        if kind == "config_response":
            self.reported = json.loads(json.dumps(payload))

    def _keep(self):
        while not self.enough.wait(0.2):
            if self.closed is None and self.ws is not None:
                continue
            try:
                if self.ws is not None:
                    self.ws.sock.close()
                if self.connect() != "auth_ok":
                    self.closed = ws.Closed(1006)
            except Exception:   # noqa: refused, reset, closed: all the same
                self.closed = ws.Closed(1006)

    def close(self):
        self.enough.set()
        if self.keeper.is_alive():
            self.keeper.join(20)
        super().close()


class Ledger:
    """What a simulated fleet did, from its own file."""

    def __init__(self, lines):
        self.sent = collections.defaultdict(dict)       # node: seq: when
        self.commands = collections.Counter()           # id: received
        self.acks = {}                                  # id: ok or refused
        self.nodes = {}                                 # node: it is up
        for line in lines:
            w = line.split()
            if w[0] == "event":
                self.sent[w[1]][int(w[2])] = int(w[3]) / 1e6
            elif w[0] == "command":
                self.commands[w[2]] += 1
            elif w[0] == "ack":
                self.acks[w[2]] = w[3]
            elif w[0] in ("up", "down"):
                self.nodes[w[1]] = w[0] == "up"
