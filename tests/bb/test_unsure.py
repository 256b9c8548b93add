#!/usr/bin/python3
"""Commands at the moments that nobody sees: a claim that was committed and
whose answer got lost, a node that leaves before anything was sent, many who
ask one question at once, nodes that remember what they were told."""
import random
import signal
import sys
import threading
import time

import mast
import tap
from hubkit import kill_postgres, status, wait_count
from test_flows import EMPTY, INLINE
from test_journal import (Books, action, away, back, load, one, queue, send,
                          settled)

GET = {"type": "get_config"}


# ---- claims whose answer is lost

def set_sync(s, on):
    """While it is on, a commit is made and its answer held back."""
    s.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'" if on else
          "ALTER SYSTEM RESET synchronous_standby_names")
    s.sql("SELECT pg_reload_conf()")


def claims_held(s):
    return [r[0] for r in s.sql(
        "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND "
        "query LIKE '%%head AS (SELECT c.id, c.node_id, own.epoch%%' AND %s",
        True)]


def lost_claim(s, nodes, cut):
    """Each node has two that wait; the claim of the first ones is committed,
    and cut() is called before the hub hears of it."""
    ids = {n: [queue(s.admin(), n.id, action("f%d" % i)) for i in range(2)]
           for n in nodes}
    lock = s.connect_db()
    lock.autocommit = False
    lock.cursor().execute(
        "SELECT 1 FROM mast.commands WHERE state = 'queued' FOR UPDATE")
    for n in nodes:
        n.commands.clear()
        tap.equal(n.connect(), "auth_ok")
    set_sync(s, True)
    lock.close()
    pids = mast.wait_until(lambda: claims_held(s), 20, "a claim is held")
    tap.equal([n.commands for n in nodes], [[]] * len(nodes))
    cut(pids)
    for n in nodes:
        for i in ids[n]:
            tap.equal(settled(s.admin(), n.id, i)["state"], "acked")
        tap.equal([i for i, _ in n.commands], ids[n], "once, in order")
        n.close()
    mast.wait_until(lambda: s.one(
        "SELECT count(*) FROM mast.node_sessions WHERE node_id = ANY(%s::"
        "uuid[])", [n.id for n in nodes]) == 0, 20, "they are away")


def test_claim_unanswered(s):
    """A connection breaks between commit and answer: put back, sent once"""
    nodes = [away(s, "us-lost-%d" % i) for i in range(3)]

    def cut(pids):
        s.sql("SELECT pg_terminate_backend(p) FROM unnest(%s) p", pids)
        set_sync(s, False)
    for _ in range(5):
        before = status(s)["commands_put_back"]
        lost_claim(s, nodes, cut)
        after = status(s)
        assert after["commands_put_back"] >= before + 1, {
            k: v for k, v in after.items() if k.startswith("commands_")}


def test_claim_postgres_killed(s):
    """PostgreSQL is killed at that moment: the same"""
    nodes = [away(s, "us-killed-%d" % i) for i in range(2)]

    def cut(pids):
        s.sql("ALTER SYSTEM RESET synchronous_standby_names")
        kill_postgres(s)
        s.start_postgres()
    for _ in range(3):
        lost_claim(s, nodes, cut)


def test_connections_cut(s):
    """hubd's connections cut all the time: nothing lost, twice or unknown"""
    books = Books(s, "us-cut")
    s.user_add("us-oper", "operator")
    stop = threading.Event()
    threads = load(books, s.session_for("us-oper"), stop, queue=True, ttl=300)
    rnd = random.Random(4)
    end = time.monotonic() + 12
    cuts = 0
    while time.monotonic() < end:
        cuts += s.one("SELECT count(pg_terminate_backend(pid)) FROM "
                      "pg_stat_activity WHERE usename = '_mast_hubd'")
        time.sleep(rnd.random() * 0.8)  # the moment is to be any
    stop.set()
    for t in threads:
        t.join()
    states = books.check()
    tap.equal(set(states), {"acked"}, "%d cuts: %s" % (cuts, states))
    assert states["acked"] > 10 and cuts > 10, (states, cuts)
    books.close()


# ---- nothing was sent

def test_left_before_its_configuration(s):
    """A flow that hangs on the node's configuration waits for its return"""
    n = away(s, "us-left")
    n.config = None                     # does not answer
    cid = queue(s.admin(), n.id, {"type": "create_flow", "flow": INLINE})
    behind = queue(s.admin(), n.id, action("behind"))
    tap.equal(n.connect(), "auth_ok")
    mast.wait_until(lambda: [a for _, a in n.commands] == [GET], 10,
                    "the hub has asked")
    tap.equal(one(s.admin(), n.id, cid)["state"], "sent")
    n.close()
    mast.wait_until(lambda: one(s.admin(), n.id, cid)["state"] == "queued",
                    10, "it waits again")
    n.config = EMPTY
    n.commands.clear()
    tap.equal(n.connect(), "auth_ok")
    tap.equal(settled(s.admin(), n.id, cid)["state"], "acked")
    tap.equal(settled(s.admin(), n.id, behind)["state"], "acked")
    tap.equal([a["type"] for _, a in n.commands if a != GET],
              ["create_input", "create_output", "create_output",
               "create_flow", "start_flow"])
    n.close()


