/*
 * completion: what a shell offers after mastctl, from the table of commands
 * and nothing else. It completes nouns, verbs and options; names of users and
 * nodes would need the database at every key press.
 */
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "cmds.h"
#include "completion.h"
#include "str.h"
#include "xmalloc.h"

#define COMMAND_MAX 64	/* of a command: all its words */

static void
name_of(const struct ctl_cmd *c, char dst[COMMAND_MAX])
{
	snprintf(dst, COMMAND_MAX, "%s%s%s", c->noun,
	    c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "");
}

/* The word of a command's name behind the first n bytes of it, which end a
 * word; false: there is none, or the name begins with other words. */
static bool
word_behind(const struct ctl_cmd *c, const char *begin, struct slice *word)
{
	char name[COMMAND_MAX];
	size_t n = strlen(begin);
	const char *p;

	name_of(c, name);
	if (strncmp(name, begin, n) != 0 || name[n] == '\0' ||
	    (n > 0 && name[n] != ' '))
		return false;
	/* The noun and the verb are texts of the table: they stay. */
	n += n > 0;
	p = n <= strlen(c->noun) ? c->noun + n :
	    c->verb + (n - strlen(c->noun) - 1);
	*word = (struct slice){ p, strcspn(p, " ") };
	return true;
}

/* Does an earlier row have that word there? word NULL: any word. */
static bool
seen_before(const struct ctl_cmd *cmd, const char *begin,
    const struct slice *word)
{
	const struct ctl_cmd *c;
	struct slice other;

	for (c = cmds_table; c < cmd; c++)
		if (word_behind(c, begin, &other) &&
		    (word == NULL || slice_same(*word, other)))
			return true;
	return false;
}

static void
put_words(struct buf *b, const char *begin)
{
	const struct ctl_cmd *c;
	const char *space = "";
	struct slice word;

	for (c = cmds_table; c < cmds_table + cmds_n; c++)
		if (word_behind(c, begin, &word) &&
		    !seen_before(c, begin, &word)) {
			buf_printf(b, "%s%.*s", space, (int)word.n, word.p);
			space = " ";
		}
}

static void
put_options(struct buf *b, const struct ctl_cmd *cmd)
{
	const struct ctl_opt *o;

	for (o = cmd->opts; o < cmd->opts + CTL_OPTS && o->name; o++)
		buf_printf(b, " --%s", o->name);
}

/* What may follow, for each beginning of a name. bash and zsh read it. */
static void
put_cases(struct buf *b)
{
	const struct ctl_cmd *c;
	char name[COMMAND_MAX], *space;

	buf_puts(b, "\tcase $said in\n\t'') next='");
	put_words(b, "");
	buf_puts(b, "' ;;\n");
	for (c = cmds_table; c < cmds_table + cmds_n; c++) {
		name_of(c, name);
		for (space = strchr(name, ' '); space != NULL;
		    space = strchr(space + 1, ' ')) {
			*space = '\0';
			if (!seen_before(c, name, NULL)) {
				buf_printf(b, "\t'%s') next='", name);
				put_words(b, name);
				buf_puts(b, "' ;;\n");
			}
			*space = ' ';
		}
	}
	buf_puts(b, "\tesac\n\tcase \"$said \" in\n");
	for (c = cmds_table; c < cmds_table + cmds_n; c++) {
		name_of(c, name);
		buf_printf(b, "\t'%s '*) own='", name);
		put_options(b, c);
		buf_puts(b, "' ;;\n");
	}
	buf_puts(b, "\tesac\n");
}

static void
bash(struct buf *b)
{
	buf_puts(b, "# mastctl(8), made by: mastctl completion bash\n"
	    "_mastctl()\n{\n"
	    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} said='' next='' own=''\n"
	    "\tlocal i w\n"
	    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	    "\t\tw=${COMP_WORDS[i]}\n"
	    "\t\tcase $w in\n"
	    "\t\t-f | --config) i=$((i + 1)) ;;\n"
	    "\t\t-*) ;;\n"
	    "\t\t*) said=\"${said:+$said }$w\" ;;\n"
	    "\t\tesac\n\tdone\n");
	put_cases(b);
	buf_puts(b, "\tcase $cur in\n"
	    "\t-*) next=\"--config --json --help --version$own\" ;;\n"
	    "\tesac\n"
	    "\tmapfile -t COMPREPLY < <(compgen -W \"$next\" -- "
	    "\"$cur\")\n"
	    "}\n"
	    "complete -o default -F _mastctl mastctl\n");
}

