/* main: mastctl, the control tool. Everything is in ctl.c and the families. */
#include "ctl.h"

int
main(int argc, char **argv)
{
	return ctl_run(argc, argv);
}
