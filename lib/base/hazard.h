/* hazard - marks the code that handles a hazard.
 *
 *     LLMOBS_HAZARD(name, with, without)
 *
 * Each build has `with`. scripts/mutate compiles the file once more, with
 * -DLLMOBS_WITHOUT_<name>=1: then it has `without`, and a test that
 * scripts/mutations.py names beside `name` must fail. Marks of one name change
 * together.
 *
 * `with` and `without` are any C text, also none, also other marks. A comma
 * that stands outside of parentheses needs LLMOBS_HAZARD_LIST: its value is
 * what is between its parentheses.
 */
#ifndef LLMOBS_HAZARD_H
#define LLMOBS_HAZARD_H

#define LLMOBS_HAZARD(name, with, without) \
    LLMOBS_HAZARD_TRY(LLMOBS_WITHOUT_##name, (with), (without))
#define LLMOBS_HAZARD_LIST(...) __VA_ARGS__

/* -D makes the flag a 1, and the word before OUT a comma: then OUT is the
 * second argument of PICK, else IN is. The parentheses around `with` and
 * `without` keep the commas of each in one argument. */
#define LLMOBS_HAZARD_TRY(flag, with, without) \
    LLMOBS_HAZARD_LOOK(flag, with, without)
#define LLMOBS_HAZARD_LOOK(flag, with, without)                      \
    LLMOBS_HAZARD_PICK(LLMOBS_HAZARD_COMMA_##flag LLMOBS_HAZARD_OUT, \
                       LLMOBS_HAZARD_IN, )                           \
    (with, without)
#define LLMOBS_HAZARD_COMMA_1 ,
#define LLMOBS_HAZARD_PICK(...) LLMOBS_HAZARD_SECOND(__VA_ARGS__)
#define LLMOBS_HAZARD_SECOND(first, second, ...) second
#define LLMOBS_HAZARD_IN(with, without) LLMOBS_HAZARD_LIST with
#define LLMOBS_HAZARD_OUT(with, without) LLMOBS_HAZARD_LIST without

#endif
