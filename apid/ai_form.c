/* ai_form: see ai_form.h. */
#include <string.h>

#include "ai_form.h"
#include "driver.h"
#include "xmalloc.h"

static const struct ai_action actions[] = {
	{ "create_flow", AI_T_NODE, AI_N_FLOW | AI_N_NEW, "delete_flow" },
	{ "update_flow", AI_T_NODE, AI_N_FLOW | AI_N_THERE, "update_flow" },
	{ "delete_flow", AI_T_NODE, AI_N_FLOW_ID | AI_N_THERE,
	  "create_flow" },
	{ "start_flow", AI_T_NODE, AI_N_FLOW_ID | AI_N_THERE, "stop_flow" },
	{ "stop_flow", AI_T_NODE, AI_N_FLOW_ID | AI_N_THERE, "start_flow" },
	{ "restart_flow", AI_T_NODE, AI_N_FLOW_ID | AI_N_THERE, NULL },
	{ "add_output", AI_T_NODE, AI_N_FLOW_ID | AI_N_OUTPUT | AI_N_THERE,
	  "remove_output" },
	{ "remove_output", AI_T_NODE, AI_N_FLOW_ID | AI_N_OUTPUT_ID |
	  AI_N_THERE, "add_output" },
	{ "create_tunnel", AI_T_TUNNELS, AI_N_TUNNEL, "delete_tunnel" },
	{ "delete_tunnel", AI_T_TUNNELS, AI_N_TUNNEL_ID, NULL },
};

const struct ai_action *
ai_action_at(size_t i)
{
	return i < nitems(actions) ? &actions[i] : NULL;
}

/* ---- the driver's tables in words ---- */

static bool
known(const struct driver_members *list, const char *name)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (strcmp(list->v[i].name, name) == 0)
			return true;
	return false;
}

/* Has the group what the list around it has, and no more? */
static bool
alike(const struct driver_members *group, const struct driver_members *list)
{
	size_t i;

	for (i = 0; i < group->n; i++)
		if (!known(list, group->v[i].name))
			return false;
	return true;
}

static void
put_rule(const struct driver_member *m, struct buf *out)
{
	bool number = m->type == DRIVER_INT || m->type == DRIVER_NUMBER;
	const char *p;

	if (m->choices != NULL) {
		buf_puts(out, " (");
		for (p = m->choices; *p != '\0'; p++)
			buf_putc(out, *p == ' ' ? '|' : *p);
	} else if (number && (m->min != 0 || m->max != 0)) {
		buf_printf(out, " (%lld..", (long long)m->min);
		if (m->max < UINT32_MAX)
			buf_printf(out, "%lld", (long long)m->max);
	} else if (m->type == DRIVER_TEXT && m->min > 1) {
		buf_printf(out, " (%lld..%lld bytes", (long long)m->min,
		    (long long)m->max);
	} else {
		if (m->def != NULL)
			buf_printf(out, " (= %s)", m->def);
		return;
	}
	if (m->def != NULL)
		buf_printf(out, " = %s", m->def);
	buf_putc(out, ')');
}

static void
put_members(const struct driver_members *list, struct buf *out)
{
	const struct driver_member *m;

	for (m = list->v; m < list->v + list->n; m++) {
		buf_printf(out, "%s%s%s%s", m == list->v ? "" : ", ", m->name,
		    m->flags & (DRIVER_REQUIRED | DRIVER_REQUIRED_1) ?
		    "" : "?",
		    m->type == DRIVER_TEXTS || m->type == DRIVER_INTS ? "[]" :
		    "");
		if (m->type != DRIVER_GROUP)
			put_rule(m, out);
		else if (alike(m->group, list))
			buf_puts(out, " {these once more}");
		else {
			buf_puts(out, " {");
			put_members(m->group, out);
			buf_putc(out, '}');
		}
	}
}

static void
put_part(const char *title, const struct driver_part *part,
    const struct driver_part *before, struct buf *out)
{
	size_t i, k;

	buf_printf(out, "%s\n", title);
	for (i = 0; i < part->ntypes; i++) {
		buf_printf(out, "%s: ", part->types[i].type);
		for (k = 0; before != NULL && k < before->ntypes; k++)
			if (before->types[k].members ==
			    part->types[i].members)
				break;
		if (before != NULL && k < before->ntypes)
			buf_printf(out, "as the input %s",
			    before->types[k].type);
		else
			put_members(part->types[i].members, out);
		buf_putc(out, '\n');
	}
}

void
ai_form_guide(const struct driver_form *form, struct buf *out)
{
	buf_puts(out, "Members by type; what has a ? may be left out, = is "
	    "what that means.\n");
	put_part("Inputs", &form->input, NULL, out);
	put_part("Outputs", &form->output, &form->input, out);
}
