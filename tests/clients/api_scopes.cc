// The C API from C++: spans that end with their scope, by return or exception.
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "llmobs.h"

static void throws()
{
    llmobs::scope span(LLMOBS_TOOL);

    throw std::runtime_error("no");
}

static void lookup(llmobs_span_t parent)
{
    llmobs_start_options options = {};

    options.size = sizeof options;
    options.kind = LLMOBS_RETRIEVAL;
    options.name = "lookup";
    options.parent = parent;
    {
        llmobs::scope span(options);
        llmobs_document documents[2] = {};
        llmobs_annotation annotation = {};

        documents[0].text = "a";
        documents[1].text = "b";
        annotation.size = sizeof annotation;
        annotation.input.text = "q";
        annotation.output.documents = documents;
        annotation.output.document_count = 2;
        if (llmobs_annotate(span, &annotation) < 0)
            std::puts("annotate failed");
    }
}

int main()
{
    llmobs::scope root(LLMOBS_WORKFLOW);
    llmobs::proxied_scope direct(LLMOBS_PROXIED_NO);

    std::thread thread(lookup, root.get());
    thread.join();
    try {
        throws();
    } catch (const std::exception &error) {
        std::puts(error.what());
    }
    return llmobs_annotate_text(root, "in", "out") < 0;
}
