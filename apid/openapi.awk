# Turns the YAML that apid/openapi.yaml is written in into JSON: block maps
# and sequences, flow collections, plain and quoted scalars, "|" blocks.
# Whatever it does not know, and a key that is there twice, is an error; a
# test compares its output with a whole YAML parser's.
# usage: awk -f openapi.awk openapi.yaml

{
	if ($0 ~ /\t/)
		fail_at(FNR, "a tab")
	sub(/\r$/, "")
	raw[FNR] = $0
	last = FNR
}

END {
	if (failed)
		exit 1
	at = 1
	if (!skip())
		fail("nothing here")
	node(indent())
	if (skip())
		fail("not understood")
	print ""
}

function fail_at(line, why) {
	printf "%s:%d: %s\n", FILENAME, line, why >"/dev/stderr"
	failed = 1
	exit 1
}

function fail(why) {
	fail_at(at, why)
}

# To the next line that means something; 0 at the end.
function skip() {
	while (at <= last && raw[at] ~ /^ *(#.*)?$/)
		at++
	return at <= last
}

function indent() {
	match(raw[at], /^ */)
	return RLENGTH
}

function trim(s) {
	sub(/^ +/, "", s)
	sub(/ +$/, "", s)
	return s
}

function is_item(text) {
	return text == "-" || text ~ /^- /
}

function node(ind, text) {
	text = substr(raw[at], ind + 1)
	if (is_item(text))
		sequence(ind)
	else if (take_key(text))
		mapping(ind)
	else
		value(trim(text))
}

# Splits "key: rest" into the globals key and rest.
function take_key(text) {
	if (match(text, /^"[^"\\]*":( |$)/)) {
		key = substr(text, 2, RLENGTH - 1)
		sub(/": ?$/, "", key)
	} else if (match(text, /^[A-Za-z0-9_$\/.][A-Za-z0-9_$\/.{}+*~-]*:( |$)/)) {
		key = substr(text, 1, RLENGTH)
		sub(/: ?$/, "", key)
	} else
		return 0
	rest = trim(substr(text, RLENGTH + 1))
	return 1
}

function once(id) {
	if ((id, key) in seen)
		fail("\"" key "\" is there twice")
	seen[id, key] = 1
}

function mapping(ind, first, id) {
	id = ++collections
	first = 1
	printf "{"
	while (skip() && indent() == ind &&
	    !is_item(substr(raw[at], ind + 1))) {
		if (!take_key(substr(raw[at], ind + 1)))
			fail("no key")
		once(id)
		printf "%s%s:", first ? "" : ",", string(key)
		first = 0
		member(ind)
	}
	if (skip() && indent() > ind)
		fail("indented too far")
	printf "}"
}

# The value of a key: rest of its line, or the lines below.
function member(ind) {
	if (rest == "|") {
		at++
		block(ind)
	} else if (rest != "")
		value(rest)
	else {
		at++
		if (skip() && (indent() > ind || (indent() == ind &&
		    is_item(substr(raw[at], ind + 1)))))
			node(indent())
		else
			printf "null"
	}
}

# "- x" is x, indented by two more.
function sequence(ind, first) {
	first = 1
	printf "["
	while (skip() && indent() == ind &&
	    is_item(substr(raw[at], ind + 1))) {
		raw[at] = substr(raw[at], 1, ind) " " substr(raw[at], ind + 2)
		if (raw[at] ~ /^ *$/)
			fail("an empty item")
		printf "%s", first ? "" : ","
		first = 0
		node(indent())
	}
	if (skip() && indent() > ind)
		fail("indented too far")
	printf "]"
}

function block(ind, text, blank, width) {
	text = blank = ""
	width = 0
	for (; at <= last; at++) {
		if (raw[at] ~ /^ *$/) {
			blank = blank "\n"
			continue
		}
		if (width == 0)
			width = indent()
		if (width <= ind || indent() < width)
			break
		text = text blank substr(raw[at], width + 1) "\n"
		blank = ""
	}
	if (text == "")
		fail("an empty block")
	printf "%s", string(text)
}

function value(text) {
	if (text ~ /^[[{]/) {
		flow = text
		pos = 1
		collection()
		if (trim(substr(flow, pos)) != "")
			fail("text after the collection")
	} else {
		if (text !~ /^["']/ && text ~ /: | #|:$/)
			fail("quote it")
		scalar(text)
	}
	at++
}

# ---- flow collections; one may go on over lines

function peek() {
	for (;;) {
		while (substr(flow, pos, 1) == " ")
			pos++
		if (pos <= length(flow))
			return substr(flow, pos, 1)
		at++
		if (!skip())
			fail("a collection without an end")
		flow = trim(raw[at])
		pos = 1
	}
}

function token(stop, c) {
	c = peek()
	if (c == "\"" && match(substr(flow, pos), /^"([^"\\]|\\.)*"/))
		;
	else if (c == "'" && match(substr(flow, pos), /^'([^']|'')*'/))
		;
	else if (c ~ /["']/ || !match(substr(flow, pos), stop))
		fail("not understood in a collection")
	pos += RLENGTH
	return trim(substr(flow, pos - RLENGTH, RLENGTH))
}

function item() {
	if (peek() ~ /[[{]/)
		collection()
	else
		scalar(token("^[^],{}[]+"))
}

function collection(close_, first, id) {
	close_ = substr(flow, pos, 1) == "{" ? "}" : "]"
	id = ++collections
	printf "%s", substr(flow, pos, 1)
	pos++
	for (first = 1; peek() != close_; first = 0) {
		if (!first) {
			if (peek() != ",")
				fail("no comma")
			pos++
			printf ","
			if (peek() == close_)
				fail("a comma too many")
		}
		if (close_ == "}") {
			key = token("^[A-Za-z0-9_$-]+")
			gsub(/^"|"$/, "", key)
			once(id)
			if (substr(flow, pos, 2) !~ /^:( |$)/)
				fail("no colon")
			pos++
			printf "%s:", string(key)
		}
		item()
	}
	pos++
	printf "%s", close_
}

# ---- scalars

function string(s, out, c, i) {
	if (s ~ /["\\\n]/) {
		out = ""
		for (i = 1; i <= length(s); i++) {
			c = substr(s, i, 1)
			if (c == "\n")
				c = "\\n"
			else if (c == "\"" || c == "\\")
				c = "\\" c
			out = out c
		}
		s = out
	}
	return "\"" s "\""
}

function scalar(text) {
	if (text ~ /^"([^"\\]|\\["\\\/nt])*"$/)
		printf "%s", text
	else if (text ~ /^'([^']|'')*'$/) {
		text = substr(text, 2, length(text) - 2)
		gsub(/''/, "'", text)
		printf "%s", string(text)
	} else if (text ~ /^(null|true|false)$/ ||
	    text ~ /^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/)
		printf "%s", text
	else if (text ~ /^[0-9]+\.[0-9]+\.[0-9]+$|^[0-9]+ [A-Za-z]/)
		printf "%s", string(text)
	else if (text ~ /^[-+.]?[0-9~]|^["'&*!|>%@`?]|^[-:]( |$)/ ||
	    tolower(text) ~ /^(yes|no|on|off|null|true|false|=|<<)$/)
		fail("quote it: " text)
	else
		printf "%s", string(text)
}
