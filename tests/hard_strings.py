r"""Text that terminals, shells and tmux have been known to change on its way, by what is hard about it.

None holds a control character but a tab; `LINE_ENDS` and `CONTROLS` are for those who say what becomes of these.
"""

from __future__ import annotations

import random

_KEY_WORDS = (
    "up Up UP down left right end End home Home space Space enter Enter Escape esc Tab tab BSpace dc DC ic IC npage "
    "NPage ppage PageUp pagedown F1 F12 f1 F13 C-c C-d C-m C-M ^C ^[ M-x M-Enter S-Up C-Space C-M-x KPEnter KP0 Any "
    "0x41 0x0a \\e \\n \\r \\t -l -H -N -t %0 =0 { } ; More Reset Enter;"
)

_SEMICOLONS = [
    "a;",
    "a\\;",
    ";",
    ";;",
    "; ",
    " ;",
    "a;b;",
    "case x in x) ;; esac",
    "\\;",
    "a\\\\;",
    "';'",
    '";"',
    "x ;\\",
]

_DASHES = ["-", "--", "-x", "-H 41", "--help", "-t %0 x", "- item", "-1", "-;", "--- a/file", "-n", "—", "–x"]

_QUOTES = [
    "'", '"', "''", '""', "'a", 'a"', "it's", "\"'\"'\"", "'\\''", "$'\\n'", "\\'", '\\"', "`", "``", "`date`",
    "“curly”", "‘x’", "«g»", "'\"`$\\", "don't; won't", "'''doc'''", '"""doc"""',
]  # fmt: skip

_BACKSLASHES = [
    "\\", "\\\\", "\\\\\\", "a\\", "\\a", "\\0", "\\x41", "\\033[31m", "\\e[0m", "\\u00e9",
    "C:\\new\\table", "\\012",
    "\\n", "s/\\(a\\)/\\1/g", "\\\\server\\share", "^\\s*\\d+$", "\\ ", "\\\t", "\\;", "\\$x", "\\`x\\`",
    "tail \\\\",
]  # fmt: skip

_DOLLARS = [
    "$", "$$", "$x", "${x}", "${x:-y}", "$(date)", "$((1+1))", "$?", "$!", "$0", "$@", "$'a'", '$"a"',
    "a$", "#{x}",
    "#{pane_id}", "#(date)", "#", "#!/bin/sh", "##", "~", "~root", "*", "?", "[a-z]*", "{a,b}", "{1..3}",
    "a&b", "a|b",
    "a>b", "<a>", "<<EOX", "<<-'X'", "(a)", "&&", "||", "a && b || c", ">>&2",
]  # fmt: skip

_BANGS = ["!", "!!", "!$", "!x", "hello!", "!-1", "^a^b^", "[!a]", '"!x"', "!=", "#!", "a ! b", "!?x?"]

_TABS = [
    "\t", "\t\t", "\ta", "a\t", "a\tb", "\ta\tb\t", " \t ", "\t\t\tdeep", "a\t\tb", "a \tb",
    "col1\tcol2\tcol3", "ls\t",
    "/et\t", "cd /\t\t", "\t;", "\t-x", "\t" * 40, "é\tü", "漢\t字", "\trm -rf /\t", "if\tthen\tfi",
]  # fmt: skip

_SPACES = [
    "", " ", "  ", "   ", " a", "a ", "a  b", "    four", "  both  ", "a" + " " * 79 + "b", " " * 200,
    "\u00a0", "a\u00a0b",
    "\u2003em", "\u3000", "end ", "", "", "x", "",
]  # fmt: skip

_PERCENTS = [
    "%", "%%", "%d", "%s%n", "100%", "%end", "%end 1 2 3", "%begin 1 2 0", "%error 1 2 3", "%output %0 x",
    "%exit", "%0",
    "%1", "%session-changed", "%%%", "%20", "date +%Y-%m-%d", "%[flags]",
]  # fmt: skip

_MARKS = [
    "]133;A", "\\033]133;D;0\\007", "\\e]133;B\\a", "[200~", "[201~", "[?1049h", "[31mred[0m", "OSC 133",
    "^[[A", "0;title",
    "\\033P+q\\033\\\\", "[6n", "]52;c;aGk=", "$ ", "root@host:/# ", ">>> ", "> ", "... ", "(gdb) ",
]  # fmt: skip

_UNICODE = [
    "é", "e\u0301", "ñandú", "Straße", "ÅÄÖ", "Žluťoučký kůň", "Ελληνικά", "Кириллица", "漢字", "日本語テキスト",
    "한국어", "한글", "中文，全角！", "ﾊﾝｶｸ", "ไทย", "हिन्दी", "தமிழ்", "العربية", "עברית", "\u202eoverride\u202c",
    "a\u200fb", "\u2067x\u2069",
    "😀", "👍🏽", "👩‍💻", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇯🇵", "1️⃣", "❤️", "❤", "🧑🏿‍🚀", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "𝔘𝔫𝔦", "𠜎𠜱",
    "😀" * 50, "a\u0300\u0301\u0302\u0303b",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞", "\u200b", "a\u200db", "\ufeffbom", "\u2028", "\u00ad", "ﬁ", "İi", "\ufffd", "\uffff",
    "\U0010ffff", "\u0080\u009f",
    "∀x∈ℝ", "→←↑↓", "█▓▒░", "┌─┐", "…", "½", "°C", "€", "\u2009thin", "\ue000", "क्षि",
]  # fmt: skip

_LONG = [
    "x" * 100, "y" * 159, "z" * 160, "w" * 161, "漢" * 80, "v" * 255, "u" * 256, "t" * 999, "r" * 1024, "q" * 2000,
    "o" * 4000, "n" * 4001, "m" * 4094, "l" * 4095, "k" * 4096, "é" * 2048, "😀" * 1500, "ab;" * 2000, "'\"" * 2100,
    "\\" * 4500, "f" * 20_000,
]  # fmt: skip

_DOCUMENTS = ["EOF ", " EOF", "\tEOF", "EOF;", "'EOF'", "<<EOF", "<<'EOF'", "<<-EOF", "cat <<X", "eof", "EOF2", "\\EOF"]

_SNIPPETS = """\
{"a": [1, 2.5e-3, null, "\\u00e9\\n"], "b": {"c": "d'e"}}
key: "value"
  - item: 'it''s'
    text: |
      block\\n
&anchor *alias !!str %TAG
all: main.o
\tgcc -o $@ $^ $(CFLAGS)
\t@echo 'done $$HOME'
.PHONY: all;
name\tqty\tprice
"a\tb"\t1\t2.50
--- a/x.py
+++ b/x.py
@@ -1,3 +1,3 @@
-\told line;
+\tnew line
 context
func main() {
\tfmt.Printf("%d\\t%s\\n", 1, `raw "x"`)
\tch <- 'x'
}
def f(x: str) -> None:
    return f"{x!r:>10}" # ünïcode
    '''doc\\'''
#include <stdio.h>
int main(void) { printf("%5d\\n", '\\0'); return 0; }
SELECT * FROM "t" WHERE a <> 'b''c' AND d LIKE '%x\\_%';
<p class="a">&amp;&lt;&#39;</p> <!-- c -->
s/^\\([^:]*\\):.*$/\\1;\\n/;t;d
awk '{ print $1 "\\t" $NF }' FS=: /etc/passwd
if [[ $a =~ ^[0-9]+$ ]] && ! grep -q "x" <<<"$b"; then echo "${a//x/y}"; fi
for ((i=0; i<3; i++)); do echo $i; done; done
\\begin{equation} x_{1} \\\\ \\% \\end{equation}
:wq
:q!
dd
.a
ZZ
,p
q
exit
logout
C-c C-d
[section] ; comment
path=C:\\Users\\x;%PATH%
curl -H 'A: b' "http://x/?a=1&b=2#c" | jq '.[] | {a}'
""".splitlines()


def _random() -> list[str]:
    """Strings of which nobody thought, the same ones each time."""
    source = random.Random(20260101)  # noqa: S311 - no secrets
    alphabet = [*map(chr, range(32, 127)), *"\t\t;;--\\\\''\"\"$$``!!%%##  éßñ漢字한😀👍\u0301\u200d"]
    return ["".join(source.choices(alphabet, k=source.randint(1, 120))) for _ in range(60)]


STRINGS = {
    "key words": _KEY_WORDS.split(),
    "semicolons": _SEMICOLONS,
    "dashes": _DASHES,
    "quotes": _QUOTES,
    "backslashes": _BACKSLASHES,
    "dollars": _DOLLARS,
    "bangs": _BANGS,
    "tabs": _TABS,
    "spaces": _SPACES,
    "percents": _PERCENTS,
    "marks": _MARKS,
    "unicode": _UNICODE,
    "long": _LONG,
    "documents": _DOCUMENTS,
    "snippets": _SNIPPETS,
    "random": _random(),
}
"""Lines by category."""

LINE_ENDS = ["a\rb\r", "a\nb\n", "a\r\nb\r\n", "\r\n\r\r\n\n", "\n\n\r", "x\r\r\ny\n\r", ";\r\n", "\t\r\t\n"]
"""Text in which every kind of line end is one Enter."""

CONTROLS = [chr(code) for code in (*range(1, 10), 11, 12, *range(14, 32), 127)]
"""The control characters that are no line ends; NUL is no text."""
