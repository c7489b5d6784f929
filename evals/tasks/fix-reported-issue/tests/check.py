"""Asks the agent's package about many routers and compares with a model: what the issue changes (fail to pass), and what
worked before and has to go on working (pass to pass). The package runs in another process; most routers are new in each run."""

import ctypes
import json
import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

sys.path.append("/tests")
from model import answers, flat

SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: what the package leaves behind becomes a child of this process
FIXED, PARAMETERS = ["x", "new"], ["<p>", "<q>", "<int:n>"]
MIXED = ["x<p>", "<p>.y", "x<int:n>", "<p>-<q>", "ne<q>", "<int:n>.<p>", "<p><int:n>"]
TEXTS = ["x", "new", "12", "x.y", "x7", "007", "a%2Fb", "x-y-z", "3.y", "", "n%65w", "%D9%A3"]
FILLED = {"<p>": TEXTS, "<q>": TEXTS, "<int:n>": ["12", "007"], "<path:rest>": ["x", "12", "new/x", "x/12/new"]}


class Wrong(Exception):
    """What is wrong with the package."""


def segment():
    return random.choice([random.choice(FIXED), random.choice(FIXED), random.choice(PARAMETERS), random.choice(MIXED)])


def pattern(longest):
    text = "".join(f"/{segment()}" for _ in range(random.randint(1, longest)))
    return text + random.choice(["", "", "", "", "/<path:rest>", "/"])


def path(world):
    """One that fits a route, or nearly: what stands for a parameter may be what is another route's text."""
    known = [text for text, *_ in flat(world, "a")]
    if not known or random.random() < 0.1:
        return "".join(f"/{random.choice(TEXTS)}" for _ in range(random.randint(1, 4)))
    return re.sub(r"<[^>]*>", lambda it: random.choice(FILLED[it[0]]), random.choice(known))


def scenario():
    """Three routers, one in another, filled and asked in turns."""
    steps, world, number = [], {}, 0
    for _ in range(random.randint(6, 14)):
        router = random.choice("aaabbc")
        entries = world.setdefault(router, [])
        kind = random.random()
        if kind < 0.15 and router != "c":
            prefix = "".join(f"/{segment()}" for _ in range(random.randint(1, 2)))
            entries.append(["mount", prefix, "b" if router == "a" else "c", random.choice([None, "m"])])
        elif kind < 0.2 and entries:
            steps.append(["remove", router, random.choice(entries)[1]])
            world[router] = [entry for entry in entries if entry[1] != steps[-1][2]]
            continue
        else:
            number += 1
            methods = random.choice([["GET"], ["GET"], ["POST"], ["GET", "PUT"], ["HEAD"]])
            says = random.choice([None, None, None, True, False])
            entries.append(["add", pattern(2), f"h{number}", methods, random.choice([None, "i", "j"]), says])
        steps.append([entries[-1][0], router, *entries[-1][1:]])
        for _ in range(4):
            steps.append(["match", "a", random.choice(["GET", "GET", "POST", "HEAD", "DELETE"]), path(world)])
    steps.append(["routes", "a"])
    for name in ("i", "m:i", "m:m:j"):
        names = random.sample(["p", "q", "n", "rest"], random.randint(0, 3))
        steps.append(["url", "a", name, {it: random.choice([5, "a/b", "x y"]) for it in names}])
    return steps


def add(router, text, handler, methods=("GET",), name=None, says=None):
    return ["add", router, text, handler, list(methods), name, says]


def get(path, method="GET"):
    return ["match", "a", method, path]


