#include "cli/show/assets.h"

#include "cli/shared/embed.h"

LLMOBS_EMBED(llmobs_page_js, LLMOBS_PAGE_JS);
LLMOBS_EMBED(llmobs_page_css, "cli/show/page.css");

static struct llmobs_page_asset asset(const char *from, const char *to,
                                      const char *source)
{
    return (struct llmobs_page_asset){{from, (size_t)(to - from)}, source};
}

struct llmobs_page_asset llmobs_page_script(void)
{
    return asset(llmobs_page_js, llmobs_page_js_end,
                 "'sha256-" LLMOBS_PAGE_JS_HASH "'");
}

struct llmobs_page_asset llmobs_page_style(void)
{
    return asset(llmobs_page_css, llmobs_page_css_end,
                 "'sha256-" LLMOBS_PAGE_CSS_HASH "'");
}
