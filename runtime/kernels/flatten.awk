# A header with the project's own includes in their places: one text that a C compiler takes without the sources.
function flatten(path,    line) {
    while ((getline line < path) > 0)
        if (match(line, /^#include "[^"]*"/)) flatten(substr(line, 11, RLENGTH - 11))
        else print line
    close(path)
}
BEGIN { flatten(ARGV[1]) }
