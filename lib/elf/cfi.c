/* Interprets DWARF call frame information for one address. */
#include "lib/elf/cfi.h"

#include <errno.h>
#include <string.h>

/* DWARF's encodings of pointers, and operations of its expressions. */
/* Pairs of 32-bit numbers, relative to the table's header. */
#define TABLE_ENC 0x3b
#define COUNT_ENC 0x03
#define OP_BREG0 0x70
#define OP_BREG31 0x8f
#define OP_DEREF 0x06

/* -- reading numbers ------------------------------------------------------ */

/* Reads a DWARF table where it lies, and never beyond `end`. Past the end every
 * number is 0, and `bad` is set. */
struct reader {
    const unsigned char *at;
    const unsigned char *end;
    bool bad;
};

static void skip(struct reader *reader, uint64_t len)
{
    if (len > (size_t)(reader->end - reader->at))
        reader->bad = true;
    else
        reader->at += len;
}

static void read_bytes(struct reader *reader, void *to, size_t len)
{
    const unsigned char *from = reader->at;

    if (!reader->bad)
        skip(reader, len);
    if (reader->bad)
        memset(to, 0, len);
    else
        memcpy(to, from, len);
}

#define READ(name, type)                           \
    static type name(struct reader *reader)        \
    {                                              \
        type value;                                \
                                                   \
        read_bytes(reader, &value, sizeof(value)); \
        return value;                              \
    }
READ(read_u8, uint8_t)
READ(read_u16, uint16_t)
READ(read_u32, uint32_t)
READ(read_u64, uint64_t)
#undef READ

/* Reads a number of seven bits a byte; *shift tells how many bits it has. */
static uint64_t read_leb(struct reader *reader, unsigned *shift, uint8_t *last)
{
    uint64_t value = 0;

    *shift = 0;
    do {
        *last = read_u8(reader);
        if (*shift < 64)
            value |= (uint64_t)(*last & 0x7f) << *shift;
        *shift += 7;
    } while ((*last & 0x80) && !reader->bad);
    return value;
}

static uint64_t read_uleb(struct reader *reader)
{
    unsigned shift;
    uint8_t last;

    return read_leb(reader, &shift, &last);
}

static int64_t read_sleb(struct reader *reader)
{
    unsigned shift;
    uint8_t last;
    uint64_t value = read_leb(reader, &shift, &last);

    if ((last & 0x40) && shift < 64)
        value |= ~(uint64_t)0 << shift;
    return (int64_t)value;
}

/* Reads the text before the next NUL; "" when there is none. */
static const char *read_text(struct reader *reader)
{
    const unsigned char *from = reader->at;
    const unsigned char *nul =
        reader->bad ? NULL : memchr(from, 0, (size_t)(reader->end - from));

    if (!nul) {
        reader->bad = true;
        return "";
    }
    reader->at = nul + 1;
    return (const char *)from;
}

/* Reads a pointer in the encodings of position-independent code: absolute or
 * relative to its own place, never indirect. */
static uintptr_t read_pointer(struct reader *reader, uint8_t encoding)
{
    uintptr_t base = (encoding & 0x70) == 0x10 ? (uintptr_t)reader->at : 0;
    uint64_t value = 0;

    switch (encoding & 0x0f) {
    case 0x00: /* as wide as an address */
    case 0x04:
    case 0x0c:
        value = read_u64(reader);
        break;
    case 0x02:
        value = read_u16(reader);
        break;
    case 0x0a:
        value = (uint64_t)(int64_t)(int16_t)read_u16(reader);
        break;
    case 0x03:
        value = read_u32(reader);
        break;
    case 0x0b:
        value = (uint64_t)(int64_t)(int32_t)read_u32(reader);
        break;
    default:
        reader->bad = true;
    }
    return base + (uintptr_t)value;
}

/* A common information entry, together with the entry of one function. */
struct entry {
    uint64_t code_align;
    int64_t data_align;
    uint8_t return_reg;
    uint8_t pointer_enc;
    bool augmented;
    bool signal;
    struct reader start; /* instructions of all functions */
    struct reader own;   /* instructions of this function */
    uintptr_t begin;
};

struct machine {
    const struct entry *entry;
    uintptr_t at, target;
    struct llmobs_cfi_row *row;
    struct llmobs_cfi_row *initial, *saved;
    size_t saved_count;
    int rc;
};

