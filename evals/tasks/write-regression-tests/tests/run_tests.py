"""Runs test_slots.py of the folder named in the arguments on the slots.py read from standard input, and says what came of it."""

import json
import os
import sys
import types
import unittest

answer = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
slots = types.ModuleType("slots")
exec(compile(sys.stdin.read(), "slots.py", "exec"), slots.__dict__)
sys.modules["slots"] = slots
sys.path.append(sys.argv.pop())  # last, so that nothing there stands in for the standard library


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.started = []

    def startTest(self, test):
        super().startTest(test)
        self.started.append(test.id())


result = Result()
unittest.defaultTestLoader.loadTestsFromName("test_slots").run(result)
said = {
    "started": sorted(result.started),
    "failed": len(result.failures) + len(result.errors),
    "not_counted": len(result.skipped) + len(result.expectedFailures) + len(result.unexpectedSuccesses),
}
answer.write(json.dumps(said))
answer.close()
os._exit(0)
