# The only file a packager edits.
VERSION = 0.1.0

PREFIX  = /usr/local
BINDIR  = $(PREFIX)/bin
LIBDIR  = $(PREFIX)/lib
INCDIR  = $(PREFIX)/include/det
DATADIR = $(PREFIX)/share/det
MANDIR  = $(PREFIX)/share/man
COMPDIR = $(PREFIX)/share/bash-completion/completions

CC      = gcc
AR      = ar
OPT     = -O2 -g
CFLAGS  =
LDFLAGS =

# Libraries: pkg-config where it knows them, else these names.
PKGS    = libjpeg libpng zlib libdeflate
LIBS    = $(shell pkg-config --libs $(PKGS) 2>/dev/null || echo -ljpeg -lpng -lz -ldeflate)
INCS    = $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
OPENMP  = -fopenmp
