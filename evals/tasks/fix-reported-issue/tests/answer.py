"""Answers for the verifier, in a process of its own: builds routers with the agent's package and asks them, as told in JSON."""

import json
import os
import sys

sys.path.append("/app/waymark")  # last, so that nothing there stands in for the standard library
scenarios = json.load(sys.stdin)
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
import waymark


def run(steps):
    routers, asked = {}, []

    def when(handler, says):
        def ask(path):
            asked.append([handler, path])
            return says
        return ask

    for verb, name, *rest in steps:
        router = routers.setdefault(name, waymark.Router())
        try:
            if verb == "add":
                pattern, handler, methods, title, says = rest
                more = {} if says is None else {"when": when(handler, says)}
                router.add(pattern, handler, methods=methods, name=title, **more)
            elif verb == "mount":
                prefix, other, title = rest
                router.mount(prefix, routers.setdefault(other, waymark.Router()), name=title)
            elif verb == "remove":
                router.remove(*rest)
            elif verb == "routes":
                yield router.routes()
            elif verb == "url":
                yield router.url(rest[0], **rest[1])
            else:
                asked.clear()
                found = router.match(*rest)
                yield [found.handler, found.parameters, list(asked)]
        except waymark.MethodNotAllowed as error:
            yield ["MethodNotAllowed", error.allowed, list(asked)]
        except waymark.NotFound:
            yield ["NotFound", list(asked)]
        except KeyError:
            yield ["KeyError"]
        except Exception as error:
            yield repr(error)


json.dump([list(run(steps)) for steps in scenarios], answers)
answers.close()
os._exit(0)
