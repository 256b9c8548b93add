/*
 * fuzz: what the fuzz targets share. A target is one function over bytes
 * that aborts when a property does not hold; libFuzzer drives it, or
 * run_corpus.c where there is no libFuzzer.
 */
#ifndef MAST_FUZZ_H
#define MAST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void fuzz_failed(const char *file, int line, const char *what)
    __attribute__((noreturn));
#define HOLDS(cond) ((cond) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #cond))

/* Choices that depend on the input only, so that every run repeats. */
uint64_t fuzz_seed(const uint8_t *data, size_t size);
uint64_t fuzz_rand(uint64_t *state);

#endif
