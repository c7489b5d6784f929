"""Trial folders to read and to show: steps, a recording and what a verifier printed, with any text in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = (
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=1</script>",
    "</title><script>window.pwned=1</script>",
    "</style><script>window.pwned=1</script>",
    "</pre></section></main><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "<svg onload=window.pwned=1>",
    "<svg><script>window.pwned=1</script></svg>",
    "<svg><animate onbegin=window.pwned=1 attributeName=x dur=1s>",
    "<math><mi xlink:href='javascript:window.pwned=1'>x</mi></math>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    "<iframe src=javascript:parent.pwned=1></iframe>",
    "<object data='data:text/html,<script>parent.pwned=1</script>'></object>",
    "<embed src=javascript:window.pwned=1>",
    "<a href=javascript:window.pwned=1 autofocus onfocus=window.pwned=1>x</a>",
    "<details open ontoggle=window.pwned=1>",
    "<input autofocus onfocus=window.pwned=1>",
    "<body onload=window.pwned=1>",
    "<base href=//evil.invalid/>",
    "<meta http-equiv=refresh content='0;url=//evil.invalid'>",
    "<link rel=stylesheet href=//evil.invalid/x.css>",
    "<style>*{display:none}</style>",
    "<form action=//evil.invalid><button autofocus>x</button></form>",
    "<video><source onerror=window.pwned=1></video>",
    "<marquee onstart=window.pwned=1>x</marquee>",
    "<noscript><p title='</noscript><img src=x onerror=window.pwned=1>'>",
    "<template><script>window.pwned=1</script></template>",
    "<!--><script>window.pwned=1</script>-->",
    "<![CDATA[<script>window.pwned=1</script>]]>",
    '"><script>window.pwned=1</script>',
    "'><img src=x onerror=window.pwned=1>",
    '" onmouseover=window.pwned=1 autofocus onfocus=window.pwned=1 x="',
    "' style='position:fixed;inset:0' onmouseover='window.pwned=1",
    "&lt;script&gt;window.pwned=1&lt;/script&gt;",
    "&#60;script&#62;window.pwned=1&#60;/script&#62;",
    "{{ 7 * 7 }}{% raw %}{{ self.__init__.__globals__ }}",
    "${window.pwned=1}`${window.pwned=1}`",
    "javascript:window.pwned=1",
    "data:text/html,<script>window.pwned=1</script>",
    "<scr\0ipt>window.pwned=1</scr\0ipt>",
    "\x1b]8;;javascript:window.pwned=1\x07link\x1b]8;;\x07",
    "\x1b[31m<b>red</b>\x1b[0m",
    "\u202e>tpircs/<1=denwp.wodniw>tpircs<",
    "\ufeff<script>window.pwned=1</script>",
    "[bold red]markup[/bold red][link=file:///etc/passwd]x[/link]",
)
"""What has been known to come alive in a page or a terminal that shows it."""


def write_trial(folder: Path, text: str, *, keys: str | None = None, **facts: Any) -> Path:  # noqa: ANN401 - of result.json
    """Write the files of a trial with this text wherever a model or a sandbox can put one."""
    keys = text if keys is None else keys
    folder.mkdir(parents=True, exist_ok=True)
    if facts:
        (folder / "result.json").write_text(json.dumps(facts))
    (folder / "trajectory.json").write_text(json.dumps(trajectory(text, keys)))
    (folder / "terminal.cast").write_text(cast(text, keys))
    (folder / "verifier").mkdir(exist_ok=True)
    (folder / "verifier/test-stdout.txt").write_text(f"verifier: {text}\n")
    return folder


def trajectory(text: str, keys: str) -> dict[str, Any]:
    """Make a trajectory of four steps, of which the third runs two commands and the second of these fails."""
    calls = [
        {"tool_call_id": f"call_3_{n}", "function_name": "bash_command", "arguments": {"keystrokes": typed}}
        for n, typed in enumerate((keys, "false\n"), 1)
    ]
    results = [
        {"source_call_id": "call_3_1", "content": text, "extra": {"exit_code": 0, "state": text, "seconds": 1.5}},
        {"source_call_id": "call_3_2", "content": "$", "extra": {"exit_code": 1, "state": "prompt", "seconds": 0.5}},
    ]
    stamps = [f"2026-11-25T13:13:0{second}+00:00" for second in range(4)]
    extra = {"analysis": text, "plan": text, "repairs": [text], "own": {"kept": True}}
    return {
        "schema_version": "ATIF-v1.7",
        "agent": {"name": "termstone", "version": "0.1.0", "model_name": text},
        "steps": [
            {"step_id": 1, "timestamp": stamps[0], "source": "system", "message": f"rules {text}"},
            {"step_id": 2, "timestamp": stamps[1], "source": "user", "message": f"task {text}"},
            {
                "step_id": 3,
                "timestamp": stamps[2],
                "source": "agent",
                "message": f"reply {text}",
                "reasoning_content": f"thought {text}",
                "tool_calls": calls,
                "observation": {"results": results},
                "metrics": {"prompt_tokens": 1000, "completion_tokens": 100, "cost_usd": 0.01},
                "extra": extra,
            },
            {"step_id": 4, "timestamp": stamps[3], "source": "agent", "message": f"done {text}"},
        ],
        "final_metrics": {"total_steps": 4, "a_field_of_tomorrow": [1]},
    }


def write_long_trial(folder: Path, turns: int, lines: int) -> Path:
    """Write the steps and the recording of a trial as real ones are: turns, each with so many lines of output."""
    steps: list[dict[str, Any]] = [{"step_id": 1, "source": "user", "message": "Do the task."}]
    events: list[object] = [{"version": 2, "width": 160, "height": 40}]
    for turn in range(turns):
        keys = f"make step-{turn}\n"
        output = [
            f"{turn:03} {line:03} /usr/lib/python3/dist-packages/module_{turn * line}.py: built"
            for line in range(lines)
        ]
        call = {"tool_call_id": f"c{turn}", "function_name": "bash_command", "arguments": {"keystrokes": keys}}
        result = {"source_call_id": f"c{turn}", "content": "\n".join(output), "extra": {"exit_code": 0, "seconds": 1.5}}
        steps.append(
            {
                "step_id": turn + 2,
                "source": "agent",
                "message": json.dumps({"analysis": "It is built step by step.", "commands": [{"keystrokes": keys}]}),
                "tool_calls": [call],
                "observation": {"results": [result]},
            }
        )
        events += [[turn, "m", keys], *([turn, "o", f"{line}\r\n"] for line in output)]
    document = {"schema_version": "ATIF-v1.7", "agent": {"name": "termstone", "version": "0.1.0"}, "steps": steps}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trajectory.json").write_text(json.dumps(document))
    (folder / "terminal.cast").write_text("".join(json.dumps(event) + "\n" for event in events))
    return folder


def cast(text: str, keys: str) -> str:
    """Make a recording with a mark for each of the two commands of `trajectory`."""
    events = [
        {"version": 2, "width": 100, "height": 30},
        [0.1, "o", "$ "],
        [0.2, "m", keys[:60]],
        [0.3, "o", f"screen {text}\r\n$ "],
        [0.4, "m", "false\n"],
        [0.5, "o", "\x1b[1;31mfalse\x1b[0m\r\n$ "],
    ]
    return "".join(json.dumps(event) + "\n" for event in events)