/* -- finding the entry ---------------------------------------------------- */

static struct reader reader_at(const struct llmobs_loaded *object,
                               uintptr_t address)
{
    size_t left = llmobs_loaded_left(object, address);
    const unsigned char *data = (const unsigned char *)address;

    return (struct reader){data, data + left, left == 0};
}

static int find_entry(const struct llmobs_loaded *object, uintptr_t pc,
                      uintptr_t *address)
{
    const ElfW(Phdr) *header = llmobs_loaded_header(object, PT_GNU_EH_FRAME);
    uintptr_t base = header ? object->base + header->p_vaddr : 0;
    struct reader reader;
    uint8_t frame_enc;
    size_t low = 0, high;
    int32_t pair[2];

    if (!header)
        return -ENOENT;
    reader = reader_at(object, base);
    if (read_u8(&reader) != 1)
        return -ENOTSUP;
    frame_enc = read_u8(&reader);
    if (read_u8(&reader) != COUNT_ENC || read_u8(&reader) != TABLE_ENC)
        return -ENOTSUP;
    (void)read_pointer(&reader, frame_enc);
    high = read_u32(&reader);
    if (reader.bad || high == 0 ||
        high > (size_t)(reader.end - reader.at) / sizeof(pair))
        return -EBADMSG;
    /* The table is sorted by the first addresses of the functions. */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        memcpy(pair, reader.at + middle * sizeof(pair), sizeof(pair));
        if (base + (uintptr_t)(intptr_t)pair[0] <= pc)
            low = middle;
        else
            high = middle;
    }
    memcpy(pair, reader.at + low * sizeof(pair), sizeof(pair));
    *address = base + (uintptr_t)(intptr_t)pair[1];
    return 0;
}

/* Reads an entry's length, and makes the reader end where the entry ends. */
static bool read_length(struct reader *reader)
{
    uint32_t len = read_u32(reader);

    if (reader->bad || len == 0 || len > (size_t)(reader->end - reader->at))
        return false;
    reader->end = reader->at + len;
    return true;
}

/* Reads the augmentation data; `letters` tell its fields. */
static int read_augmentation(struct reader *reader, const char *letters,
                             struct entry *entry)
{
    entry->augmented = letters[0] == 'z';
    if (!entry->augmented)
        return letters[0] ? -ENOTSUP : 0;
    for (const char *c = letters + 1; *c; c++) {
        if (*c == 'R')
            entry->pointer_enc = read_u8(reader);
        else if (*c == 'L')
            (void)read_u8(reader);
        else if (*c == 'P')
            (void)read_pointer(reader, read_u8(reader));
        else if (*c == 'S')
            entry->signal = true;
        else if (*c != 'B') /* B: ARM's second key for signatures */
            return -ENOTSUP;
    }
    return 0;
}

static int read_common(const struct llmobs_loaded *object, uintptr_t address,
                       struct entry *entry)
{
    struct reader reader = reader_at(object, address), data;
    const char *letters;
    uint64_t ret, len;
    uint8_t version;

    if (!read_length(&reader) || read_u32(&reader) != 0)
        return -EBADMSG;
    version = read_u8(&reader);
    if (version != 1 && version != 3)
        return -ENOTSUP;
    letters = read_text(&reader);
    entry->code_align = read_uleb(&reader);
    entry->data_align = read_sleb(&reader);
    ret = version == 1 ? read_u8(&reader) : read_uleb(&reader);
    if (reader.bad || ret >= LLMOBS_FRAME_REGS)
        return -EBADMSG;
    entry->return_reg = (uint8_t)ret;
    data = reader;
    if (letters[0] == 'z') {
        len = read_uleb(&reader);
        data = reader;
        skip(&reader, len);
    }
    entry->start = reader;
    return reader.bad ? -EBADMSG : read_augmentation(&data, letters, entry);
}

