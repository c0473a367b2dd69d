/* marks - what the compiler adds to each of its own objects: nothing here needs
 * an executable stack, and what else stands here keeps to the protection of
 * control flow that the compiler was asked for (docs/DECISIONS.md).
 */
#if defined __CET__
#define FEATURES 0xc0000002
#define KEPT __CET__
#elif defined __ARM_FEATURE_BTI_DEFAULT
#define FEATURES 0xc0000000
#define KEPT 3
#endif
#ifdef KEPT
    .section .note.gnu.property, "a", %note
    .p2align 3
    .long 4, 16, 5          /* lengths of name and rest, NT_GNU_PROPERTY_TYPE_0 */
    .asciz "GNU"
    .long FEATURES, 4, KEPT, 0
#endif
    .section .note.GNU-stack, "", %progbits
