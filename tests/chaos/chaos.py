#!/usr/bin/python3
"""A chaos run: faults by the dice of a printed seed, while simulated nodes
and REST clients keep books; then, when all is quiet, the invariants.

  chaos.py [--seconds N] [--seed N] [--faults NAME,...] [--build DIR]

The order of the faults and all that clients choose follow from the seed; the
times are the machine's. Each kind of fault comes once before any comes
again."""
import argparse
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("MAST_SRC", "."), "tests",
                                "bb"))
import mast                                     # noqa: E402

import books                                    # noqa: E402
import checks                                   # noqa: E402
import faults                                   # noqa: E402

QUEUE_ROWS = 2000
KINDS = ("edge", "edge-old", "relay")
WORK = ((12, "node"), (8, "rename"), (3, "remove"), (1, "user"), (10, "ack"),
        (14, "command"), (14, "queue"), (3, "cancel"))


def say(text):
    print("# " + text, flush=True)


class Run:
    """One installation with its fleets and clients."""

    queue_rows = QUEUE_ROWS
    stock_rate = 30

    def __init__(self, seed=None, nodes=9, clients=4, build=mast.BUILD):
        self.seed = random.randrange(10**6) if seed is None else seed
        say("seed %d" % self.seed)
        self.s = faults.Machine(build=build, settings=(
            "hubd.queue_rows=%d" % QUEUE_ROWS, "hubd.audit_seal_secs=5"))
        self.died, self.tokens, self.unsettled = [], [], []
        self.rng = random.Random(self.seed)
        self.kinds = {}
        self.numbered = self.fleet(nodes, ("edge", "edge-old"), 60,
                                   "--number-events", "--ack-ms", 200)
        self.stock = self.fleet(nodes, KINDS, self.stock_rate)
        self.sims = [self.numbered, self.stock]
        self.witnesses = [self.witness(i) for i in range(2)]
        self.wait_fleet()
        self.targets = [w.id for w in self.witnesses] * 3 + sorted(
            n for sim in self.sims for n, kind in self.kinds.items()
            if kind != "relay")
        time.sleep(1)
        self.baseline = checks.usage(self.s)
        self.clients = [self.client(i) for i in range(clients)]

    def fleet(self, n, kinds, rate, *options):
        creds, admin = "", self.s.admin()
        for i in range(n):
            kind = kinds[i % len(kinds)]
            node, token = admin.node_add("fleet", "relay" if kind == "relay"
                                         else "edge")
            self.kinds[node] = kind
            self.tokens.append(token)
            creds += "token %s %s\n" % (token, kind)
        return mast.Sim(self.s, "--events", rate, "--stats-ms", 1000,
                        "--reconnect", "old", *options, creds=creds)

    def witness(self, i):
        node, token = self.s.admin().node_add("witness %d" % i)
        self.tokens.append(token)
        w = books.Witness(self.s, token=token).online()
        w.keeper.start()
        return w

    def client(self, i):
        self.s.user_add("chaos-%d" % i, "admin")
        work = WORK + (((6, "settings"),) if i == 0 else ())
        return books.Client(self.s, i, random.Random(
            "%d %d" % (self.seed, i)), self.targets, work)

    # ---- conditions

    def wait_fleet(self):
        mast.wait_until(lambda: all(
            sim.report().get("online") == sim.report().get("nodes", -1)
            for sim in self.sims) and all(
            w.closed is None for w in self.witnesses), 45,
            "the whole fleet is online", 0.1)

    def all_read(self):
        """Stock nodes send no events any more, and the hub has read those
        that they sent: each socket was seen empty since."""
        last, pending = [None], []

        def silent():
            self.stock.say("report")
            now = self.stock.report()
            now = now.get("bytes_out"), now.get("events")
            if last[0] is None or now[0] != last[0][0]:
                last[0], was = now, last[0]
                return was is not None and was[1] == now[1]
            return False

        def empty():
            queues = self.unread()
            if not pending:
                pending.append(set(queues))
            pending[0] -= {k for k in pending[0] if not queues.get(k)}
            return not pending[0]
        mast.wait_until(silent, 20, "stock nodes are silent", 0.1)
        mast.wait_until(empty, 20, "stock events are read", 0.05)

    def unread(self):
        """Remote end: bytes that wait in the hub's receive queue."""
        with open("/proc/net/tcp") as f:
            rows = [line.split() for line in f.readlines()[1:]]
        return {r[2]: int(r[4].split(":")[1], 16) for r in rows
                if r[3] == "01" and
                int(r[1].split(":")[1], 16) == self.s.node_port}

    def watch(self):
        """What has ended without being told to."""
        for name in mast.DAEMONS:
            if name not in self.s.down and not mast.alive(self.s.pids[name]):
                self.died.append("%s ended by itself" % name)
                self.s.start(name, wait=False)

    # ---- the run

    def faults(self, names):
        """All once in a random order, then any, for ever."""
        names = sorted(names)
        self.rng.shuffle(names)
        yield from names
        while True:
            yield self.rng.choice(names)

    def shake(self, seconds, names=None):
        for c in self.clients:
            c.start()
        end = time.monotonic() + seconds
        done = 0
        for name in self.faults(names or faults.FAULTS):
            if done >= len(names or faults.FAULTS) and \
                    time.monotonic() > end or \
                    time.monotonic() > end + seconds * mast.PATIENCE:
                break
            begin = time.monotonic()
            faults.FAULTS[name](self, random.Random(
                "%d %d" % (self.seed, done)))
            self.s.wait_ready(60)
            self.watch()
            done += 1
            say("%6.1f s  %-24s ready after %.1f s" % (
                seconds - (end - begin), name, time.monotonic() - begin))
            time.sleep(self.rng.uniform(0.3, 1.2))
        return done

    def soon(self, wait):
        """A condition of quiet; what does not come is a finding."""
        try:
            wait()
        except AssertionError as why:
            self.unsettled.append(str(why))

    def settle(self):
        """Quiet: nobody begins anything, all that was begun is done."""
        for c in self.clients:
            c.enough.set()
        for c in self.clients:
            c.settle(5)
        for sim in self.sims:
            sim.say("pause")
        self.soon(self.wait_fleet)
        self.renamed = {e.data["id"] for e in checks.entries(self, "rename")}
        self.removed = {e.data["id"] for e in checks.entries(self, "remove")
                        if e.outcome != books.REFUSED}
        for sim in self.sims:
            self.soon(sim.written)
        self.soon(self.all_read)
        self.read_books()
        all_of = checks.entries(self, *{e.what for c in self.clients
                                        for e in c.entries})
        say("%d requests wanted: %s; %d events, %d commands" % (
            len(all_of), ", ".join("%d %s" % (
                sum(e.outcome == o for e in all_of), o) for o in (
                    books.ACKED, books.REFUSED, books.UNKNOWN)),
            sum(len(v) for b in self.ledgers for v in b.sent.values()),
            sum(b.commands.total() for b in self.ledgers) +
            sum(len(w.commands) for w in self.witnesses)))

    def read_books(self):
        self.books = {sim: books.Ledger(sim.ledger()) for sim in self.sims}
        self.ledgers = list(self.books.values())


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seconds", type=float, default=600)
    p.add_argument("--seed", type=int)
    p.add_argument("--faults", help="only these, with commas")
    p.add_argument("--build", default=mast.BUILD)
    o = p.parse_args()
    names = o.faults and o.faults.split(",")
    for name in names or ():
        if name not in faults.FAULTS:
            p.error("no fault %s; there are: %s" % (
                name, " ".join(faults.FAULTS)))
    run = Run(o.seed, build=os.path.abspath(o.build))
    wrong = []
    try:
        run.shake(o.seconds, names)
        run.settle()
        for name, title, rows in checks.judge(run):
            print("%s %s: %s" % ("not ok" if rows else "ok", name, title),
                  flush=True)
            if rows:
                wrong.append(name)
                checks.show(name, title, rows)
    except AssertionError as why:
        wrong.append("run")
        print("not ok run: %s%s" % (why, run.s.logs(20)))
    finally:
        for fault in run.s.stop():
            wrong.append("leftovers")
            print("not ok leftovers: %s" % fault)
    say("seed %d: %s" % (run.seed, "violated: " + " ".join(wrong) if wrong
                         else "all invariants hold"))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
