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
#include "xmalloc.h"

/* Is this row the first of its noun? */
static bool
first_of_noun(const struct ctl_cmd *cmd)
{
	const struct ctl_cmd *c;

	for (c = cmds_table; c < cmd; c++)
		if (strcmp(c->noun, cmd->noun) == 0)
			return false;
	return true;
}

static void
put_nouns(struct buf *b)
{
	size_t i;

	for (i = 0; i < cmds_n; i++)
		if (first_of_noun(&cmds_table[i]))
			buf_printf(b, "%s%s", i > 0 ? " " : "",
			    cmds_table[i].noun);
}

static void
put_verbs(struct buf *b, const char *noun)
{
	const char *space = "";
	size_t i;

	for (i = 0; i < cmds_n; i++) {
		if (strcmp(cmds_table[i].noun, noun) != 0 ||
		    cmds_table[i].verb == NULL)
			continue;
		buf_printf(b, "%s%s", space, cmds_table[i].verb);
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

static void
bash_cases(struct buf *b)
{
	const struct ctl_cmd *c;

	for (c = cmds_table; c < cmds_table + cmds_n; c++)
		if (c->verb != NULL && first_of_noun(c)) {
			buf_printf(b, "\t%s) verbs='", c->noun);
			put_verbs(b, c->noun);
			buf_puts(b, "' ;;\n");
		}
	buf_puts(b, "\tesac\n\tcase $noun:$verb in\n");
	for (c = cmds_table; c < cmds_table + cmds_n; c++) {
		buf_printf(b, "\t%s:%s) own='", c->noun,
		    c->verb != NULL ? c->verb : "*");
		put_options(b, c);
		buf_puts(b, "' ;;\n");
	}
}

static void
bash(struct buf *b)
{
	buf_puts(b, "# mastctl(8), made by: mastctl completion bash\n"
	    "_mastctl()\n{\n"
	    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} noun='' verb='' verbs=''\n"
	    "\tlocal own='' nouns='");
	put_nouns(b);
	buf_puts(b, "' i w\n"
	    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	    "\t\tw=${COMP_WORDS[i]}\n"
	    "\t\tcase $w in\n"
	    "\t\t-f | --config) i=$((i + 1)) ;;\n"
	    "\t\t-*) ;;\n"
	    "\t\t*)\n"
	    "\t\t\tif [ -z \"$noun\" ]; then noun=$w\n"
	    "\t\t\telif [ -z \"$verb\" ]; then verb=$w; fi ;;\n"
	    "\t\tesac\n\tdone\n"
	    "\tcase $noun in\n");
	bash_cases(b);
	buf_puts(b, "\tesac\n"
	    "\tcase $cur in\n"
	    "\t-*) w=\"--config --json --help --version$own\" ;;\n"
	    "\t*)\n"
	    "\t\tif [ -z \"$noun\" ]; then w=$nouns\n"
	    "\t\telif [ -z \"$verb\" ]; then w=$verbs\n"
	    "\t\telse w=''; fi ;;\n"
	    "\tesac\n"
	    "\tmapfile -t COMPREPLY < <(compgen -W \"$w\" -- \"$cur\")\n"
	    "}\n"
	    "complete -o default -F _mastctl mastctl\n");
}

static void
zsh(struct buf *b)
{
	const struct ctl_cmd *c;

	buf_puts(b, "#compdef mastctl\n"
	    "# mastctl(8), made by: mastctl completion zsh\n"
	    "local -a nouns verbs own\n"
	    "local noun='' verb='' w\n"
	    "for w in ${words[2,CURRENT-1]}; do\n"
	    "\t[[ $w == -* ]] && continue\n"
	    "\tif [[ -z $noun ]]; then noun=$w\n"
	    "\telif [[ -z $verb ]]; then verb=$w; fi\n"
	    "done\n"
	    "nouns=(");
	put_nouns(b);
	buf_puts(b, ")\ncase $noun in\n");
	for (c = cmds_table; c < cmds_table + cmds_n; c++)
		if (c->verb != NULL && first_of_noun(c)) {
			buf_printf(b, "%s) verbs=(", c->noun);
			put_verbs(b, c->noun);
			buf_puts(b, ") ;;\n");
		}
	buf_puts(b, "esac\ncase $noun:$verb in\n");
	for (c = cmds_table; c < cmds_table + cmds_n; c++) {
		buf_printf(b, "%s:%s) own=(", c->noun,
		    c->verb != NULL ? c->verb : "*");
		put_options(b, c);
		buf_puts(b, ") ;;\n");
	}
	buf_puts(b, "esac\n"
	    "if [[ ${words[CURRENT]} == -* ]]; then\n"
	    "\tcompadd -- --config --json --help --version $own\n"
	    "elif [[ -z $noun ]]; then\n\tcompadd -- $nouns\n"
	    "elif [[ -z $verb && $#verbs -gt 0 ]]; then\n"
	    "\tcompadd -- $verbs\n"
	    "else\n\t_files\nfi\n");
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

static void
fish_row(struct buf *b, const struct ctl_cmd *c)
{
	const struct ctl_opt *o;

	if (c->verb == NULL || first_of_noun(c)) {
		buf_printf(b, "complete -c mastctl -f -n "
		    "__fish_use_subcommand -a %s", c->noun);
		fish_text(b, c->verb == NULL ? c->help : c->noun);
	}
	if (c->verb != NULL) {
		buf_printf(b, "complete -c mastctl -f -n "
		    "'__fish_seen_subcommand_from %s' -a %s", c->noun,
		    c->verb);
		fish_text(b, c->help);
	}
	for (o = c->opts; o < c->opts + CTL_OPTS && o->name; o++) {
		buf_printf(b, "complete -c mastctl -n "
		    "'__fish_seen_subcommand_from %s", c->noun);
		if (c->verb != NULL)
			buf_printf(b, "; and __fish_seen_subcommand_from %s",
			    c->verb);
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
