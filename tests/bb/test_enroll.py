#!/usr/bin/python3
"""Who is this node? Registration, reconnection, and what a hub must put up
with from real nodes: spent tokens, two valid secrets, twins."""
import json
import sys
import threading
import uuid

import mast
import tap
from hubkit import (closed, keyed_hash, messages, over, refused, state,
                    status, wait_count)

SAY_TOKEN = "the registration token is not valid"
SAY_SECRET = "the node id or its secret is not valid"


def test_register(s):
    """A token buys id and secret, once; only hashes are kept"""
    node_id, token = s.admin().node_add("reg")
    tap.equal(state(s, node_id), "pending")
    n = mast.Node(s, token=token)
    tap.equal(n.connect(), "register_ack")
    tap.equal(n.id, node_id)
    assert len(n.secret) == 64 and int(n.secret, 16) >= 0
    tap.equal(set(n.answer), {"type", "timestamp", "payload"})
    tap.equal(state(s, node_id), "online")
    tap.equal(bytes(s.one("SELECT secret_hash FROM mast.node_secrets WHERE "
                          "node_id = %s", node_id)),
              keyed_hash(s, "node", n.secret))
    tap.equal(messages(s, node_id, "connection"),
              ["Node registered and connected"])
    tap.equal(s.sql("SELECT reuses, used_at IS NULL FROM mast.node_tokens "
                    "WHERE node_id = %s", node_id), [(0, False)])


def test_reconnect(s):
    """id and secret let it in again, with protocol 1, 4 or none"""
    n = s.node("rec")
    for protocol in (1, 4, None):
        n.close()
        n.protocol = protocol
        tap.equal(n.connect(), "auth_ok")
        tap.equal(n.answer["payload"], {})
    tap.equal(messages(s, n.id, "compatibility"), [])


def test_odd_protocol(s):
    """A foreign protocol version is a warning, once for each version"""
    n = s.node("odd")
    for protocol in (9, 9, 4, 0):
        n.close()
        n.protocol = protocol
        tap.equal(n.connect(), "auth_ok")
    found = messages(s, n.id, "compatibility")
    tap.equal(len(found), 2, "events for 9 and 0")
    assert "version 9" in found[0] and "version 0" in found[1], found


def test_refusals(s):
    """Every wrong credential gets the same words, in both shapes"""
    n = s.node("ref")
    other = "00000000-0000-4000-8000-000000000000"
    texts = {refused(mast.Node(s, creds=c)) for c in (
        (n.id, "0" * 64), (other, n.secret), ("not-an-id", n.secret),
        (n.id, n.secret.upper()))}
    tap.equal(texts, {SAY_SECRET})
    tap.equal(refused(mast.Node(s, token="no such token")), SAY_TOKEN)
    tap.contains(refused(mast.Node(s)), "required")
    tap.equal(state(s, n.id), "online", "and the live session is not hurt")
    n.event("still here")


def test_spent_token(s):
    """A node that lost its new secret may register again, until it has
    signed in with one; each time is in the audit"""
    node_id, token = s.admin().node_add("spent")
    secrets = []
    for _ in range(3):
        n = mast.Node(s, token=token)
        tap.equal(n.connect(), "register_ack")
        tap.equal(n.id, node_id)
        secrets.append(n.secret)
        n.drop()
    tap.equal(len(set(secrets)), 3, "each time a fresh secret")
    tap.equal(s.one("SELECT count(*) FROM mast.audit WHERE action = "
                    "'node.token_reuse' AND target_id = %s", node_id), 2)
    # An earlier one is still good, and its use ends the grace.
    n = mast.Node(s, creds=(node_id, secrets[1]))
    tap.equal(n.connect(), "auth_ok")
    n.close()
    tap.equal(refused(mast.Node(s, token=token)), SAY_TOKEN)
    tap.equal(refused(mast.Node(s, creds=(node_id, secrets[0]))), SAY_SECRET)
    n = mast.Node(s, creds=(node_id, secrets[2]))
    tap.equal(n.connect(), "auth_ok", "a newer secret stays valid")


