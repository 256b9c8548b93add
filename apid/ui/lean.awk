# A style sheet without what only people who read the source need: comments,
# indentation, and spaces where they mean nothing.
# usage: awk -f lean.awk style.css

function fail(why) {
	printf "%s:%d: %s\n", FILENAME, FNR, why >"/dev/stderr"
	failed = 1
	exit 1
}

{
	sub(/\r$/, "")
	rest = $0
	gap = 1
	while (rest != "") {
		if (comment) {
			at = index(rest, "*/")
			comment = at == 0
			rest = comment ? "" : substr(rest, at + 2)
		} else if (match(rest, /^[ \t]+/)) {
			gap = 1
			rest = substr(rest, RLENGTH + 1)
		} else if (rest ~ /^\/\*/) {
			comment = gap = 1
			rest = substr(rest, 3)
		} else if (rest ~ /^['"]/) {
			if (!match(rest, /^'([^'\\]|\\.)*'/) &&
			    !match(rest, /^"([^"\\]|\\.)*"/))
				fail("a text without an end")
			put(substr(rest, 1, RLENGTH))
		} else if (match(rest, /^[^ \t'"{};,:>\/]+/))
			put(substr(rest, 1, RLENGTH))
		else
			put(substr(rest, 1, 1))
	}
}

END {
	if (failed)
		exit 1
	if (comment) {
		print "a comment without an end" >"/dev/stderr"
		exit 1
	}
	flush()
	print ""
}

# A space between two parts is kept unless one of them makes it useless. One
# before ":" may be "any below", one after it never means anything.
function put(t) {
	if (t == "}" && last == ";")
		last = ""
	if (gap && last !~ /^[{};,:>]$/ && t !~ /^[{};,>]$/ && out != "")
		last = last " "
	flush()
	last = t
	out = out t
	rest = substr(rest, length(t) + 1)
	gap = 0
}

function flush() {
	printf "%s", last
	last = ""
}
