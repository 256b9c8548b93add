dist_man_MANS += man/mastctl.8 \
	man/mastkeeper-aid.8 \
	man/mastkeeper-api.7 \
	man/mastkeeper-apid.8 \
	man/mastkeeper-hardening.7 \
	man/mastkeeper-hubd.8 man/mastkeeper-metrics.7 \
	man/mastkeeper-protocol.7 \
	man/mastkeeper.7 \
	man/mastkeeper.conf.5
# Pictures of the README.
EXTRA_DIST += man/page-node.png man/page-nodes.png man/page-overview.png \
	man/page-phone.png
