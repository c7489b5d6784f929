"""Answers for the verifier, in a process of its own: asks the agent's module, one JSON line in, one JSON line out."""

import json
import os
import sys
from datetime import datetime

sys.path.append("/app/cron")  # last, so that nothing there stands in for the standard library
answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
from cronexpr import CronError, next_run

for question in sys.stdin:
    expression, after = json.loads(question)
    try:
        moment = next_run(expression, datetime.fromisoformat(after))
        answer = moment.isoformat() if moment else None
    except CronError:
        answer = "CronError"
    except Exception as error:
        answer = repr(error)
    answers.write(json.dumps(answer) + "\n")
