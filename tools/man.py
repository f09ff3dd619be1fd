#!/usr/bin/env python3
"""A page of docs/ as a manual page: tools/man.py NAME SECTION VERSION PAGE.md > NAME.SECTION

It knows the Markdown that our pages are written in: headings, paragraphs, lists, tables, code.
"""

import re
import sys


def escaped(text):
    text = text.replace("\\|", "|").replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return "\\&" + text if text.startswith(".") else text


def inline(text):
    """Code is bold; of links the text stays."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
    parts = re.split(r"(`[^`]*`|\*\*[^*]*\*\*)", text)
    return "".join("\\fB" + escaped(p.strip("`*")) + "\\fR" if p[:1] in ("`", "*") and len(p) > 2 else escaped(p) for p in parts)


def cells(line):
    return [c.strip() for c in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def table(lines):
    """A row is a term and what it means; one that has only a term in bold begins a part."""
    head, rows = cells(lines[0]), [cells(line) for line in lines[2:]]
    for row in rows:
        rest = [c for c in row[1:-1] if c]
        if row[0].startswith("**") and not rest:
            yield ".SS " + escaped(row[0].replace("*", "").replace("`", ""))
            if row[-1]:
                yield inline(row[-1])
            continue
        yield ".TP"
        yield inline(row[0])
        yield inline(row[-1]) + "".join(f" ({escaped(name)}: {inline(c)})" for name, c in zip(head[1:-1], row[1:-1]) if c)


def block(lines):
    if lines[0].startswith("    "):
        yield from [".PP", ".RS 4", ".nf", *(escaped(line[4:]) or " " for line in lines), ".fi", ".RE"]
    elif lines[0].startswith("## "):
        yield ".SH " + escaped(lines[0][3:].upper())
    elif lines[0].startswith("|"):
        yield from table(lines)
    elif lines[0].startswith("- "):
        for item in "\n".join(lines).split("\n- "):
            yield from [".IP \\(bu 2", inline(item.removeprefix("- ").replace("\n", " "))]
    else:
        yield from [".PP", inline(" ".join(lines))]


def blocks(text):
    """Runs of lines without an empty one; code may have some in it, headings stand alone."""
    run = []
    for line in text.splitlines() + [""]:
        code = run and run[0].startswith("    ")
        if run and (line == "" and not code or code and line and not line.startswith("    ") or run[0].startswith("#")):
            while run[-1] == "":
                run.pop()
            yield run
            run = []
        if line or code:
            run.append(line)
    if run:
        yield [line for line in run if line]


def main(name, section, version, page):
    title, *rest = blocks(open(page, encoding="utf-8").read())
    print(f'.TH "{escaped(name.upper())}" {section} "" "weir {version}" "Weir"')
    print(f".SH NAME\n{escaped(name)} \\- {escaped(title[0].removeprefix('# ').lower())}\n.SH DESCRIPTION")
    for lines in rest:
        print("\n".join(block(lines)))
    print(".SH SEE ALSO\n.BR weir\\-collect (1),\n.BR weir\\-check (1)")


if __name__ == "__main__":
    main(*sys.argv[1:])