static int read_entry(const struct llmobs_loaded *object, uintptr_t address,
                      uintptr_t pc, struct entry *entry)
{
    struct reader reader = reader_at(object, address);
    uintptr_t id_at, size;
    uint32_t id;
    int rc;

    if (!read_length(&reader))
        return -EBADMSG;
    id_at = (uintptr_t)reader.at;
    id = read_u32(&reader);
    if (reader.bad || id == 0)
        return -EBADMSG;
    rc = read_common(object, id_at - id, entry);
    if (rc)
        return rc;
    entry->begin = read_pointer(&reader, entry->pointer_enc);
    size = read_pointer(&reader, entry->pointer_enc & 0x0f);
    if (entry->augmented)
        skip(&reader, read_uleb(&reader));
    if (reader.bad)
        return -EBADMSG;
    if (pc - entry->begin >= size)
        return -ENOENT;
    entry->own = reader;
    return 0;
}

/* -- running its instructions --------------------------------------------- */

static void set_rule(struct machine *m, uint64_t reg, enum llmobs_cfi_kind kind,
                     uint8_t from, int64_t offset)
{
    if (reg >= LLMOBS_FRAME_REGS)
        return; /* no general register */
    if (offset < INT32_MIN || offset > INT32_MAX)
        kind = LLMOBS_CFI_NONE;
    m->row->regs[reg] = (struct llmobs_cfi_rule){
        (uint8_t)kind, from, kind == LLMOBS_CFI_NONE ? 0 : (int32_t)offset};
}

/* Reads an expression: register + offset, and then one DEREF when `pointed`. */
static struct llmobs_cfi_rule read_expression(struct reader *reader,
                                              bool pointed)
{
    struct llmobs_cfi_rule rule = {LLMOBS_CFI_NONE, 0, 0};
    struct reader code = *reader;
    uint64_t len = read_uleb(&code);
    int64_t offset;
    uint8_t op;

    *reader = code;
    skip(reader, len);
    if (reader->bad)
        return rule;
    code.end = reader->at;
    op = read_u8(&code);
    if (op < OP_BREG0 || op > OP_BREG31 || op - OP_BREG0 >= LLMOBS_FRAME_REGS)
        return rule;
    offset = read_sleb(&code);
    if (pointed && read_u8(&code) != OP_DEREF)
        return rule;
    if (code.bad || code.at != code.end || offset < INT32_MIN ||
        offset > INT32_MAX)
        return rule;
    rule = (struct llmobs_cfi_rule){LLMOBS_CFI_AT_REG, (uint8_t)(op - OP_BREG0),
                                    (int32_t)offset};
    return rule;
}

static void set_expression(struct machine *m, struct reader *reader, bool value)
{
    uint64_t reg = read_uleb(reader);
    struct llmobs_cfi_rule rule = read_expression(reader, false);

    if (value && rule.kind == LLMOBS_CFI_AT_REG)
        rule.kind = LLMOBS_CFI_PLUS_REG;
    set_rule(m, reg, (enum llmobs_cfi_kind)rule.kind, rule.reg, rule.offset);
}

static void restore(struct machine *m, uint64_t reg)
{
    if (reg < LLMOBS_FRAME_REGS)
        m->row->regs[reg] = m->initial->regs[reg];
}

static void advance_place(struct machine *m, uint64_t delta)
{
    m->at += delta * m->entry->code_align;
}

/* Turns a number of data_align steps into bytes. */
static int64_t to_bytes(const struct machine *m, uint64_t number)
{
    return (int64_t)(number * (uint64_t)m->entry->data_align);
}

static void run_offset(struct machine *m, struct reader *reader,
                       enum llmobs_cfi_kind kind, bool is_signed)
{
    uint64_t reg = read_uleb(reader);
    uint64_t number =
        is_signed ? (uint64_t)read_sleb(reader) : read_uleb(reader);

    set_rule(m, reg, kind, 0, to_bytes(m, number));
}

static void run_frame(struct machine *m, struct reader *reader, uint8_t op)
{
    uint64_t reg =
        op == 0x0e || op == 0x13 ? m->row->frame.reg : read_uleb(reader);
    int64_t offset = m->row->frame.offset;

    if (op == 0x0c || op == 0x0e)
        offset = (int64_t)read_uleb(reader);
    else if (op != 0x0d)
        offset = to_bytes(m, (uint64_t)read_sleb(reader));
    /* These operations change half of a rule; an expression has no halves. */
    if (m->row->frame.kind != LLMOBS_CFI_PLUS_REG && op != 0x0c && op != 0x12)
        m->rc = -EBADMSG;
    else
        m->row->frame =
            reg < LLMOBS_FRAME_REGS && offset >= INT32_MIN &&
                    offset <= INT32_MAX
                ? (struct llmobs_cfi_rule){LLMOBS_CFI_PLUS_REG, (uint8_t)reg,
                                           (int32_t)offset}
                : (struct llmobs_cfi_rule){LLMOBS_CFI_NONE, 0, 0};
}

