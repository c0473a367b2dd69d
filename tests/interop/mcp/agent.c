/* The agent of examples/tools.sh in C, by libcurl and jansson alone. */
#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static json_t *state;
static CURL *curl;

struct text {
    char *data;
    size_t len;
};

static size_t take(char *data, size_t size, size_t count, void *arg)
{
    struct text *text = arg;
    char *more = realloc(text->data, text->len + size * count + 1);

    if (!more)
        return 0;
    memcpy(more + text->len, data, size * count);
    text->data = more;
    text->len += size * count;
    more[text->len] = '\0';
    return size * count;
}

static size_t take_header(char *data, size_t size, size_t count, void *arg)
{
    static const char name[] = "mcp-session-id:";
    size_t len = size * count, at = sizeof(name) - 1;

    (void)arg;
    if (len > at && strncasecmp(data, name, at) == 0) {
        at += strspn(data + at, " ");
        json_object_set_new(
            state, "session",
            json_stringn(data + at, strcspn(data + at, "\r\n")));
    }
    return len;
}

static char *post(const char *url, json_t *body, const char *const headers[])
{
    struct curl_slist *list = NULL;
    struct text answer = {NULL, 0};
    char *text = json_dumps(body, JSON_COMPACT);
    CURLcode code;

    for (; *headers; headers++)
        list = curl_slist_append(list, *headers);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        printf("curl: %s\n", curl_easy_strerror(code));
        exit(1);
    }
    curl_slist_free_all(list);
    free(text);
    json_decref(body);
    return answer.data;
}

/* The result, from a document or a stream. */
static json_t *ask_tools(const char *method, json_t *params, int id)
{
    const char *session = json_string_value(json_object_get(state, "session"));
    char line[300];
    const char *const headers[] = {
        "Content-Type: application/json",
        "Accept: application/json, text/event-stream", session ? line : NULL,
        NULL};
    json_t *body = json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method",
                             method, "params", params);
    json_t *answer, *result;
    char *text;

    snprintf(line, sizeof(line), "Mcp-Session-Id: %s", session ? session : "");
    if (id)
        json_object_set_new(body, "id", json_integer(id));
    text = post(getenv("TOOLS"), body, headers);
    answer = text && strchr(text, '{')
                 ? json_loads(strchr(text, '{'), JSON_DISABLE_EOF_CHECK, NULL)
                 : NULL;
    result = json_incref(json_object_get(answer, "result"));
    json_decref(answer);
    free(text);
    return result;
}

static void begin(const char *question)
{
    json_t *tools = json_array(), *listed, *tool;
    size_t i;

    state = json_pack("{s:[{s:s, s:s}]}", "messages", "role", "user", "content",
                      question);
    json_decref(
        ask_tools("initialize",
                  json_pack("{s:s, s:{}, s:{s:s, s:s}}", "protocolVersion",
                            "2025-06-18", "capabilities", "clientInfo", "name",
                            "agent.c", "version", "1"),
                  1));
    json_decref(ask_tools("notifications/initialized", json_object(), 0));
    listed = ask_tools("tools/list", json_object(), 2);
    json_array_foreach(json_object_get(listed, "tools"), i, tool)
        json_array_append_new(
            tools,
            json_pack("{s:s, s:{s:O, s:O, s:O}}", "type", "function",
                      "function", "name", json_object_get(tool, "name"),
                      "description", json_object_get(tool, "description"),
                      "parameters", json_object_get(tool, "inputSchema")));
    json_decref(listed);
    json_object_set_new(state, "tools", tools);
}

static void call_tool(json_t *messages, json_t *call)
{
    json_t *function = json_object_get(call, "function");
    json_t *arguments = json_loads(
        json_string_value(json_object_get(function, "arguments")), 0, NULL);
    json_t *result = ask_tools("tools/call",
                               json_pack("{s:O, s:o}", "name",
                                         json_object_get(function, "name"),
                                         "arguments", arguments),
                               3);
    json_t *first = json_array_get(json_object_get(result, "content"), 0);

    json_array_append_new(messages,
                          json_pack("{s:s, s:O, s:O}", "role", "tool",
                                    "tool_call_id", json_object_get(call, "id"),
                                    "content", json_object_get(first, "text")));
    json_decref(result);
}

/* The model's turn, and the tools that it asks for; ends with the last answer.
 */
static void step(void)
{
    json_t *messages = json_object_get(state, "messages"), *answer, *message,
           *call;
    char url[300], key[300];
    const char *const headers[] = {"Content-Type: application/json", key, NULL};
    char *text;
    size_t i;

    snprintf(url, sizeof(url), "%s/v1/chat/completions", getenv("MODEL"));
    snprintf(key, sizeof(key), "Authorization: Bearer %s", getenv("MODEL_KEY"));
    text = post(url,
                json_pack("{s:s, s:O, s:O}", "model", "gpt-4o-mini", "messages",
                          messages, "tools", json_object_get(state, "tools")),
                headers);
    answer = json_loads(text, 0, NULL);
    free(text);
    message = json_object_get(
        json_array_get(json_object_get(answer, "choices"), 0), "message");
    json_array_append(messages, message);
    if (!json_object_get(message, "tool_calls")) {
        printf("%s\n", json_string_value(json_object_get(message, "content")));
        exit(0);
    }
    json_array_foreach(json_object_get(message, "tool_calls"), i, call)
        call_tool(messages, call);
    json_decref(answer);
}

int main(int argc, char **argv)
{
    const char *file = getenv("STATE");

    curl = curl_easy_init();
    state = file ? json_load_file(file, 0, NULL) : NULL;
    if (state)
        step();
    else
        begin(argc > 1 ? argv[1] : "");
    if (file)
        return json_dump_file(state, file, 0) == 0 ? 3 : 1;
    for (;;)
        step();
}
