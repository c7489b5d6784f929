# Turns one chapter into a page. The first line is the title, an empty line ends a paragraph, [text](page) is a link.
function html(text) {
    gsub(/&/, "\\&amp;", text)
    gsub(/</, "\\&lt;", text)
    while (match(text, /\[[^]]*\]\([^)]*\)/)) {
        link = substr(text, RSTART, RLENGTH)
        split(substr(link, 2, length(link) - 2), part, /\]\(/)
        text = substr(text, 1, RSTART - 1) "<a href=\"" part[2] ".html\">" part[1] "</a>" substr(text, RSTART + RLENGTH)
    }
    return text
}
NR == 1 { print "<title>" html($0) "</title>"; print "<h1>" html($0) "</h1>"; next }
/^$/ { if (open) print "</p>"; open = 0; next }
{ if (!open) print "<p>"; open = 1; print html($0) }
END { if (open) print "</p>" }