NAMED = [
    [add("a", "/users/<name>", "profile"), add("a", "/users/new", "form"), get("/users/new"), get("/users/ann"), ["routes", "a"]],
    [add("a", "/users/<name>", "p", ["POST"]), add("a", "/users/new", "f"), get("/users/new", "POST"), get("/users/new", "PUT")],
    [add("a", "/users/<name>/edit", "e"), add("a", "/users/new", "f"), get("/users/new/edit"), get("/users/new")],
    [add("a", "/<path:r>", "rest"), add("a", "/<p>/b", "b"), add("a", "/a/<p>", "a"), get("/a/b"), get("/c/b"), get("/a/b/c")],
    [add("a", "/<p>", "p"), add("a", "/<int:n>", "n"), add("a", "/v<p>", "v"), add("a", "/v1<p>", "v1"), get("/v12"), get("/12"), get("/v")],
    [add("a", "/x", "no", says=False), add("a", "/<p>", "yes", says=True), add("a", "/<path:r>", "late", says=True), get("/x"), get("/y")],
    [add("a", "/<p>", "late", says=True), add("a", "/x", "early", says=True), get("/x"), get("/x", "POST")],
    [["mount", "a", "/shop", "b", "m"], add("a", "/shop/new", "outer"), add("b", "/<p>", "item", name="i"), get("/shop/new"), get("/shop/x"),
     add("b", "/new", "inner"), get("/shop/new"), ["remove", "a", "/shop/new"], get("/shop/new"), ["routes", "a"], ["url", "a", "m:i", {"p": 1}]],
    [["mount", "a", "/<lang>", "b", "m"], add("a", "/de/<p>", "de"), add("b", "/x", "x"), get("/de/x"), get("/fr/x"), get("/de/y")],
    [["mount", "a", "/<p>", "b", None], add("b", "/<p>", "twice"), add("a", "/<q>/<p>", "later"), get("/1/2"), ["remove", "b", "/<p>"], get("/1/2")],
    [["mount", "a", "/x", "b", "m"], ["mount", "b", "/y", "c", "n"], add("a", "/x/<p>/z", "p"), add("c", "/<q>", "q", name="i"), get("/x/y/z"),
     ["url", "a", "m:n:i", {"q": "a/b"}], ["mount", "a", "/z", "c", None], get("/z/1"), ["routes", "a"]],
    [add("a", "/<p>", "one", name="i"), add("a", "/new/<p>", "two", name="i"), ["url", "a", "i", {"p": "x y"}], ["url", "a", "i", {}]],
]


def ask(scenarios):
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "/tests/answer.py"], input=json.dumps(scenarios).encode(), stdout=subprocess.PIPE,
        timeout=20, check=False,
    )
    try:
        found = json.loads(run.stdout)
    except ValueError:
        raise Wrong("the package does not answer") from None
    if not isinstance(found, list) or len(found) != len(scenarios):
        raise Wrong("the package does not answer every question")
    return found


def same(found, expected):
    return json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)


def check():
    scenarios = NAMED + [scenario() for _ in range(500)]
    counts, first = {"fail to pass": [0, 0], "pass to pass": [0, 0]}, None
    for steps, found in zip(scenarios, ask(scenarios)):
        new, old = answers(steps, specific=True), answers(steps, specific=False)
        if not isinstance(found, list) or len(found) != len(new):
            raise Wrong("the package does not answer every question")
        for said, wanted, before in zip(found, new, old):
            count = counts["pass to pass" if same(wanted, before) else "fail to pass"]
            count[0] += same(said, wanted)
            count[1] += 1
            if first is None and not same(said, wanted):
                first = f"{said} should be {wanted} in {json.dumps(steps)}"
    print(", ".join(f"{kind}: {good} of {all_}" for kind, (good, all_) in counts.items()))
    if first:
        raise Wrong(first)
    code = "import sys, unittest; sys.path[len(sys.path):] = ['/app/waymark', '/tests']; unittest.main('test_routing')"
    run = subprocess.run([sys.executable, "-I", "-S", "-B", "-c", code], stderr=subprocess.PIPE, timeout=20, check=False)
    if not re.search(r"Ran 10 tests in [\d.]+s\s+OK", run.stderr.decode(errors="replace")):
        raise Wrong(f"the tests that were there fail: {run.stderr.decode(errors='replace')[-300:]}")


def end_children():
    """End all that the package left behind, so that none of it is there when the reward is written."""
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(path.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                    os.kill(int(path.parts[2]), signal.SIGKILL)
            except OSError:  # it has ended
                continue


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    try:
        check()
    except Exception as error:  # whatever the agent left there, it is a 0 with a reason
        print(f"FAIL: {error if isinstance(error, Wrong) else repr(error)}")
        end_children()
        sys.exit(1)
    end_children()
    print("PASS")
