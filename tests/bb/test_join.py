#!/usr/bin/python3
"""How the page's files become what is served: modules joined to one script,
less of what means nothing, and an error where that would change a meaning."""
import os
import subprocess
import sys
import tempfile

import tap

UI = os.path.join(os.environ.get("MAST_SRC", "."), "apid", "ui")
AWK = os.environ.get("AWK", "awk")
ENV = dict(os.environ, LC_ALL="C")

# One script: what it says, what is left of it.
LEAN = [
    ("a = 1;\n\n\tb = 2;\n", "a=1;b=2;"),
    ("a\nb\n", "a\nb"),
    ("a()\n(b)\n", "a()\n(b)"),
    ("a = b +\n    c\n", "a=b+c"),
    ("a\n    .b()\n    ?.c\n", "a.b()?.c"),
    ("return\na;\n", "return\na;"),
    ("a++\nb\n", "a++\nb"),
    ("a\n++b\n", "a\n++b"),
    ("a + +b - -c - --d\n", "a+ +b- -c- --d"),
    ("a ++ + b", "a++ +b"),
    ("1 .x + 1.5", "1 .x+1.5"),
    ("if (a)\n\tb;\nelse\n\tc;\n", "if(a)\nb;else\nc;"),
    ("const { a, b } = c;", "const{a,b}=c;"),
    ("in_(a in b, typeof a, #c in d)", "in_(a in b,typeof a,#c in d)"),
    ("class A {\n\tb = 1;\n\t#c\n\t*d() {}\n}\n", "class A{b=1;#c\n*d(){}}"),
    ("async () => {\n}\nx\n", "async()=>{}\nx"),
    # comments, and what only looks like one
    ("a; // b; '\nc; /* d\n ' */ e /**/ f\n", "a;c;e f"),
    ("'// a' + \"/* b\" + `// c /*`", "'// a'+\"/* b\"+`// c /*`"),
    ("a /* b */\nc\n", "a\nc"),
    # texts
    ("'it\\'s  a' + \"\\\"  \\\\\" + 'b'", "'it\\'s  a'+\"\\\"  \\\\\"+'b'"),
    ("`a  b\n  c`  +  d\n", "`a  b\n  c`+d"),
    ("`a  ${ b  +  `c  ${ d }` }  e`", "`a  ${b+`c  ${d}`}  e`"),
    ("`$ $$ ${ a }$${ {b: 1} } \\` \\${  c`",
     "`$ $$ ${a}$${{b:1}} \\` \\${  c`"),
    ("`a\\\n  b ${ c }\n\n  d`", "`a\\\n  b ${c}\n\n  d`"),
    # a regular expression, or a division
    ("a = /  [/'\"`]  \\/ /g.exec(b)", "a=/  [/'\"`]  \\/ /g.exec(b)"),
    ("a / b / c", "a/b/c"),
    ("(a) / b / c", "(a)/b/c"),
    ("a[0] / b / ' '", "a[0]/b/' '"),
    ("if (a) /b  '/.test(c)", "if(a)/b  '/.test(c)"),
    ("x.if(a) / b / ' '", "x.if(a)/b/' '"),
    ("return /  '/ instanceof b", "return/  '/ instanceof b"),
    ("a.return / b / ' '", "a.return/b/' '"),
    ("f(/  a/, /  [\\]/]'/)", "f(/  a/,/  [\\]/]'/)"),
]
REFUSED = [
    ("a = {} / b", "/"), ("a = 'b\n'", "text without"),
    ("a = /b\n", "regular expression without"), ("f(]", "closes"),
    ("}", "closes nothing"), ("f(", "ends within"), ("/* a", "ends within"),
    ("`a ${ b", "ends within"), ("a = \u00e4", "\\u"),
    ("import { a } from './b.js';", "not understood"),
    ("f(); export const a = 1;", "not understood"),
]
# Modules: {file: text}, the words of the error.
APP = "import { a, b as c } from './x.js';\nimport * as y from './y.js';\n"
BROKEN = [
    ({"app.js": "import { a } from './x.js';"}, "no x.js"),
    ({"app.js": "import { a } from './x.js';",
      "x.js": "export const b = 1;"}, "x.js has no a"),
    ({"app.js": "import { a } from './x.js';",
      "x.js": "import { b } from './app.js';\nexport const a = 1;"},
     "needed by what it needs"),
    ({"app.js": "export let a = 1;"}, "not understood"),
    ({"app.js": "export default 1;"}, "not understood"),
    ({"app.js": "const a = 1;\nexport { a };"}, "not understood"),
    ({"app.js": "export const { a } = b;"}, "not understood"),
    ({"app.js": "import './x.js';", "x.js": ""}, "not understood"),
    ({"app.js": "import a from './x.js';", "x.js": ""}, "not understood"),
    ({"app.js": "import { a } from 'https://x';"}, "not understood"),
    ({"app.js": "import { a } from\n"}, "ends within"),
    ({"app.js": "f(import.meta);"}, "import here"),
    ({"app-x.js": "a;"}, "name of a module"),
]
STYLE = [
    ("a {\n\tb: c  d;\n\te: f;\n}\n", "a{b:c d;e:f}"),
    ("a > b,\na :hover { }\n", "a>b,a :hover{}"),
    ("/* a\n * b */ c { d: e/f; } /**/\n", "c{d:e/f}"),
    ("a { content: \"  ; /* } \\\" \"; }", "a{content:\"  ; /* } \\\" \"}"),
    ("@media (max-width: 9rem) and (x) {\n\ta { b: calc(1px + 2px); }\n}\n",
     "@media (max-width:9rem) and (x){a{b:calc(1px + 2px)}}"),
    ("a { --b: ; c: url('d  e'); }", "a{--b:;c:url('d  e')}"),
    ("a b\nc { &:d { e: f } }", "a b c{&:d{e:f}}"),
]


