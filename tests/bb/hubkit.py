"""What the suites of the hub share: its counters, new tokens, raw doors."""
import hashlib
import json
import os
import socket
import struct

import ipcraw
import mast
import ws


def status(s):
    """The hub's own figures, from its control socket."""
    r = ipcraw.Raw(os.path.join(s.run_dir, "hubd.ctl"))
    try:
        r.greet(ipcraw.CTL)
        r.send(ipcraw.pack(ipcraw.STATUS))
        return json.loads(r.recv()[3][4:])
    finally:
        r.close()


def wait_count(s, name, least, timeout=10):
    return mast.wait_until(lambda: status(s)[name] >= least and status(s),
                           timeout, "%s reaches %d" % (name, least))


def state(s, node_id):
    return s.one("SELECT status::text FROM mast.node_state "
                 "WHERE node_id = %s", node_id)


def messages(s, node_id, category=None):
    return [r[0] for r in s.sql(
        "SELECT message FROM mast.events WHERE node_id = %s AND "
        "(%s::text IS NULL OR category = %s) ORDER BY id",
        node_id, category, category)]


def refused(node):
    """The text of an auth_error in both its shapes, and the Close after."""
    assert node.connect() == "auth_error", node.answer
    text = node.answer["message"]
    assert node.answer["payload"] == {"error": text, "message": text}
    try:
        node.ws.recv()
        raise AssertionError("not closed after auth_error")
    except ws.Closed as why:
        assert why.code == 1008, why
    node.drop()
    return text


def closed(node, timeout=10):
    """Close code and reason that the server gave a live node."""
    if node.auto:
        why = mast.wait_until(lambda: node.closed, timeout, "it is closed")
    else:
        try:
            while True:
                node.ws.recv(timeout * mast.PATIENCE)
        except ws.Closed as c:
            why = c
    return why.code, why.reason


def over(node, timeout=20):
    """Close code and reason of a session that is over, which the hub learns
    with one of its next rows about the node."""
    def talk():
        try:
            node.stats()
        except OSError:
            pass                # it was closed just now
        return node.closed
    why = mast.wait_until(talk, timeout, "its end", 0.5)
    return why.code, why.reason


def server_key(s):
    with open(os.path.join(s.state, "lib", "server.key"), "rb") as f:
        return f.read()


def keyed_hash(s, purpose, text):
    """secret_hash() of common/secret.c."""
    sub = hashlib.blake2b(b"mastkeeper hash\0" + purpose.encode(),
                          key=server_key(s), digest_size=32).digest()
    return hashlib.blake2b(text.encode(), key=sub, digest_size=32).digest()


def proxy_v2(src, dst="127.0.0.1", sport=40000, dport=8443):
    return (b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack(">H", 12) +
            socket.inet_aton(src) + socket.inet_aton(dst) +
            struct.pack(">HH", sport, dport))


def read_all(node):
    """Everything sent before this has been read by the hub: it answers
    protocol pings in order."""
    mark = os.urandom(8)
    if not node.auto:
        node.ws.send(ws.PING, mark)
        while True:
            op, _, payload = node.ws.recv_frame(10)
            if op == ws.PONG and payload == mark:
                return
    raise AssertionError("only for nodes that are read by the test")


def events_of(s, node_id, category="test"):
    """How often each numbered event of a node is stored."""
    out = {}
    for n, in s.sql("SELECT message FROM mast.events WHERE node_id = %s "
                    "AND category = %s", node_id, category):
        out[int(n)] = out.get(int(n), 0) + 1
    return out




def kill_postgres(s):
    """Until the process is reaped too: PostgreSQL counts a zombie of its
    predecessor as alive and would not start."""
    with open(os.path.join(s.state, "db", "postmaster.pid")) as f:
        pid = int(f.readline())
    s.kill_postgres()
    mast.wait_until(lambda: not os.path.exists("/proc/%d" % pid), 30,
                    "the old postmaster is reaped")
