noinst_PROGRAMS += mast-nodesim
mast_nodesim_SOURCES = tests/sim/nodesim.c tests/sim/simio.c \
	tests/sim/simnode.c tests/sim/simframe.c \
	tests/sim/simtunnel.c tests/sim/sim.h
mast_nodesim_LDADD = $(COMMON_LIBS) -lm