def test_grace_is_bounded(s):
    """The grace ends after a day and after a thousand times"""
    for change in ("used_at = now() - interval '25 hours'",
                   "reuses = 1000"):
        node_id, token = s.admin().node_add("bound " + change[:6])
        n = mast.Node(s, token=token)
        tap.equal(n.connect(), "register_ack")
        n.drop()
        s.sql("UPDATE mast.node_tokens SET " + change +
              " WHERE node_id = %s", node_id)
        tap.equal(refused(mast.Node(s, token=token)), SAY_TOKEN)


def test_two_secrets(s):
    """After a rotation old and new are valid; the first use of the new one
    ends the old one"""
    n = s.node("rotate")
    n.close()
    tap.equal(n.connect(), "auth_ok")
    fresh = "ab" * 32
    s.sql("INSERT INTO mast.node_secrets (node_id, secret_hash) "
          "VALUES (%s, %s)", n.id, keyed_hash(s, "node", fresh))
    n.close()
    tap.equal(n.connect(), "auth_ok", "the old one, before")
    n.close()
    tap.equal(mast.Node(s, creds=(n.id, fresh)).connect(), "auth_ok")
    tap.equal(refused(mast.Node(s, creds=(n.id, n.secret))), SAY_SECRET)


def test_new_token(s):
    """A new token leaves the old secret valid until it is used; then the
    old session ends and the old secret with it"""
    n = s.node("again")
    token = "5d2f1c9e-0000-4000-8000-%012d" % 1
    s.sql("INSERT INTO mast.node_tokens (token_hash, node_id, expires_at) "
          "VALUES (%s, %s, now() + interval '1 hour')",
          keyed_hash(s, "token", token), n.id)
    n.close()
    tap.equal(n.connect(), "auth_ok")
    new = mast.Node(s, token=token)
    tap.equal(new.connect(), "register_ack")
    tap.equal(closed(n)[0], 1000)
    tap.equal(refused(mast.Node(s, creds=(n.id, n.secret))), SAY_SECRET)
    new.close()
    tap.equal(new.connect(), "auth_ok")


def test_dead_tokens(s):
    """Expired and revoked tokens are refused like unknown ones"""
    for change in ("expires_at = now() - interval '1 s'",
                   "revoked_at = now()"):
        node_id, token = s.admin().node_add("dead " + change[:7])
        s.sql("UPDATE mast.node_tokens SET " + change +
              " WHERE node_id = %s", node_id)
        tap.equal(refused(mast.Node(s, token=token)), SAY_TOKEN)


def test_expired_node(s):
    """An expired node is told so, with good credentials only"""
    n = s.node("old")
    n.close()
    node_id, token = s.admin().node_add("old2")
    s.sql("UPDATE mast.nodes SET expires_at = now() - interval '1 s', "
          "updated_at = now() WHERE id IN (%s, %s)", n.id, node_id)
    tap.equal(refused(mast.Node(s, creds=(n.id, n.secret))),
              "the node has expired")
    tap.equal(refused(mast.Node(s, creds=(n.id, "0" * 64))), SAY_SECRET)
    tap.equal(refused(mast.Node(s, token=token)), "the node has expired")


def test_expiry_of_a_session(s):
    """Expiry ends a live session"""
    n = s.node("ends")
    s.sql("UPDATE mast.nodes SET expires_at = now() + interval '2 s', "
          "updated_at = now() WHERE id = %s", n.id)
    tap.equal(closed(n, 15), (1008, "the node has expired"))
    mast.wait_until(lambda: state(s, n.id) == "offline", 5, "offline")


def test_deletion(s):
    """Deleting a node closes its session with a reason"""
    n = s.node("gone")
    s.sql("DELETE FROM mast.nodes WHERE id = %s", n.id)
    code, why = over(n)
    tap.equal(code, 1008)
    tap.contains(why, "deleted")
    tap.equal(refused(mast.Node(s, creds=(n.id, n.secret))), SAY_SECRET)


def test_newest_wins(s):
    """A second connection replaces the first, whose end changes nothing"""
    first = s.node("twin")
    second = mast.Node(s, creds=(first.id, first.secret))
    tap.equal(second.connect(), "auth_ok")
    tap.equal(closed(first), (1000,
              "replaced by a newer connection of this node"))
    first.drop()
    second.event("alive")
    mast.wait_until(lambda: "alive" in messages(s, first.id), 5, "stored")
    tap.equal(state(s, first.id), "online")
    tap.equal(s.one("SELECT count(*) FROM mast.node_sessions "
                    "WHERE node_id = %s", first.id), 1)
    assert not [m for m in messages(s, first.id) if "disconnected" in m]


