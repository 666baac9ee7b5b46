"""A listener that keeps what it is told."""

from omentum.progress import SilentProgress


class Recorder(SilentProgress):
    """Keeps every call as (method, arguments)."""

    def __init__(self):
        self.calls = []

    def progress(self, done, of, *, worked=True):
        self.calls.append(("progress", (done, of, worked)))

    def say(self, kind, message):
        self.calls.append(("say", (kind, message)))

    def note(self, message):
        self.calls.append(("note", (message,)))

    def reading(self, collection, done, of):
        self.calls.append(("reading", (collection, done, of)))

    def event(self, kind, figures):
        self.calls.append(("event", (kind, figures)))

    def of(self, method):
        """Arguments of all calls of one method, in order."""
        return [arguments for called, arguments in self.calls if called == method]