# ---- one question

def ask(s, node, k, out):
    out[k] = send(s.admin(), node.id, GET)


def test_single_flight(s):
    """Twenty ask for one configuration: the node is asked once"""
    n = s.node("us-flight")
    n.config = None
    out = {}
    threads = [threading.Thread(target=ask, args=(s, n, k, out))
               for k in range(20)]
    for t in threads:
        t.start()
    mast.wait_until(lambda: s.one(
        "SELECT count(*) FROM mast.commands WHERE node_id = %s AND state = "
        "'sent'", n.id) == 20, 10, "twenty are sent")
    tap.equal([a for _, a in n.commands], [GET], "one question")
    n.ack(n.commands[0][0])             # as gateways do
    n.send("config_response", {"version": 2, "mark": "m"})
    for t in threads:
        t.join()
    tap.equal([r.want(200).json["data"] for r in out.values()],
              [{"version": 2, "mark": "m"}] * 20)
    tap.equal(len({r.json["command_id"] for r in out.values()}), 20)
    for r in out.values():
        tap.equal(settled(s.admin(), n.id, r.json["command_id"])["state"],
                  "acked")
    # The next one is a question of its own; one behind a change too.
    n.commands.clear()
    n.on_command = lambda i, a: {}
    first = threading.Thread(target=ask, args=(s, n, 1, out))
    first.start()
    mast.wait_until(lambda: len(n.commands) == 1, 10, "asked")
    send(s.admin(), n.id, action()).want(200)
    second = threading.Thread(target=ask, args=(s, n, 2, out))
    second.start()
    mast.wait_until(lambda: [a["type"] for _, a in n.commands] == [
        "get_config", "start_flow", "get_config"], 10, "asked again")
    n.send("config_response", EMPTY)
    first.join()
    second.join()
    out[1].want(200)
    out[2].want(200)
    n.close()


def test_single_refusal(s):
    """A refusal is everybody's"""
    n = s.node("us-refused")
    n.config = None
    out = {}
    threads = [threading.Thread(target=ask, args=(s, n, k, out))
               for k in range(5)]
    for t in threads:
        t.start()
    mast.wait_until(lambda: s.one(
        "SELECT count(*) FROM mast.commands WHERE node_id = %s AND state = "
        "'sent'", n.id) == 5, 10, "all are sent")
    n.ack(n.commands[0][0], success=False, error="no", error_code="E")
    for t in threads:
        t.join()
    for r in out.values():
        tap.equal(r.problem(422).json["error_code"], "E")
        tap.equal(settled(s.admin(), n.id, r.json["command_id"])["state"],
                  "failed")
    n.close()


# ---- nodes that remember

def remembering(s, name):
    n = away(s, name)
    n.dedupe = True
    tap.equal(n.connect(), "auth_ok")
    return n


def silent(i, a):
    return None                         # done, and not answered


def in_flight(s, n, **more):
    """The id of a command that the node has done and not answered."""
    n.commands.clear()
    n.on_command = silent
    t = threading.Thread(target=lambda: send(
        s.admin(), n.id, action(), **more), daemon=True)
    t.start()
    mast.wait_until(lambda: n.commands, 10, "it is in flight")
    n.on_command = lambda i, a: {}
    return n.commands[0][0], t


def test_remembered(s):
    """Unknown after a lost session or hub, acked from the node's memory"""
    n = remembering(s, "us-memory")
    for k, lose in enumerate((n.drop, lambda: s.kill("hubd"))):
        cid, t = in_flight(s, n, queue=True, ttl=300)
        later = queue_behind(s, n)
        lose()
        if "hubd" in s.down:
            s.start("hubd")
        back(n)
        tap.equal(settled_as(s, n, cid, "acked")["error"], None)
        tap.equal(settled_as(s, n, later, "acked")["state"], "acked")
        tap.equal(n.repeats, [cid])
        tap.equal([i for i, _ in n.commands], [cid, later], "done once")
        n.repeats.clear()
        t.join()
    wait_count(s, "commands_again", 1)
    n.close()


def queue_behind(s, n):
    r = s.sql("SELECT count(*) FROM mast.commands WHERE node_id = %s AND "
              "state = 'queued'", n.id)
    tap.equal(r[0][0], 0)
    out = {}

    def post():
        out["r"] = send(s.admin(), n.id, action("behind"), queue=True)
    threading.Thread(target=post, daemon=True).start()
    return mast.wait_until(lambda: s.sql(
        "SELECT id FROM mast.commands WHERE node_id = %s AND state = "
        "'queued'", n.id), 10, "another waits")[0][0]


def settled_as(s, n, cid, state):
    return mast.wait_until(lambda: (lambda d: d["state"] == state and d)(
        one(s.admin(), n.id, cid)), 20, "%s is %s" % (cid, state))