static void run_long(struct machine *m, struct reader *reader, uint8_t op)
{
    uint64_t reg;

    switch (op) {
    case 0x00: /* nop */
        break;
    case 0x01: /* set_loc */
        m->at = read_pointer(reader, m->entry->pointer_enc);
        break;
    case 0x02: /* advance_loc1, 2, 4 */
        advance_place(m, read_u8(reader));
        break;
    case 0x03:
        advance_place(m, read_u16(reader));
        break;
    case 0x04:
        advance_place(m, read_u32(reader));
        break;
    case 0x05: /* offset_extended, _sf */
        run_offset(m, reader, LLMOBS_CFI_AT_FRAME, false);
        break;
    case 0x11:
        run_offset(m, reader, LLMOBS_CFI_AT_FRAME, true);
        break;
    case 0x06: /* restore_extended */
        restore(m, read_uleb(reader));
        break;
    case 0x07: /* undefined */
        set_rule(m, read_uleb(reader), LLMOBS_CFI_NONE, 0, 0);
        break;
    case 0x08: /* same_value */
        set_rule(m, read_uleb(reader), LLMOBS_CFI_SAME, 0, 0);
        break;
    case 0x09: /* register */
        reg = read_uleb(reader);
        {
            uint64_t from = read_uleb(reader);

            set_rule(m, reg,
                     from < LLMOBS_FRAME_REGS ? LLMOBS_CFI_PLUS_REG
                                              : LLMOBS_CFI_NONE,
                     (uint8_t)(from & 0x3f), 0);
        }
        break;
    case 0x0a:
        if (m->saved_count == LLMOBS_CFI_STATES)
            m->rc = -ENOTSUP;
        else
            m->saved[m->saved_count++] = *m->row;
        break;
    case 0x0b:
        if (m->saved_count == 0)
            m->rc = -EBADMSG;
        else
            *m->row = m->saved[--m->saved_count];
        break;
    case 0x0c: /* def_cfa, _register, _offset, _sf, _offset_sf */
    case 0x0d:
    case 0x0e:
    case 0x12:
    case 0x13:
        run_frame(m, reader, op);
        break;
    case 0x0f: /* def_cfa_expression */
        m->row->frame = read_expression(reader, true);
        break;
    case 0x10: /* expression */
        set_expression(m, reader, false);
        break;
    case 0x16: /* val_expression */
        set_expression(m, reader, true);
        break;
    case 0x14: /* val_offset, _sf */
        run_offset(m, reader, LLMOBS_CFI_PLUS_FRAME, false);
        break;
    case 0x15:
        run_offset(m, reader, LLMOBS_CFI_PLUS_FRAME, true);
        break;
    case 0x2d: /* AARCH64_negate_ra_state */
        m->row->sealed = !m->row->sealed;
        break;
    case 0x2e: /* GNU_args_size */
        (void)read_uleb(reader);
        break;
    default:
        m->rc = -ENOTSUP;
    }
}

static int run_program(struct machine *m, struct reader reader)
{
    while (!m->rc && reader.at < reader.end && m->at <= m->target) {
        uint8_t op = read_u8(&reader);

        if (op >> 6 == 1)
            advance_place(m, op & 0x3f);
        else if (op >> 6 == 2)
            set_rule(m, op & 0x3f, LLMOBS_CFI_AT_FRAME, 0,
                     to_bytes(m, read_uleb(&reader)));
        else if (op >> 6 == 3)
            restore(m, op & 0x3f);
        else
            run_long(m, &reader, op);
        if (reader.bad)
            m->rc = -EBADMSG;
    }
    return m->rc;
}

int llmobs_cfi_row(const struct llmobs_loaded *object, uintptr_t pc,
                   struct llmobs_cfi_row rows[LLMOBS_CFI_ROWS])
{
    struct entry entry = {.pointer_enc = 0};
    struct llmobs_cfi_row *row = &rows[0];
    struct machine m = {.entry = &entry,
                        .row = row,
                        .initial = &rows[1],
                        .saved = &rows[2],
                        .target = pc};
    uintptr_t address;
    int rc = find_entry(object, pc, &address);

