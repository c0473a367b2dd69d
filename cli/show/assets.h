/* assets - the script and the style of the page, which the build puts into the
 * tool, and the sources that the page's policy allows for them.
 *
 * Threads: any.
 */
#ifndef LLMOBS_PAGE_ASSETS_H
#define LLMOBS_PAGE_ASSETS_H

#include "lib/base/buf.h"

struct llmobs_page_asset {
    struct llmobs_text text;
    const char *source; /* 'sha256-...', as Content-Security-Policy has it */
};

struct llmobs_page_asset llmobs_page_script(void);
struct llmobs_page_asset llmobs_page_style(void);

#endif