def test_not_remembered(s):
    """Not again: stock nodes, past its time, without the rights, as steps"""
    n = remembering(s, "us-strict")
    s.user_add("us-gone", "operator")
    gone = s.session_for("us-gone")
    n.config = EMPTY
    n.commands.clear()
    n.on_command = silent
    ids = []
    for session, act, more in (
            (gone, action("rights"), {}),
            (s.admin(), {"type": "create_flow", "flow": INLINE}, {}),
            (s.admin(), action("late"), {}), (s.admin(), action("good"), {})):
        threading.Thread(target=send, args=(session, n.id, act),
                         daemon=True).start()
        ids.append(mast.wait_until(lambda: [
            i for i, a in n.commands if a != GET and i not in ids], 10,
            "in flight")[0])
    s.sql("UPDATE mast.users SET is_active = false WHERE username = %s",
          "us-gone")
    s.sql("UPDATE mast.commands SET expires_at = now() WHERE id = %s", ids[2])
    s.sql("UPDATE mast.commands SET expires_at = now() + interval '1 hour' "
          "WHERE id = ANY(%s::uuid[]) AND id <> %s", ids, ids[2])
    n.drop()
    n.on_command = lambda i, a: {}
    back(n)
    settled_as(s, n, ids[3], "acked")
    tap.equal([one(s.admin(), n.id, i)["state"] for i in ids],
              ["unknown"] * 3 + ["acked"])
    tap.equal(n.repeats, [ids[3]])
    # A node that never promised it, and one that promises it too late.
    stock = s.node("us-stock")
    cid, _ = in_flight(s, stock, queue=True, ttl=300)
    stock.close()
    settled_as(s, stock, cid, "unknown")
    stock.dedupe = True
    back(stock)
    tap.equal(send(s.admin(), stock.id, action("x")).want(200).status, 200)
    tap.equal([i for i, _ in stock.commands].count(cid), 1)
    tap.equal(one(s.admin(), stock.id, cid)["state"], "unknown")
    stock.close()
    n.close()


def test_simulator_remembers(s):
    """hubd killed with commands of a whole fleet in flight: all end acked"""
    tokens = dict(s.admin().node_add("us-sim-%d" % i) for i in range(20))
    sim = mast.Sim(s, "--dedupe", "--ack-ms", 1500, "--stats-ms", 0, creds="".join(
        "token %s edge\n" % t for t in tokens.values()))
    mast.wait_until(lambda: sim.report().get("online") == 20, 20, "online")
    r = s.admin().post("/api/v1/commands", {
        "action": action("sim"), "node_ids": list(tokens), "queue": True,
        "ttl": 300}).want(202)
    ids = {x["command_id"]: x["node_id"] for x in r.json["results"]}
    mast.wait_until(lambda: sim.report().get("commands", 0) >= 20, 20,
                    "all in flight")
    s.kill("hubd")
    s.start("hubd")
    mast.wait_until(lambda: s.one(
        "SELECT count(*) FROM mast.commands WHERE state = 'acked' AND id = "
        "ANY(%s::uuid[])", list(ids)) == 20, 60, "all are acked")
    report = sim.stop()
    assert report["commands_again"] >= 1, report
    lines = [x.split() for x in sim.ledger()]
    ran = [x[2] for x in lines if x[0] == "command"]
    tap.equal(sorted(ran), sorted(ids), "each was done once")


# ---- the end of a hub

def test_sign_off_again(s):
    """hubd signs off although partitions are made in that moment"""
    s.kill("hubd", signal.SIGTERM)
    s.start("hubd")
    s.sql("CREATE SEQUENCE public.us_tries")
    s.sql("GRANT USAGE ON SCHEMA public TO _mast_hubd")
    s.sql("GRANT USAGE ON SEQUENCE public.us_tries TO PUBLIC")
    s.sql("""
CREATE FUNCTION public.us_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.message LIKE 'The hub stopped in order%' AND
	    nextval('public.us_tries') <= 3 THEN
		RAISE EXCEPTION 'new row violates partition constraint'
		    USING ERRCODE = '23514';
	END IF;
	RETURN NEW;
END $$""")
    s.sql("CREATE TRIGGER us_refuse BEFORE INSERT ON mast.events FOR EACH ROW "
          "EXECUTE FUNCTION public.us_refuse()")
    hub = s.one("SELECT id FROM mast.hubs WHERE stopped_at IS NULL")
    tap.equal(s.kill("hubd", signal.SIGTERM), 0)
    s.sql("DROP TRIGGER us_refuse ON mast.events")
    tap.equal(s.one("SELECT last_value FROM public.us_tries"), 4)
    tap.equal(s.one("SELECT count(*) FROM mast.events WHERE hub_id = %s AND "
                    "message LIKE 'The hub stopped in order%%'", hub), 1)
    tap.equal(s.one("SELECT stopped_at IS NOT NULL FROM mast.hubs WHERE id = "
                    "%s", hub), True)
    assert "cannot sign off" not in s.log("hubd")
    s.start("hubd")


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
