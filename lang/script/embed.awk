# stdlib/*.reg -> C text: the files and an index of the names they define at top level.
function quote(line) { gsub(/\\/, "\\\\", line); gsub(/"/, "\\\"", line); gsub(/\?/, "\\?", line); return "\"" line "\\n\"" }
BEGIN { print "#include \"lang/script/library.h\""; files = 0; names = 0 }
FNR == 1 { if (files) print ";"; path[files] = FILENAME; printf "static const char text_%d[] = \"\"\n", files; files++ }
{ print quote($0) }
/^(fn|loss|penalty|model|method|let) +[A-Za-z_]/ {
    kind = $1; name = $2; sub(/[^A-Za-z_0-9].*/, "", name)
    entry[names++] = sprintf("    {\"%s\", \"%s\", %d},", name, kind, files - 1)
}
END {
    if (files) print ";"
    print "const LibraryFile library_files[] = {"
    for (k = 0; k < files; k++) printf "    {\"%s\", text_%d, sizeof text_%d - 1},\n", path[k], k, k
    print "    {0}};"
    printf "const int library_file_count = %d;\nconst LibraryName library_names[] = {\n", files
    for (k = 0; k < names; k++) print entry[k]
    printf "    {0}};\nconst int library_name_count = %d;\n", names
}
