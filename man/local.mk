dist_man_MANS += man/mastctl.8
