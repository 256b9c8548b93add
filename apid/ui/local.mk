# The page, compiled in: its modules joined to one script, its style without
# what only people need.
UI_MODULES = \
	apid/ui/admin.js \
	apid/ui/api.js \
	apid/ui/app.js \
	apid/ui/bulk.js \
	apid/ui/canvas.js \
	apid/ui/change.js \
	apid/ui/command.js \
	apid/ui/dialog.js \
	apid/ui/diff.js \
	apid/ui/el.js \
	apid/ui/eventlist.js \
	apid/ui/events.js \
	apid/ui/exact.js \
	apid/ui/firstrun.js \
	apid/ui/fleet.js \
	apid/ui/flow.js \
	apid/ui/flowedit.js \
	apid/ui/form.js \
	apid/ui/format.js \
	apid/ui/graph.js \
	apid/ui/history.js \
	apid/ui/honeycomb.js \
	apid/ui/keys.js \
	apid/ui/live.js \
	apid/ui/look.js \
	apid/ui/nodecommands.js \
	apid/ui/nodeconfig.js \
	apid/ui/nodedialogs.js \
	apid/ui/nodehistory.js \
	apid/ui/nodenow.js \
	apid/ui/page_account.js \
	apid/ui/page_alarms.js \
	apid/ui/page_api.js \
	apid/ui/page_assistant.js \
	apid/ui/page_audit.js \
	apid/ui/page_events.js \
	apid/ui/page_keys.js \
	apid/ui/page_login.js \
	apid/ui/page_node.js \
	apid/ui/page_nodes.js \
	apid/ui/page_overview.js \
	apid/ui/page_settings.js \
	apid/ui/page_tokens.js \
	apid/ui/page_topology.js \
	apid/ui/page_tunnels.js \
	apid/ui/page_users.js \
	apid/ui/pager.js \
	apid/ui/pages.js \
	apid/ui/proposal.js \
	apid/ui/router.js \
	apid/ui/session.js \
	apid/ui/shell.js \
	apid/ui/table.js \
	apid/ui/transfer.js \
	apid/ui/widgets.js
UI_SERVED = \
	apid/served/index.html \
	apid/served/style.css \
	apid/served/icon.svg \
	apid/served/theme.js \
	apid/served/page.js \
	apid/served/setup.html \
	apid/served/setup.js
EXTRA_DIST += $(UI_MODULES) apid/ui/index.html apid/ui/style.css \
	apid/ui/icon.svg apid/ui/theme.js apid/ui/setup.html \
	apid/ui/setup.js apid/ui/embed.sh apid/ui/join.awk \
	apid/ui/lean.awk
nodist_apid_libapid_a_SOURCES = apid/ui_data.c apid/api_data.c
# They are made in the build folder and include ui.h of the source.
apid_libapid_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/apid
CLEANFILES += apid/ui_data.c apid/api_data.c apid/openapi.json $(UI_SERVED)
# serve COMMAND: what it prints, whole or not at all.
UI_MAKE = $(AM_V_GEN)mkdir -p apid/served && LC_ALL=C && export LC_ALL && \
	serve() { "$$@" >$@.new && mv $@.new $@; } && serve
apid/served/page.js: $(UI_MODULES) apid/ui/join.awk
	$(UI_MAKE) $(AWK) -v entry=app -f $(srcdir)/apid/ui/join.awk \
	    $(UI_MODULES:%=$(srcdir)/%)
apid/served/theme.js: apid/ui/theme.js apid/ui/join.awk
	$(UI_MAKE) $(AWK) -f $(srcdir)/apid/ui/join.awk \
	    $(srcdir)/apid/ui/theme.js
apid/served/setup.js: apid/ui/setup.js apid/ui/join.awk
	$(UI_MAKE) $(AWK) -f $(srcdir)/apid/ui/join.awk \
	    $(srcdir)/apid/ui/setup.js
apid/served/setup.html: apid/ui/setup.html
	$(UI_MAKE) cat $(srcdir)/apid/ui/setup.html
apid/served/style.css: apid/ui/style.css apid/ui/lean.awk
	$(UI_MAKE) $(AWK) -f $(srcdir)/apid/ui/lean.awk \
	    $(srcdir)/apid/ui/style.css
apid/served/index.html: apid/ui/index.html
	$(UI_MAKE) cat $(srcdir)/apid/ui/index.html
apid/served/icon.svg: apid/ui/icon.svg
	$(UI_MAKE) cat $(srcdir)/apid/ui/icon.svg
apid/ui_data.c: $(UI_SERVED) apid/ui/embed.sh
	$(AM_V_GEN)$(SHELL) $(srcdir)/apid/ui/embed.sh ui . $@ $(UI_SERVED)

# The API's description: YAML for people, JSON for programs.
EXTRA_DIST += apid/openapi.yaml apid/openapi.awk
apid/openapi.json: apid/openapi.yaml apid/openapi.awk
	$(AM_V_GEN)mkdir -p apid && $(AWK) -f $(srcdir)/apid/openapi.awk \
	    $(srcdir)/apid/openapi.yaml >$@.new && mv $@.new $@
apid/api_data.c: apid/openapi.json apid/ui/embed.sh
	$(AM_V_GEN)$(SHELL) $(srcdir)/apid/ui/embed.sh api apid $@ \
	    openapi.json
