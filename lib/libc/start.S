/* start - where the tool begins, instead of the compiler's start files.
 *
 * Those of one C library do not fit another: from glibc 2.34 on they leave the
 * program's constructors to libc, which an older one does not run; before that
 * they named functions that only their own archive has. The tool has neither
 * constructors nor destructors (scripts/check-imports), so that no libc has
 * anything to run here before main.
 */
    .text
    .globl _start
    .type _start, %function
_start:
    .cfi_startproc
#if defined __x86_64__
    .cfi_undefined rip
#ifdef __CET__
    endbr64                 /* the loader jumps here */
#endif
    xorl %ebp, %ebp
    movq %rdx, %r9          /* what the loader wants to be run at exit */
    popq %rsi               /* argc */
    movq %rsp, %rdx         /* argv */
    andq $-16, %rsp
    pushq %rax
    pushq %rsp              /* the stack's end */
    xorl %r8d, %r8d         /* no function of ours before main, */
    xorl %ecx, %ecx         /* and none behind it */
    leaq main(%rip), %rdi
    call *__libc_start_main@GOTPCREL(%rip)
    hlt
#elif defined __aarch64__
    .cfi_undefined x30
    hint #38                /* bti jc, for assemblers that do not know it */
    mov x29, #0
    mov x30, #0
    mov x5, x0              /* what the loader wants to be run at exit */
    ldr x1, [sp]            /* argc */
    add x2, sp, #8          /* argv */
    mov x6, sp              /* the stack's end */
    adrp x0, main
    add x0, x0, :lo12:main
    mov x3, #0              /* no function of ours before main, */
    mov x4, #0              /* and none behind it */
    bl __libc_start_main
    brk #1
#else
#error "no start for this processor: build with PORTABLE="
#endif
    .cfi_endproc
    .size _start, .-_start

#include "marks.S"
