# Joins the page's modules into one script, without what only people who
# read the source need: comments, indentation, spaces between signs, and
# line ends that end nothing. Names stay. One script costs a browser one
# question instead of forty, and compresses in two thirds of the bytes.
#
# Each module becomes a function that runs when somebody first needs what
# it exports. What would not mean the same then, and what this does not
# understand, is an error: modules that need each other, exports that
# change, a "/" after "}" that may be a division or not.
# usage: awk -v entry=NAME -f join.awk NAME.js...      one script, NAME first
#        awk -f join.awk FILE.js                       a classic script

BEGIN {
	# After these a "/" begins a regular expression.
	n = split("return typeof case in of delete void throw new else do " \
	    "await yield instanceof", words, " ")
	for (i = 1; i <= n; i++)
		operator[words[i]] = 1
	n = split("if while for with", words, " ")
	for (i = 1; i <= n; i++)
		control[words[i]] = 1
}

function fail(why) {
	printf "%s:%d: %s\n", FILENAME, FNR, why >"/dev/stderr"
	failed = 1
	exit 1
}

FNR == 1 {
	finish()
	begin()
}

{
	sub(/\r$/, "")
	rest = $0
	if (taking || (at_rest() && rest ~ /^import[ {*]/))
		take()
	if (at_rest() && rest ~ /^export /)
		give()
	scan()
	broken = 1
}

END {
	if (failed)
		exit 1
	finish()
	if (failed)
		exit 1
	if (entry == "") {
		print body[name]
		exit 0
	}
	order(entry)
	if (failed)
		exit 1
	print "const modules={"
	for (i = 1; i <= norder; i++)
		printf "%s(){%s%s\nreturn{%s}},\n", line[i], head[line[i]],
		    body[line[i]], exports[line[i]]
	print "},made={},need=(name)=>made[name]??=modules[name]()," \
	    "later=async(path)=>need(path.slice(2,-3));"
	printf "need('%s');\n", entry
}

# ---- a module --------------------------------------------------------------

function begin() {
	name = FILENAME
	sub(/.*\//, "", name)
	if (name !~ /^[a-z_]+\.js$/)
		fail("not the name of a module")
	sub(/\.js$/, "", name)
	if (name in body)
		fail("twice")
	file[++nfiles] = name
	body[name] = head[name] = exports[name] = ""
	out = prev = kind = ""
	depth = broken = comment = 0
}

function finish() {
	if (name == "" || failed)
		return
	if (depth > 0 || comment || taking)
		fail("ends within something")
	body[name] = out
}

# Between two statements of the module itself.
function at_rest() {
	return depth == 0 && !comment
}

# import { a, b as c } from './x.js'; import * as x from './x.js';
function take(what, from) {
	taken = (taking ? taken " " : "") rest
	rest = ""
	taking = taken !~ /;/
	if (taking)
		return
	if (entry == "" || taken !~ /^import .* from +'\.\/[a-z_]+\.js';$/)
		fail("not understood: " taken)
	from = taken
	sub(/^.*'\.\//, "", from)
	sub(/\.js';$/, "", from)
	what = taken
	sub(/^import */, "", what)
	sub(/ +from +'[^']*';$/, "", what)
	if (what ~ /^\* +as +[A-Za-z_$]+$/)
		sub(/^\* +as +/, "", what)
	else if (what ~ /^\{[A-Za-z0-9_$, \t]+\}$/) {
		gsub(/[ \t]+as[ \t]+/, ":", what)
		gsub(/[ \t]+/, "", what)
		sub(/,\}$/, "}", what)
	} else
		fail("not understood: " taken)
	head[name] = head[name] "const " what "=need('" from "');"
	sub(/^const \{/, "const{", head[name])
	gsub(/;const \{/, ";const{", head[name])
	needs[name] = needs[name] " " from
	where[name, from] = FILENAME ":" FNR
	checked(what, from)
}

# What is taken has to be there; that is seen when all is read.
function checked(what, from, i, n, part) {
	if (what !~ /^\{/)
		return
	n = split(substr(what, 2, length(what) - 2), part, ",")
	for (i = 1; i <= n; i++) {
		sub(/:.*/, "", part[i])
		wanted[++nwanted] = part[i]
		wanted_of[nwanted] = from
		wanted_at[nwanted] = FILENAME ":" FNR
	}
}

# export function f, async function f, class C, const c: one name each.
function give(what) {
	sub(/^export +/, "", rest)
	what = rest
	if (entry == "" ||
	    !sub(/^(async +function|function|class|const) +/, "", what) ||
	    !match(what, /^[A-Za-z0-9_$]+/))
		fail("not understood: export " rest)
	what = substr(what, 1, RLENGTH)
	exports[name] = exports[name] (exports[name] == "" ? "" : ",") what
	exported[name, what] = 1
}

# Modules after those that they need.
function order(m, i, n, list) {
	if (state[m] == 2 || failed)
		return
	if (state[m] == 1)
		return stop(m ".js is needed by what it needs")
	state[m] = 1
	n = split(needs[m], list, " ")
	for (i = 1; i <= n; i++) {
		if (!(list[i] in body))
			return stop(where[m, list[i]] ": there is no " \
			    list[i] ".js")
		order(list[i])
	}
	state[m] = 2
	line[++norder] = m
	# Those that are only loaded when they are shown follow.
	if (m == entry) {
		for (i = 1; i <= nfiles; i++)
			order(file[i])
		for (i = 1; i <= nwanted; i++)
			if (!((wanted_of[i], wanted[i]) in exported))
				return stop(wanted_at[i] ": " wanted_of[i] \
				    ".js has no " wanted[i])
	}
}

function stop(why) {
	if (!failed)
		print "join.awk: " why >"/dev/stderr"
	failed = 1
}

# ---- its text --------------------------------------------------------------

# The rest of one line.
function scan() {
	while (rest != "") {
		if (comment)
			close_comment()
		else if (depth > 0 && open[depth] == "`")
			template()
		else if (match(rest, /^[ \t]+/))
			skip(RLENGTH)
		else if (rest ~ /^\/\//)
			rest = ""
		else if (rest ~ /^\/\*/)
			comment = skip(2)
		else
			token()
	}
	# Within a template a line's end is text.
	if (depth > 0 && open[depth] == "`" && !comment)
		out = out "\n"
}

function skip(n) {
	rest = substr(rest, n + 1)
	gap = 1
	return 1
}

function close_comment(at) {
	at = index(rest, "*/")
	comment = at == 0
	rest = comment ? "" : substr(rest, at + 2)
	gap = 1
}

function token() {
	if (match(rest, /^[A-Za-z0-9_$#]+/))
		word(substr(rest, 1, RLENGTH))
	else if (rest ~ /^['"]/) {
		if (!match(rest, /^'([^'\\]|\\.)*'/) &&
		    !match(rest, /^"([^"\\]|\\.)*"/))
			fail("a text without an end")
		put(substr(rest, 1, RLENGTH), "value")
	} else if (rest ~ /^`/) {
		put("`", "value")
		open[++depth] = "`"
	} else if (rest ~ /^\//)
		slash()
	else if (rest ~ /^[\200-\377]/)
		fail("write it as \\u")
	else
		sign()
}

function word(w) {
	if (w == "import" && rest ~ /^import\(/ && entry != "") {
		w = "later"
		rest = w substr(rest, 7)
	} else if ((w == "import" || w == "export") && prev != ".")
		fail(w " here is not understood")
	if (prev != "." && w in operator)
		put(w, "operator")
	else
		put(w, prev != "." && w in control ? "control" : "word")
}

# A division, or a regular expression.
function slash() {
	if (kind == "end")
		fail("a \"/\" after \"}\": write it otherwise")
	if (kind == "word" || kind == "value") {
		put("/", "sign")
		return
	}
	if (!match(rest, /^\/([^\/\\[]|\\.|\[([^]\\]|\\.)*\])+\/[a-z]*/))
		fail("a regular expression without an end")
	put(substr(rest, 1, RLENGTH), "value")
	prev = "/regex"
}

function sign(s) {
	s = substr(rest, 1, 1)
	if (rest ~ /^(\+\+|--)/)
		put(substr(rest, 1, 2), "value")
	else if (s == "(" || s == "[" || s == "{") {
		open[++depth] = s
		is_control[depth] = s == "(" && kind == "control"
		put(s, "sign")
	} else if (s == ")" || s == "]" || s == "}")
		closing(s)
	else
		put(s, "sign")
}

function closing(s, was) {
	if (depth == 0)
		fail("\"" s "\" closes nothing")
	was = open[depth]
	if (was == "${") {
		if (s != "}")
			fail("\"" s "\" closes \"${\"")
		# The template goes on.
		out = out "}"
		rest = substr(rest, 2)
		depth--
		return
	}
	if (index("([{", was) != index(")]}", s))
		fail("\"" s "\" closes \"" was "\"")
	put(s, s == "}" ? "end" : is_control[depth] ? "done" : "value")
	depth--
}

# Text of a template up to its end, or to "${".
function template(at) {
	match(rest, /^([^`\\$]|\\.|\$[^{`\\$])*\$?/)
	at = RLENGTH
	# A "$" that "{" follows belongs to it.
	if (at > 0 && substr(rest, at, 1) == "$" &&
	    substr(rest, at + 1, 1) == "{")
		at--
	out = out substr(rest, 1, at)
	rest = substr(rest, at + 1)
	if (rest ~ /^\$\{/) {
		out = out "${"
		rest = substr(rest, 3)
		open[++depth] = "${"
		prev = "{"
		kind = "sign"
		gap = broken = 0
	} else if (rest ~ /^`/) {
		out = out "`"
		rest = substr(rest, 2)
		depth--
		prev = "`"
		kind = "value"
		gap = broken = 0
	} else if (rest ~ /^\\$/) {
		out = out "\\"
		rest = ""
	} else if (rest != "" && at == 0)
		fail("a template that is not understood")
}

# A token, with a line's end or a space before it where they mean something.
function put(t, k, first, last) {
	first = substr(t, 1, 1)
	last = substr(prev, length(prev))
	if (broken && out != "" && !joins(first))
		out = out "\n"
	else if ((gap || broken) && (prev == "/regex" ||
	    (last ~ /[A-Za-z0-9_$#]/ && first ~ /[A-Za-z0-9_$#]/) ||
	    (last ~ /[0-9]/ && first == ".") ||
	    (last == first && first ~ /[-+\/]/)))
		out = out " "
	out = out t
	rest = substr(rest, length(t) + 1)
	prev = t
	kind = k
	gap = broken = 0
}

# Whether a line's end before this cannot end a statement: what was before
# wants more, or this cannot begin one.
function joins(first) {
	return kind == "sign" || first ~ /[])},;:?.&|=]/
}
