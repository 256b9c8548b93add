"""What a chaos run does to an installation. Each fault ends with everything
running again; the driver then waits until it is ready."""
import contextlib
import os
import shutil
import signal
import struct
import time

import mast
from hubkit import kill_postgres

SHIM = "mast-chaos-shim.so"
# Loaded first, and without the quarantine that looks like a leak.
ASAN = ":verify_asan_link_order=0:quarantine_size_mb=4"
NO_SPACE = "No space left on device"


class Machine(mast.Suite):
    """An installation whose clock and disk can be made wrong."""

    def __init__(self, **kw):
        super().__init__(**kw)
        self.preload = os.path.join(self.dir, SHIM)
        self.fault_file = os.path.join(self.dir, "faults")
        self.clock_ns = self.full = 0
        shutil.copyfile(self.program(SHIM), self.preload)
        os.chmod(self.preload, 0o644)
        self.machine()
        os.chmod(self.fault_file, 0o644)
        # Once again, now as part of the machine.
        for name in mast.DAEMONS:
            self.kill(name, signal.SIGTERM)
        kill_postgres(self)
        self.start_postgres(wait=False)
        for name in mast.DAEMONS:
            self.start(name, wait=False)
        self.wait_ready(60)

    def machine(self, clock=None, full=None):
        """Sets the offset of the clock in seconds, whether the disk is
        full. The processes have the file mapped: written in place."""
        if clock is not None:
            self.clock_ns = int(clock * 1e9)
        if full is not None:
            self.full = int(full)
        fd = os.open(self.fault_file, os.O_WRONLY | os.O_CREAT, 0o644)
        os.write(fd, struct.pack("=qq", self.clock_ns, self.full))
        os.close(fd)

    @contextlib.contextmanager
    def inside(self):
        """Processes that are started in here belong to the machine."""
        asan = os.environ.get("ASAN_OPTIONS", "")
        os.environ.update(LD_PRELOAD=self.preload,
                          MAST_CHAOS_FAULTS=self.fault_file,
                          ASAN_OPTIONS=asan + ASAN)
        try:
            yield
        finally:
            del os.environ["LD_PRELOAD"], os.environ["MAST_CHAOS_FAULTS"]
            os.environ["ASAN_OPTIONS"] = asan

    def start(self, *args, **kw):
        kw, wait = dict(kw, wait=False), kw.get("wait", True)
        with self.inside():
            proc = super().start(*args, **kw)
        if wait:
            self.wait_ready()
        return proc

    def start_postgres(self, wait=True):
        with self.inside():
            super().start_postgres(wait=False)
        if wait:
            self.wait_ready()

    def postmaster(self):
        """Its pid, or None when there is no server."""
        try:
            with open(os.path.join(self.state, "db", "postmaster.pid")) as f:
                pid = int(f.readline())
        except (FileNotFoundError, ValueError):
            return None
        return pid if mast.alive(pid) else None

    def postgres_family(self):
        pid = self.postmaster()
        return [pid] + [int(p) for p in os.listdir("/proc") if p.isdigit()
                        and self._parent(int(p)) == pid] if pid else []


# ---- each takes the run (chaos.Run) and its random numbers

def kill_hubd(run, rng):
    run.s.kill("hubd")
    time.sleep(rng.uniform(0, 0.5))
    run.s.start("hubd", wait=False)


def kill_apid(run, rng):
    run.s.kill("apid")
    time.sleep(rng.uniform(0, 0.5))
    run.s.start("apid", wait=False)


def kill_aid(run, rng):
    run.s.kill("aid")
    run.s.start("aid", wait=False)


def kill_postgres_only(run, rng):
    kill_postgres(run.s)
    time.sleep(rng.uniform(0, 1.5))
    run.s.start_postgres(wait=False)


def flood_without_postgres(run, rng):
    """More events than the hub may keep while the database is away."""
    kill_postgres(run.s)
    run.stock.say("events %d" % (run.queue_rows + 1000))
    time.sleep(rng.uniform(1.5, 2.5))
    run.s.start_postgres(wait=False)


def kill_hubd_and_postgres(run, rng):
    names = ["hubd", "postgres"]
    rng.shuffle(names)
    for name in names:
        kill_postgres(run.s) if name == "postgres" else run.s.kill(name)
    rng.shuffle(names)
    for name in names:
        if name == "postgres":
            run.s.start_postgres(wait=False)
        else:
            run.s.start(name, wait=False)
        time.sleep(rng.uniform(0, 0.5))


def stop_hubd(run, rng):
    pause(run, [run.s.pids["hubd"]], rng.uniform(0.5, 4))


def stop_apid(run, rng):
    pause(run, [run.s.pids["apid"]], rng.uniform(0.5, 4))


def stop_postgres(run, rng):
    pause(run, run.s.postgres_family(), rng.uniform(0.5, 3))


def pause(run, pids, seconds):
    for sig in (signal.SIGSTOP, signal.SIGCONT):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sig)
        if sig == signal.SIGSTOP:
            time.sleep(seconds)


def stop_and_kill_hubd(run, rng):
    os.kill(run.s.pids["hubd"], signal.SIGSTOP)
    time.sleep(rng.uniform(0.2, 1))
    kill_hubd(run, rng)


def cut_nodes(run, rng):
    """Resets under load for those who number their events. What a stock
    node has sent and nobody has read is lost with its socket, and no hub
    can know: those are quiet while they are cut."""
    run.numbered.say("reset")
    run.stock.say("rate 0")
    run.all_read()
    run.stock.say("reset")
    run.stock.say("rate %g" % run.stock_rate)


def cut_database(run, rng):
    """Every connection of the daemons to PostgreSQL is cut."""
    run.s.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
              "WHERE usename IN ('_mast_apid', '_mast_hubd')")


def disk_full(run, rng):
    """PostgreSQL may even end by it; it is started again with space."""
    before = run.s.log("postgres").count(NO_SPACE)
    run.s.machine(full=True)
    mast.wait_until(lambda: run.s.log("postgres").count(NO_SPACE) > before,
                    20, "the disk is full", 0.1)
    time.sleep(rng.uniform(0.5, 2))
    run.s.machine(full=False)
    if run.s.postmaster() is None:
        run.s.start_postgres(wait=False)


def clock_jump(run, rng):
    """Forward or back, by seconds or hours, and right again. Nothing is
    killed meanwhile, so that the times in the books can be compared."""
    run.s.machine(clock=rng.choice((-7200, -30, 30, 7200)))
    time.sleep(rng.uniform(1, 3))
    run.s.machine(clock=0)


FAULTS = {f.__name__: f for f in (
    kill_hubd, kill_apid, kill_aid, kill_postgres_only,
    flood_without_postgres, kill_hubd_and_postgres, stop_hubd, stop_apid,
    stop_postgres, stop_and_kill_hubd, cut_nodes, cut_database, disk_full,
    clock_jump)}
