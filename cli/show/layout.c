#include "cli/show/layout.h"

#include <stdint.h>
#include <string.h>

#define QUESTION_LEAST 16
/* The most columns of a narrow screen for the model. */
#define MODEL_SHARE(room) ((room)*2 / 5)

#define NEVER SIZE_MAX

static const struct {
    const char *title;
    bool right;
    bool list;      /* it is of a list only */
    bool all;       /* where the width is any */
    unsigned spare; /* the highest number is left out first; 0: never */
    size_t least;   /* it shares the room with others, and needs this; or 0 */
    size_t from;    /* the least width of a screen that shows it */
} columns[LLMOBS_COLUMN_COUNT] = {
    [LLMOBS_COLUMN_TIME] = {"STARTED", false, true, true, 4, 0, 0},
    /* in KIND's place */
    [LLMOBS_COLUMN_LETTER] = {"", false, false, false, 1, 0, 0},
    [LLMOBS_COLUMN_NAME] = {"NAME", false, false, true, 0, 14, 0},
    [LLMOBS_COLUMN_KIND] = {"KIND", false, false, true, 7, 0,
                            LLMOBS_LAYOUT_KIND},
    [LLMOBS_COLUMN_MODEL] = {"MODEL", false, false, true, 6, 8, 0},
    [LLMOBS_COLUMN_TOKENS] = {"IN/OUT", true, false, false, 5, 0, 0},
    [LLMOBS_COLUMN_IN] = {"TOKENS IN", true, false, true, 0, 0, NEVER},
    [LLMOBS_COLUMN_OUT] = {"OUT", true, false, true, 0, 0, NEVER},
    [LLMOBS_COLUMN_DURATION] = {"DURATION", true, false, true, 2, 0, 0},
    [LLMOBS_COLUMN_FIRST] = {"1ST TOKEN", true, false, true, 8, 0,
                             LLMOBS_LAYOUT_FIRST},
    [LLMOBS_COLUMN_COST] = {"COST", true, false, false, 9, 0,
                            LLMOBS_LAYOUT_COST},
    [LLMOBS_COLUMN_STATUS] = {"STATUS", false, false, true, 3, 0, 0},
    [LLMOBS_COLUMN_TRACE] = {"TRACE", false, true, true, 10, 0,
                             LLMOBS_LAYOUT_COST},
    [LLMOBS_COLUMN_QUESTION] = {"QUESTION", false, false, false, 11,
                                QUESTION_LEAST, LLMOBS_LAYOUT_COST},
};

const char *llmobs_layout_title(enum llmobs_layout_column column)
{
    return columns[column].title;
}

bool llmobs_layout_right(enum llmobs_layout_column column)
{
    return columns[column].right;
}

/* -- the choice ----------------------------------------------------------- */

void llmobs_layout_init(struct llmobs_layout *layout, bool list, size_t width)
{
    memset(layout, 0, sizeof(*layout));
    layout->columns = width;
    for (int i = 0; i < LLMOBS_COLUMN_COUNT; i++) {
        layout->shown[i] =
            (list || !columns[i].list) &&
            (width == 0 ? columns[i].all : width >= columns[i].from);
        layout->width[i] = strlen(columns[i].title);
    }
    if (width >= LLMOBS_LAYOUT_KIND)
        layout->shown[LLMOBS_COLUMN_LETTER] = false;
    layout->width[LLMOBS_COLUMN_LETTER] = 1;
}

void llmobs_layout_want(struct llmobs_layout *layout,
                        enum llmobs_layout_column column, size_t width)
{
    if (width > layout->width[column])
        layout->width[column] = width;
}

/* -- the widths ----------------------------------------------------------- */

size_t llmobs_layout_gap(const struct llmobs_layout *layout,
                         enum llmobs_layout_column column)
{
    for (int i = (int)column + 1; i < LLMOBS_COLUMN_COUNT; i++)
        if (layout->shown[i])
            return column == LLMOBS_COLUMN_LETTER ? 1 : 2;
    return 0;
}

size_t llmobs_layout_before(const struct llmobs_layout *layout,
                            enum llmobs_layout_column column)
{
    size_t sum = 0;

    for (int i = 0; i < (int)column; i++)
        if (layout->shown[i])
            sum += layout->width[i] +
                   llmobs_layout_gap(layout, (enum llmobs_layout_column)i);
    return sum;
}

size_t llmobs_layout_end(const struct llmobs_layout *layout)
{
    size_t end = llmobs_layout_before(layout, LLMOBS_COLUMN_QUESTION);
    bool more = layout->shown[LLMOBS_COLUMN_QUESTION] && end >= 2;

    return more ? end - 2 : end;
}

/* The room for names, models and questions, and the least that they need. */
static size_t show_layout_room_of(const struct llmobs_layout *layout,
                                  size_t *least)
{
    size_t fixed = llmobs_layout_before(layout, LLMOBS_COLUMN_COUNT);

    *least = 0;
    for (int i = 0; i < LLMOBS_COLUMN_COUNT; i++) {
        if (!layout->shown[i] || columns[i].least == 0)
            continue;
        fixed -= layout->width[i];
        *least += columns[i].least;
    }
    return layout->columns > fixed ? layout->columns - fixed : 0;
}

/* Leaves out columns until the room is enough; answers what it is. */
static size_t drop_columns(struct llmobs_layout *layout)
{
    size_t least, room = show_layout_room_of(layout, &least);

    for (unsigned spare = LLMOBS_COLUMN_COUNT; spare > 0; spare--)
        for (int i = 0; i < LLMOBS_COLUMN_COUNT && room < least; i++) {
            layout->shown[i] &= columns[i].spare != spare;
            room = show_layout_room_of(layout, &least);
        }
    return room;
}

void llmobs_layout_fit(struct llmobs_layout *layout)
{
    size_t *name = &layout->width[LLMOBS_COLUMN_NAME];
    size_t *model = &layout->width[LLMOBS_COLUMN_MODEL];
    bool *question = &layout->shown[LLMOBS_COLUMN_QUESTION];
    size_t room, both, least;

    if (layout->columns == 0)
        return;
    room = drop_columns(layout);
    if (!layout->shown[LLMOBS_COLUMN_MODEL])
        *model = 0;
    both = *name + *model;
    *question = *question && room >= both + QUESTION_LEAST;
    room = show_layout_room_of(layout, &least);
    if (both > room) {
        if (*model > MODEL_SHARE(room))
            *model = *name + MODEL_SHARE(room) <= room ? room - *name
                                                       : MODEL_SHARE(room);
        *name = room - *model;
        both = room;
    }
    layout->width[LLMOBS_COLUMN_QUESTION] = room - both;
}