    if (!rc)
        rc = read_entry(object, address, pc, &entry);
    if (rc)
        return rc;
    memset(row, 0, sizeof(*row));
    row->frame.kind = LLMOBS_CFI_NONE;
    row->return_reg = entry.return_reg;
    row->signal = entry.signal;
    rows[1] = *row;
    rc = run_program(&m, entry.start);
    rows[1] = *row;
    m.at = entry.begin;
    return rc ? rc : run_program(&m, entry.own);
}

/* -- a step --------------------------------------------------------------- */

/* The stack is read where it lies, with all that a sanitizer forbids to read.
 */
__attribute__((no_sanitize("address", "thread"))) static bool load_word(
    const struct llmobs_cfi_stack *stack, uintptr_t at, uintptr_t *value)
{
    if (at < stack->sp || at - stack->sp > stack->len ||
        stack->len - (at - stack->sp) < sizeof(*value))
        return false;
    memcpy(value, stack->data + (at - stack->sp), sizeof(*value));
    return true;
}

static bool knows(const struct llmobs_frame *frame, unsigned reg)
{
    return reg < LLMOBS_FRAME_REGS && (frame->known >> reg & 1);
}

/* Finds a register's value in the caller's frame; false where it is unknown. */
static bool value_of(const struct llmobs_cfi_rule *rule,
                     const struct llmobs_frame *frame, uintptr_t address,
                     const struct llmobs_cfi_stack *stack, uintptr_t *value)
{
    uintptr_t offset = (uintptr_t)(intptr_t)rule->offset;
    unsigned reg = rule->reg;

    switch ((enum llmobs_cfi_kind)rule->kind) {
    case LLMOBS_CFI_NONE:
    case LLMOBS_CFI_SAME:
        return false;
    case LLMOBS_CFI_AT_FRAME:
        return load_word(stack, address + offset, value);
    case LLMOBS_CFI_PLUS_FRAME:
        *value = address + offset;
        return true;
    case LLMOBS_CFI_PLUS_REG:
        if (!knows(frame, reg))
            return false;
        *value = frame->regs[reg] + offset;
        return true;
    case LLMOBS_CFI_AT_REG:
        return knows(frame, reg) &&
               load_word(stack, frame->regs[reg] + offset, value);
    }
    return false;
}

int llmobs_cfi_step(struct llmobs_frame *frame,
                    const struct llmobs_cfi_row *row,
                    const struct llmobs_cfi_stack *stack)
{
    struct llmobs_frame next = *frame;
    uintptr_t address;

    if (row->regs[row->return_reg].kind == LLMOBS_CFI_NONE)
        return -ENODATA;
    if (!value_of(&row->frame, frame, 0, stack, &address))
        return -EFAULT;
    next.exact = row->signal;
    for (unsigned i = 0; i < LLMOBS_FRAME_REGS; i++) {
        if (row->regs[i].kind == LLMOBS_CFI_SAME)
            continue; /* as most are, without an offset */
        next.known &= ~((uint64_t)1 << i);
        next.regs[i] = 0;
        if (value_of(&row->regs[i], frame, address, stack, &next.regs[i]))
            next.known |= (uint64_t)1 << i;
    }
    if (row->regs[LLMOBS_FRAME_SP].kind == LLMOBS_CFI_SAME)
        next.regs[LLMOBS_FRAME_SP] = address;
    next.known |= (uint64_t)1 << LLMOBS_FRAME_SP;
    if (!knows(&next, row->return_reg))
        return -EFAULT;
    next.pc = next.regs[row->return_reg];
    if (row->sealed) /* the signature lies in bits that no address uses */
        next.pc &= ((uintptr_t)1 << 48) - 1;
    /* Frames lie in order on the stack, and each begins at another address than
     * the one before; only a leaf function on ARM may have no stack. */
    if (next.pc == 0 ||
        (!row->signal &&
         (address < frame->regs[LLMOBS_FRAME_SP] ||
          (address == frame->regs[LLMOBS_FRAME_SP] && next.pc == frame->pc))))
        return -ENODATA;
    *frame = next;
    return 0;
}
