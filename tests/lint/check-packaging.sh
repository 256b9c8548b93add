#!/bin/sh
# The gates of packages that need no package to be built.
exec "${MAST_SRC:?}/packaging/check-packaging" quick