def test_clone(s):
    """Two addresses in turn raise one event that names both, and one alarm"""
    n = s.node("clone")
    creds = (n.id, n.secret)
    for i in range(12):
        twin = mast.Node(s, creds=creds)
        tap.equal(twin.connect(source="127.0.0.%d" % (2 + i % 2)), "auth_ok")
    found = mast.wait_until(lambda: messages(s, n.id, "security"), 5,
                            "the event")
    tap.equal(len(found), 1)
    assert "127.0.0.2" in found[0] and "127.0.0.3" in found[0], found
    alarm, = mast.wait_until(lambda: s.admin().get(
        "/api/v1/alarms?node_id=%s" % n.id).want(200).json, 10, "the alarm")
    tap.equal((alarm["code"], alarm["severity"], alarm["count"]),
              ("node_cloned", "critical", 1))
    tap.equal(alarm["message"], found[0])


def test_quarantine(s):
    """A node in quarantine is closed and kept out, by secret and by token;
    released, it comes back. Only good credentials are told"""
    n = s.node("held")
    path = "/api/v1/nodes/%s/quarantine" % n.id
    doc = s.admin().post(path, {"reason": "cloned?"}).want(200).json
    tap.equal(doc["quarantine"]["reason"], "cloned?")
    tap.equal(doc["quarantine"]["by"], "admin")
    tap.equal(closed(n), (1008, "the node is in quarantine"))
    n.drop()
    tap.equal(s.admin().node(n.id)["quarantine"], doc["quarantine"])
    tap.equal(refused(mast.Node(s, creds=(n.id, n.secret))),
              "the node is in quarantine")
    tap.equal(refused(mast.Node(s, creds=(n.id, "0" * 64))), SAY_SECRET)
    token = s.admin().post("/api/v1/nodes/%s/token" % n.id).want(200).json
    by_token = mast.Node(s, token=token["registration_token"])
    tap.equal(refused(by_token), "the node is in quarantine")
    s.admin().post(path, {"reason": "again"}).problem(409)
    s.admin().delete(path, headers={"If-Match": '"v1"'}).problem(412)
    tap.equal(s.admin().delete(path).want(200).json["quarantine"], None)
    s.admin().delete(path).problem(409)
    tap.equal(by_token.connect(), "register_ack")
    for body, pointer in (({}, "/reason"), ({"reason": ""}, "/reason"),
                          ({"reason": "x" * 513}, "/reason"),
                          ({"reason": "a\nb"}, "/reason"),
                          ({"reason": 1}, "/reason")):
        doc = s.admin().post(path, body).problem(422).json
        tap.contains([e["pointer"] for e in doc["errors"]], pointer)
    gone = "/api/v1/nodes/%s/quarantine" % uuid.uuid4()
    s.admin().post(gone, {"reason": "x"}).problem(404)
    tap.equal([r[0] for r in s.sql(
        "SELECT action FROM mast.audit WHERE target_id = %s AND action "
        "IN ('node.quarantine', 'node.release') ORDER BY id", n.id)],
        ["node.quarantine", "node.release"])


def rotate(s, n, status):
    return s.admin().post("/api/v1/nodes/%s/rotate-secret" % n.id).want(
        status)


def taken(n):
    """The new secret that the node was given."""
    return [a["new_secret"] for _, a in n.commands
            if a["type"] == "rotate_secret"][-1]


def hashes(s, n):
    return s.one("SELECT count(*) FROM mast.node_secrets "
                 "WHERE node_id = %s", n.id)


def test_rotation(s):
    """A new secret is valid beside the old one until it is used; not in the
    session that registered"""
    n = s.node("rotate")
    doc = rotate(s, n, 409).json
    tap.contains(doc["detail"], "has not signed in")
    tap.equal(hashes(s, n), 1)
    n.close()
    tap.equal(n.connect(), "auth_ok")
    rotate(s, n, 200)
    new, old = taken(n), n.secret
    tap.equal((len(new), hashes(s, n)), (64, 2))
    n.close()
    tap.equal(n.connect(), "auth_ok")       # it still knows the old one
    n.close()
    n.secret = new
    tap.equal(n.connect(), "auth_ok")
    tap.equal(hashes(s, n), 1)
    n.close()
    tap.equal(refused(mast.Node(s, creds=(n.id, old))), SAY_SECRET)
    text = json.dumps(s.sql("SELECT to_jsonb(c) FROM mast.commands c "
                            "WHERE node_id = %s", n.id), default=str)
    assert new not in text, "the secret stands in the journal"
    assert new not in "".join(s.log(d) for d in mast.DAEMONS)


