#!/usr/bin/python3
"""The assistant in a real browser: keys and their use, answers as they come,
proposals that are looked at, applied and undone."""
import json
import sys

import mast
import tap
import uikit
from aidstub import AidStub
from uikit import EVIL, row

KEY = "sk-test-0123456789abcdefWXYZ"


class World:
    def __init__(self, s):
        self.s = s
        self.edge = s.node("edge one")
        self.edge.config = {"version": 1, "flows": [{
            "id": "f1", "name": "Flow f1", "enabled": True, "input": {
                "type": "srt", "mode": "caller", "local_addr": "0.0.0.0:0",
                "remote_addr": "192.0.2.7:9000"}, "outputs": []}]}
        self.edge.on_command = self.act
        self.aid = AidStub(s)
        s.user_add("olga", "operator")
        s.user_add("vera", "viewer")
        self.p = uikit.Page(s)
        self.p.signin("olga", "Passw0rd-x")

    def act(self, command_id, action):
        flow = self.edge.config["flows"][0]
        if action["type"] in ("start_flow", "stop_flow"):
            flow["enabled"] = action["type"] == "start_flow"
        return {"success": True}

    def answers(self, text, **more):
        if not isinstance(text, str):
            text = json.dumps(text)
        self.aid.answer = lambda job: dict({"text": text}, **more)

    def ask(self, words, kind="generate-config", node=True):
        p = self.p
        p.choose("What for", kind, "main")
        p.choose("Provider", "openai", "main")
        p.choose("About", self.edge.id if node else "", "main")
        p.fill("Your words", words, "main")
        p.press("Send", "main")


def world(s):
    if not hasattr(s, "world"):
        s.world = World(s)
    return s.world


def toasted(p, text):
    p.until(p.says(text, "#toasts"), "told: " + text)


CARD = "[...document.querySelectorAll('.talk .proposal')].at(-1)"


def test_keys(s):
    """A key goes in, is tested, and is deleted by name"""
    w = world(s)
    p = w.p
    p.visit("/ai/settings", p.says("You have no key yet"))
    p.press("Set a key", "main")
    p.dialog("Set a key")
    p.axe("the form of a key")
    p.choose("Provider", "openai")
    p.fill("Key", "two words")
    p.press("Save", "dialog")
    p.until("document.querySelector('dialog .fault')", "the refusal")
    p.fill("Key", KEY)
    p.press("Save", "dialog")
    p.closed()
    p.until("document.querySelector('.grid tbody:not(.spacer) tr')"
            "?.innerText.includes('WXYZ')", "its row")
    assert KEY not in p.js("document.documentElement.outerHTML")
    p.looks("ai-keys")
    w.answers("ok", model="gpt-5")
    p.press("Test: openai")
    toasted(p, "The key is good")
    w.aid.answer = lambda job: {"error": 3, "status": 401, "detail": EVIL}
    p.press("Test: openai")
    toasted(p, "Test failed")
    p.harmless("the keys")
    p.quiet()


def test_stream(s):
    """An answer is shown as it comes, and can be stopped"""
    w = world(s)
    p = w.p
    p.visit("/ai/assistant", p.heading("Assistant"))
    w.aid.answer = lambda job: None
    w.ask("What is wrong?", "analyze")
    mast.wait_until(lambda: w.aid.jobs, 20, "the job")
    job = w.aid.jobs[-1]
    w.aid.chunk(job, "It is ")
    p.until(p.says("It is", ".talk"), "its beginning")
    w.aid.chunk(job, EVIL)
    p.until(p.says(EVIL, ".talk"), "more of it")
    w.aid.finish(job, {"text": "It is " + EVIL})
    p.until("!document.querySelector('main form [type=submit]').disabled",
            "the end")
    tap.equal(p.js("document.querySelector('[name=text]').value"), "")
    p.harmless("the answer")
    w.ask("And now?", "query", node=False)
    mast.wait_until(lambda: w.aid.jobs[-1] is not job, 20, "the job")
    p.press("Stop", "main")
    p.until(p.says("Stopped.", ".talk"), "stopped")
    mast.wait_until(lambda: w.aid.cancelled, 20, "the provider told")
    p.quiet([r"ERR_ABORTED"])


def test_proposal(s):
    """A proposal shows its difference, is applied step by step, undone"""
    w = world(s)
    p = w.p
    w.answers({"action": "stop_flow", "flow_id": "f1"})
    w.ask("Stop it")
    p.until(CARD + "?.innerText.includes('stop flow')", "the card")
    p.until(CARD + ".innerText.includes('Open')", "not applied")
    assert w.edge.config["flows"][0]["enabled"]
    p.looks("assistant")
    p.press("Apply", ".talk")
    p.until(CARD + ".innerText.includes('Done')", "the step", 30)
    tap.equal(w.edge.config["flows"][0]["enabled"], False)
    p.press("Undo\u2026", ".talk")
    p.until(CARD + ".innerText.includes('Undo: start flow')", "the way back")
    tap.equal(w.edge.config["flows"][0]["enabled"], False)
    p.press("Undo now", ".talk")
    p.until(CARD + ".innerText.includes('Done')", "undone", 30)
    tap.equal(w.edge.config["flows"][0]["enabled"], True)
    p.axe("what became of it")
    p.quiet()


def test_dismiss(s):
    """A proposal is dismissed, and is found again after a reload"""
    w = world(s)
    p = w.p
    w.answers({"action": "stop_flow", "flow_id": "f1"})
    w.ask("Stop it again")
    p.until(CARD + "?.innerText.includes('Dismiss')", "the card")
    p.goto("/ai/assistant")
    p.until(p.says("Recent proposals"), "the recent ones")
    p.press("Dismiss", "main")
    p.until(p.says("Dismissed"), "its state")
    p.quiet()


def test_refused(s):
    """What the provider or the check refuses is said with its reason"""
    w = world(s)
    p = w.p
    w.answers({"action": "stop_flow", "flow_id": "no-such-flow"})
    w.ask("Stop another")
    p.until("document.querySelector('.talk .fault')", "the refusal", 30)
    p.axe("a refusal")
    p.quiet()


def test_viewer(s):
    """A viewer asks, sees, and does not apply"""
    w = world(s)
    p = w.p
    p.signout()
    p.signin("vera", "Passw0rd-x")
    s.session_for("vera").post("/api/v1/ai/keys", {
        "provider": "openai", "api_key": KEY}).want(200)
    p.visit("/ai/assistant", p.heading("Assistant"))
    w.answers({"action": "stop_flow", "flow_id": "f1"})
    w.ask("Stop it")
    p.until(CARD + "?.innerText.includes('needs the role operator')",
            "why not")
    assert "Apply" not in p.js(CARD + ".innerText")
    p.visit("/ai/settings", row("OpenAI") + "||" + row("openai"))
    p.press("Delete: openai")
    p.dialog("Delete the key")
    p.type("openai")
    p.key("Enter", 13, "\r")
    p.closed()
    p.until(p.says("You have no key yet"), "gone")
    p.quiet()


def test_close(s):
    """The browser ends"""
    world(s).p.close()


if __name__ == "__main__":
    mast.main(sys.modules[__name__])