def run(program, files, *more):
    with tempfile.TemporaryDirectory() as d:
        for name, text in files.items():
            with open(os.path.join(d, name), "w", encoding="utf-8") as f:
                f.write(text)
        return subprocess.run(
            [AWK, *more, "-f", os.path.join(UI, program),
             *[os.path.join(d, name) for name in files]],
            env=ENV, capture_output=True, text=True)


def join(files):
    return run("join.awk", files, "-v", "entry=app")


def test_lean():
    """A script loses only what means nothing"""
    for text, want in LEAN:
        r = run("join.awk", {"x.js": text})
        tap.equal((r.stdout, r.stderr), (want + "\n", ""), text)
        again = run("join.awk", {"x.js": r.stdout})
        tap.equal(again.stdout, r.stdout, "twice: " + text)


def test_refused():
    """What is not understood is an error with its line"""
    for text, want in REFUSED:
        r = run("join.awk", {"x.js": "a;\n" + text})
        assert r.returncode == 1, (text, r.stdout)
        tap.contains(r.stderr, want, text)
        tap.contains(r.stderr, "x.js:", text)


def test_join():
    """Modules become functions that hand out what they export"""
    r = join({
        "app.js": APP + "c(a, y.d);\n",
        "x.js": "// x\nexport const a = 1;\nexport async function b() {\n"
                "\tconst m = await import(`./${p}.js`);\n}\nlet e = 2;\n",
        "y.js": "import {\n    a,\n} from './x.js';\nexport class d {\n}\n",
        "late.js": "export function title() {\n}\n"})
    tap.equal((r.stdout, r.stderr, r.returncode), (
        "const modules={\n"
        "x(){const a=1;async function b(){const m=await later(`./${p}.js`)"
        ";}\nlet e=2;\nreturn{a,b}},\n"
        "y(){const{a}=need('x');class d{}\nreturn{d}},\n"
        "app(){const{a,b:c}=need('x');const y=need('y');c(a,y.d);\n"
        "return{}},\n"
        "late(){function title(){}\nreturn{title}},\n"
        "},made={},need=(name)=>made[name]??=modules[name](),"
        "later=async(path)=>need(path.slice(2,-3));\n"
        "need('app');\n", "", 0))


def test_broken():
    """Modules that cannot be joined are an error"""
    for files, want in BROKEN:
        r = join(files)
        assert r.returncode == 1, (files, r.stdout)
        tap.contains(r.stderr, want, files)


def test_style():
    """A style sheet loses only what means nothing"""
    for text, want in STYLE:
        r = run("lean.awk", {"x.css": text})
        tap.equal((r.stdout, r.stderr), (want + "\n", ""), text)
    for text in ("a { b: 'c\n; }", "a { } /* b"):
        r = run("lean.awk", {"x.css": text})
        assert r.returncode == 1 and "without an end" in r.stderr, r


if __name__ == "__main__":
    sys.exit(tap.run(tap.functions(sys.modules[__name__])))