def test_rotation_refused(s):
    """A node that does not know the command keeps its secret, and the new
    one is void; one that is away is not rotated"""
    n = s.node("old")
    n.close()
    tap.equal(n.connect(), "auth_ok")
    n.on_command = lambda c, a: {"success": False,
                                 "error": "Unknown command: rotate_secret"}
    rotate(s, n, 422)
    mast.wait_until(lambda: hashes(s, n) == 1, 5, "the new one is void")
    new = taken(n)
    n.close()
    tap.equal(refused(mast.Node(s, creds=(n.id, new))), SAY_SECRET)
    mast.wait_until(lambda: state(s, n.id) == "offline", 5, "offline")
    rotate(s, n, 502)
    mast.wait_until(lambda: hashes(s, n) == 1, 5, "the new one is void")


def test_rotation_of_a_relay(s):
    """A relay only after a restart since it registered"""
    node_id, token = s.admin().node_add("relay", "relay")
    n = mast.Node(s, token=token)
    tap.equal(n.connect(health=False), "register_ack")
    n.close()
    tap.equal(n.connect(health=False), "auth_ok")
    tap.contains(rotate(s, n, 409).json["detail"], "restarted")
    n.health({"status": "ok", "version": "0.10.6", "uptime_secs": 9000})
    mast.wait_until(lambda: s.admin().node(node_id)["last_health"], 5,
                    "health")
    tap.contains(rotate(s, n, 409).json["detail"], "restarted")
    n.health({"status": "ok", "version": "0.10.6", "uptime_secs": 0})
    mast.wait_until(lambda: s.admin().node(node_id)["last_health"][
        "uptime_secs"] == 0, 5, "the health after a restart")
    rotate(s, n, 200)


def test_lockout(s):
    """Failures lock out only that id from that address"""
    n = s.node("lock")
    n.close()

    def attempt(secret, source):
        bad = mast.Node(s, creds=(n.id, secret))
        kind = bad.connect(source=source)
        text = bad.answer.get("message")
        bad.drop()
        return kind, text
    for _ in range(30):
        tap.equal(attempt("0" * 64, "127.0.0.9"), ("auth_error", SAY_SECRET))
    kind, text = attempt(n.secret, "127.0.0.9")
    tap.equal(kind, "auth_error")
    tap.contains(text, "too many")
    tap.equal(attempt(n.secret, "127.0.0.8"), ("auth_ok", None))


def test_race(s):
    """Eight sockets with one token at once: all are answered, the token is
    consumed once, one session is left"""
    node_id, token = s.admin().node_add("race")
    racers = [mast.Node(s, token=token) for _ in range(8)]
    answers = []

    def run(n):
        try:
            answers.append(n.connect(health=False))
        except Exception as why:        # closed before the answer: replaced
            answers.append(str(why))
    threads = [threading.Thread(target=run, args=(n,)) for n in racers]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
    tap.equal(answers, ["register_ack"] * 8)
    tap.equal(s.one("SELECT reuses FROM mast.node_tokens "
                    "WHERE node_id = %s", node_id), 7)
    tap.equal(s.one("SELECT count(*) FROM mast.node_sessions "
                    "WHERE node_id = %s", node_id), 1)
    mast.wait_until(lambda: sum(n.closed is None for n in racers) == 1, 5,
                    "seven are closed")


def test_burst(s):
    """Sixty nodes at once: each is its own"""
    made = [s.admin().node_add("burst %d" % i) for i in range(60)]
    nodes = [mast.Node(s, token=t, auto=False) for _, t in made]
    before = status(s)["registered"]
    threads = [threading.Thread(target=n.connect) for n in nodes]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
    tap.equal([n.id for n in nodes], [i for i, _ in made])
    tap.equal(wait_count(s, "registered", before + 60)["registered"],
              before + 60)
    for n in nodes:
        n.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
