# Reads all pages and fails when one of them links to a page that was not read.
FNR == 1 { name = FILENAME; sub(/.*\//, "", name); page[name] = 1 }
{
    text = $0
    while (match(text, /href="[^"]*"/)) {
        link[++links] = substr(text, RSTART + 6, RLENGTH - 7)
        from[links] = name
        text = substr(text, RSTART + RLENGTH)
    }
}
END {
    for (i = 1; i <= links; i++)
        if (!(link[i] in page)) { print from[i] ": broken link to " link[i]; broken = 1 }
    if (!broken) print links " links are good"
    exit broken
}
