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
SIMD    = -fopenmp-simd

# Libraries: pkg-config where it knows them, else these names. OpenBLAS is loaded at run
# time (lib/nn/blas.c says why) and so is not among them.
PKGS    = libjpeg libpng zlib libdeflate jansson expat
LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null || echo -ljpeg -lpng -lz -ldeflate -ljansson -lexpat)
# liblinear, which pkg-config does not know: of det-svm alone, and of programs that call lib/svm.
LINEAR  = -llinear
INCS   := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)

# Debian packages: to build and run, and to check besides.
DEPS       = gcc make pkg-config libc6-dev libjpeg62-turbo-dev libpng-dev zlib1g-dev \
             libdeflate-dev libjansson-dev libexpat1-dev liblinear-dev
CHECK_DEPS = clang clang-format mandoc shellcheck bsdextrautils bsdutils libopenblas0
