# What a package installs beside the programs, and the gates of packages.
PACKAGING_UNITS = \
	packaging/systemd/mastkeeper-aid.service \
	packaging/systemd/mastkeeper-aid.socket \
	packaging/systemd/mastkeeper-apid-local.socket \
	packaging/systemd/mastkeeper-apid-metrics.socket \
	packaging/systemd/mastkeeper-apid.service \
	packaging/systemd/mastkeeper-apid.socket \
	packaging/systemd/mastkeeper-hubd-control.socket \
	packaging/systemd/mastkeeper-hubd-local.socket \
	packaging/systemd/mastkeeper-hubd.service \
	packaging/systemd/mastkeeper-hubd.socket \
	packaging/systemd/mastkeeper-migrate.service \
	packaging/systemd/mastkeeper.target
sysusersdir = $(prefix)/lib/sysusers.d
dist_sysusers_DATA = packaging/sysusers.d/mastkeeper.conf \
	packaging/sysusers.d/mastkeeper-aid.conf
tmpfilesdir = $(prefix)/lib/tmpfiles.d
dist_tmpfiles_DATA = packaging/tmpfiles.d/mastkeeper.conf \
	packaging/tmpfiles.d/mastkeeper-aid.conf
catalogdir = $(prefix)/lib/systemd/catalog
dist_catalog_DATA = packaging/catalog/mastkeeper.catalog
rulesdir = $(pkgdatadir)/prometheus
dist_rules_DATA = packaging/prometheus/mastkeeper.rules.yml \
	packaging/prometheus/scrape.yml
grafanadir = $(pkgdatadir)/grafana
dist_grafana_DATA = packaging/grafana/mastkeeper.json
nginxdir = $(pkgdatadir)/nginx
dist_nginx_DATA = packaging/nginx/mastkeeper.conf
haproxydir = $(pkgdatadir)/haproxy
dist_haproxy_DATA = packaging/haproxy/mastkeeper.cfg
bashcompdir = $(datadir)/bash-completion/completions
zshcompdir = $(datadir)/zsh/vendor-completions
fishcompdir = $(datadir)/fish/vendor_completions.d
nodist_bashcomp_DATA = packaging/completion/mastctl
nodist_zshcomp_DATA = packaging/completion/_mastctl
nodist_fishcomp_DATA = packaging/completion/mastctl.fish
CLEANFILES += $(nodist_bashcomp_DATA) $(nodist_zshcomp_DATA) \
	$(nodist_fishcomp_DATA)
packaging/completion/mastctl: mastctl$(EXEEXT)
	$(AM_V_GEN)mkdir -p packaging/completion && \
	    ./mastctl completion bash >$@.new && mv $@.new $@
packaging/completion/_mastctl: mastctl$(EXEEXT)
	$(AM_V_GEN)mkdir -p packaging/completion && \
	    ./mastctl completion zsh >$@.new && mv $@.new $@
packaging/completion/mastctl.fish: mastctl$(EXEEXT)
	$(AM_V_GEN)mkdir -p packaging/completion && \
	    ./mastctl completion fish >$@.new && mv $@.new $@

# Units name their programs by full path.
unitdir = $(prefix)/lib/systemd/system
install-data-hook:
	$(MKDIR_P) '$(DESTDIR)$(unitdir)'
	for u in $(PACKAGING_UNITS); do \
	    sed 's|/usr/sbin/|$(sbindir)/|g' "$(srcdir)/$$u" \
		>"$(DESTDIR)$(unitdir)/$${u##*/}" && \
	    chmod 644 "$(DESTDIR)$(unitdir)/$${u##*/}" || exit 1; done
uninstall-hook:
	for u in $(PACKAGING_UNITS); do \
	    rm -f "$(DESTDIR)$(unitdir)/$${u##*/}"; done

EXTRA_DIST += $(PACKAGING_UNITS) packaging/mkdeb packaging/debian \
	packaging/rpm packaging/apparmor packaging/prometheus/mastkeeper.test.yml \
	packaging/check-packaging packaging/check-boot packaging/boot-lib packaging/boot-inside \
	packaging/check-upgrade packaging/boot-upgrade \
	packaging/check-autopkgtest packaging/boot-autopkgtest

.PHONY: deb check-packaging check-boot check-upgrade check-autopkgtest
deb:
	MAST_BUILD='$(abs_top_builddir)' $(srcdir)/packaging/mkdeb '$(abs_top_builddir)/deb'
check-packaging: all
	MAST_SRC='$(abs_top_srcdir)' MAST_BUILD='$(abs_top_builddir)' \
	    $(srcdir)/packaging/check-packaging
check-boot: all mast-nodesim$(EXEEXT)
	MAST_SRC='$(abs_top_srcdir)' MAST_BUILD='$(abs_top_builddir)' \
	    $(srcdir)/packaging/check-boot
check-upgrade: all mast-nodesim$(EXEEXT)
	MAST_SRC='$(abs_top_srcdir)' MAST_BUILD='$(abs_top_builddir)' \
	    $(srcdir)/packaging/check-upgrade
check-autopkgtest: all mast-nodesim$(EXEEXT)
	MAST_SRC='$(abs_top_srcdir)' MAST_BUILD='$(abs_top_builddir)' \
	    $(srcdir)/packaging/check-autopkgtest