static void
zsh(struct buf *b)
{
	buf_puts(b, "#compdef mastctl\n"
	    "# mastctl(8), made by: mastctl completion zsh\n"
	    "_mastctl()\n{\n"
	    "\tlocal said='' next='' own='' w cur=${words[CURRENT]}\n"
	    "\tfor w in ${words[2,CURRENT-1]}; do\n"
	    "\t\t[[ $w == -* ]] && continue\n"
	    "\t\tsaid=\"${said:+$said }$w\"\n"
	    "\tdone\n");
	put_cases(b);
	buf_puts(b, "\tif [[ $cur == -* ]]; then\n"
	    "\t\tcompadd -- --config --json --help --version ${=own}\n"
	    "\telif [[ -n $next ]]; then\n"
	    "\t\tcompadd -- ${=next}\n"
	    "\telse\n\t\t_files\n\tfi\n}\n"
	    "_mastctl \"$@\"\n");
}

/* Help texts are ours; a quote in one would end the string. */
static void
fish_text(struct buf *b, const char *text)
{
	for (buf_puts(b, " -d '"); *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			buf_putc(b, '\\');
		buf_putc(b, *text);
	}
	buf_puts(b, "'\n");
}

/* The condition that all these words were said. */
static void
fish_said(struct buf *b, const char *begin)
{
	struct slice rest = slice_of(begin), word;
	const char *and = "";

	while (slice_cut(&rest, ' ', &word)) {
		buf_printf(b, "%s__fish_seen_subcommand_from %.*s", and,
		    (int)word.n, word.p);
		and = "; and ";
	}
}

static void
fish_word(struct buf *b, const struct ctl_cmd *c, const char *begin,
    bool last)
{
	struct slice word;

	if (!word_behind(c, begin, &word) || seen_before(c, begin, &word))
		return;
	buf_puts(b, "complete -c mastctl -f -n '");
	if (*begin == '\0')
		buf_puts(b, "__fish_use_subcommand");
	else
		fish_said(b, begin);
	buf_printf(b, "' -a %.*s", (int)word.n, word.p);
	fish_text(b, last ? c->help : c->noun);
}

static void
fish_row(struct buf *b, const struct ctl_cmd *c)
{
	const struct ctl_opt *o;
	char name[COMMAND_MAX], *space;

	name_of(c, name);
	fish_word(b, c, "", strchr(name, ' ') == NULL);
	for (space = strchr(name, ' '); space != NULL;
	    space = strchr(space + 1, ' ')) {
		*space = '\0';
		fish_word(b, c, name, strchr(space + 1, ' ') == NULL);
		*space = ' ';
	}
	for (o = c->opts; o < c->opts + CTL_OPTS && o->name; o++) {
		buf_puts(b, "complete -c mastctl -n '");
		fish_said(b, name);
		buf_printf(b, "' -l %s%s", o->name, o->arg ? " -r" : "");
		fish_text(b, o->help);
	}
}

static void
fish(struct buf *b)
{
	size_t i;

	buf_puts(b, "# mastctl(8), made by: mastctl completion fish\n"
	    "complete -c mastctl -s f -l config -r -d 'configuration'\n"
	    "complete -c mastctl -s j -l json -d 'machine-readable output'\n"
	    "complete -c mastctl -s V -l version -d 'print the version'\n"
	    "complete -c mastctl -s h -l help -d 'print a summary'\n");
	for (i = 0; i < cmds_n; i++)
		fish_row(b, &cmds_table[i]);
}

int
completion_run(struct ctl *ctl, const struct ctl_args *args)
{
	static const struct {
		const char	*shell;
		void		(*put)(struct buf *);
	} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < nitems(shells); i++) {
		if (strcmp(args->v[0], shells[i].shell) != 0)
			continue;
		shells[i].put(&b);
		fputs(buf_cstr(&b), stdout);
		buf_free(&b);
		return CTL_OK;
	}
	return ctl_fail(ctl, CTL_USAGE, "the shells are bash, zsh and fish");
}
