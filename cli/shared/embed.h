/* embed - a file of the source tree as a part of the tool. */
#ifndef LLMOBS_EMBED_H
#define LLMOBS_EMBED_H

/* Declares `name` and `name`_end, between which the bytes of the file lie; a
 * NUL is behind them. The assembler copies them into the object; the Makefile
 * says that the object depends on the file. */
#define LLMOBS_EMBED(name, path)                                             \
    __asm__(".pushsection .rodata\n" #name ":\n.incbin \"" path "\"\n" #name \
            "_end:\n.byte 0\n.popsection\n");                                \
    extern const char name[] __attribute__((visibility("hidden")));          \
    extern const char name##_end[] __attribute__((visibility("hidden")))

#endif
