/* inert - a library with nothing in it, for a loader of another machine (MACHINE,
 * BITS): one that found our own object under that name would say so on stderr.
 *
 * The bytes of the whole file, as compilers for other machines are seldom there.
 * The loader writes into the dynamic section, and makes the stack executable
 * for an object that does not speak of it.
 */
#if BITS == 64
#define WORD .quad
#define SYMBOL 24
#define SEGMENT(type, flags, from, to) \
    .long type, flags; .quad from, from, from, (to) - (from), (to) - (from), 0x10000
#else
#define WORD .long
#define SYMBOL 16
#define SEGMENT(type, flags, from, to) \
    .long type, from, from, from, (to) - (from), (to) - (from), flags, 0x10000
#endif
#if MACHINE == 40
#define FLAGS 0x5000000     /* the fifth version of arm's calls */
#else
#define FLAGS 0
#endif
#define TAG(tag, value) WORD tag, value

    .section .inert, "a"
begin:
    .ascii "\177ELF"
    .byte BITS / 32, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0
    .short 3, MACHINE       /* ET_DYN */
    .long 1
    WORD 0, segments - begin, 0
    .long FLAGS
    .short segments - begin, (ends - segments) / 3, 3, 0, 0, 0
segments:
    SEGMENT(1, 6, 0, end - begin)                       /* PT_LOAD, read, write */
    SEGMENT(2, 6, dynamic - begin, hash - begin)        /* PT_DYNAMIC */
    SEGMENT(0x6474e551, 6, 0, 0)                        /* PT_GNU_STACK */
ends:
dynamic:
    TAG(4, hash - begin)
    TAG(5, strings - begin)
    TAG(6, symbols - begin)
    TAG(10, end - strings)
    TAG(11, SYMBOL)
    TAG(14, 1)                                          /* its name */
    TAG(0, 0)
hash:
    .long 1, 1, 0, 0        /* one bucket, for the symbol that each table has */
symbols:
    .zero SYMBOL
strings:
    .asciz "", "libllmobs_preload.so"
end:
