/* Reads container and pod from control groups, mounts and variables. */
#include "core/config/container.h"

#include <stdio.h>
#include <string.h>

#define UUID_LEN 36
#define STATIC_LEN 32 /* of the hash that is the uid of a static pod */

void llmobs_container_set(char *out, size_t cap, struct llmobs_text text)
{
    if (out[0] || text.len == 0 || text.len >= cap)
        return;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (!llmobs_is_digit(c) && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') &&
            c != '-' && c != '.')
            return;
    }
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
}

static bool is_hex(struct llmobs_text text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!llmobs_is_digit(text.data[i]) &&
            !(text.data[i] >= 'a' && text.data[i] <= 'f'))
            return false;
    return true;
}

/* -- the control group ----------------------------------------------------- */

static void read_id(struct llmobs_text part, struct llmobs_container *out)
{
    static const char end[] = ".scope";
    static const char runtimes[] = "docker-\0cri-containerd-\0crio-\0"
                                   "libpod-\0nerdctl-\0";
    struct llmobs_text id;

    if (part.len > sizeof(end) && memcmp(part.data + part.len - sizeof(end) + 1,
                                         end, sizeof(end) - 1) == 0)
        part.len -= sizeof(end) - 1;
    if (part.len < LLMOBS_CONTAINER_ID_LEN)
        return;
    part.len -= LLMOBS_CONTAINER_ID_LEN;
    id = (struct llmobs_text){part.data + part.len, LLMOBS_CONTAINER_ID_LEN};
    /* Before the id in the name of a container's group may stand a runtime's
     * prefix, or a text with colons, where containerd joins three names.
     * "crio-conmon-" is the group of a monitor, not of a container. */
    if (is_hex(id) && (part.len == 0 || part.data[part.len - 1] == ':' ||
                       llmobs_text_among(part, runtimes)))
        snprintf(out->id, sizeof(out->id), "%.*s", (int)id.len, id.data);
}

/* Reads a pod's uid at the beginning of a text, in which systemd writes each
 * '-' as '_'. */
static bool read_uid(struct llmobs_text text, struct llmobs_container *out)
{
    char uid[UUID_LEN + 1];
    size_t len = 0;

    for (; len < text.len && len < UUID_LEN; len++) {
        char c = text.data[len] == '_' ? '-' : text.data[len];
        bool sign = len == 8 || len == 13 || len == 18 || len == 23;

        if (sign ? c != '-' : !is_hex((struct llmobs_text){&c, 1}))
            break;
        uid[len] = c;
    }
    if (len != UUID_LEN) {
        len = STATIC_LEN;
        if (text.len < len || !is_hex((struct llmobs_text){text.data, len}))
            return false;
        memcpy(uid, text.data, len);
    }
    if (len < text.len && !strchr("/.:", text.data[len]))
        return false;
    llmobs_container_set(out->pod_uid, sizeof(out->pod_uid),
                         (struct llmobs_text){uid, len});
    return true;
}

void llmobs_container_read_group(struct llmobs_text path,
                                 struct llmobs_container *out)
{
    bool kube = memmem(path.data, path.len, "kubepods", 8);
    struct llmobs_text part;
    const char *at;

    while (llmobs_text_split(&path, '/', &part)) {
        read_id(part, out);
        while (kube && (at = memmem(part.data, part.len, "pod", 3))) {
            part.len -= (size_t)(at + 3 - part.data);
            part.data = at + 3;
            if (read_uid(part, out))
                break;
        }
    }
}

/* -- the mounts ------------------------------------------------------------ */

/* The text behind the last `word` in it; empty: it has none. */
static struct llmobs_text text_behind(struct llmobs_text text, const char *word)
{
    size_t len = strlen(word);

    for (size_t at = text.len; at-- > 0;)
        if (text.len - at > len && memcmp(text.data + at, word, len) == 0)
            return (struct llmobs_text){text.data + at + len,
                                        text.len - at - len};
    return (struct llmobs_text){"", 0};
}

/* "/var/lib/kubelet/pods/UID/containers/NAME/HASH", "…/pods/UID/etc-hosts" */
static void read_kubelet(struct llmobs_text root, struct llmobs_text point,
                         struct llmobs_container *out)
{
    struct llmobs_text rest = text_behind(root, "/pods/"), uid, kind, name;

    if (!llmobs_text_split(&rest, '/', &uid) ||
        !llmobs_text_split(&rest, '/', &kind))
        return;
    if (llmobs_text_is(kind, "containers") &&
        llmobs_text_split(&rest, '/', &name) && rest.len == 8 && is_hex(rest) &&
        read_uid(uid, out))
        llmobs_container_set(out->name, sizeof(out->name), name);
    else if (llmobs_text_is(kind, "etc-hosts") &&
             llmobs_text_is(point, "/etc/hosts"))
        (void)read_uid(uid, out);
}

void llmobs_container_read_mounts(struct llmobs_text mounts, bool pod,
                                  struct llmobs_container *out)
{
    char id[LLMOBS_CONTAINER_ID_LEN + 1] = "";
    struct llmobs_text line, field[5];

    while (llmobs_text_split(&mounts, '\n', &line)) {
        int n = 0;
        bool docker;
        struct llmobs_text rest;
        struct llmobs_text root;

        while (n < 5 && llmobs_text_split(&line, ' ', &field[n]))
            n++;
        if (n < 5)
            continue;
        read_kubelet(field[3], field[4], out);
        /* Docker's "…/containers/ID/hostname", Podman's
         * "…/overlay-containers/ID/userdata/.containerenv". */
        root = field[3];
        docker = llmobs_text_is(field[4], "/etc/hostname");
        rest = text_behind(root, docker ? "/containers/" : "-containers/");
        if (rest.len > LLMOBS_CONTAINER_ID_LEN &&
            (docker || llmobs_text_is(field[4], "/run/.containerenv"))) {
            root = (struct llmobs_text){rest.data + LLMOBS_CONTAINER_ID_LEN,
                                        rest.len - LLMOBS_CONTAINER_ID_LEN};
            rest.len = LLMOBS_CONTAINER_ID_LEN;
            if (is_hex(rest) &&
                llmobs_text_is(root, docker ? "/hostname"
                                            : "/userdata/.containerenv"))
                llmobs_container_set(id, LLMOBS_CONTAINER_ID_LEN + 1, rest);
        }
    }
    if (!pod && !out->pod_uid[0])
        llmobs_container_set(out->id, sizeof(out->id), llmobs_text_of(id));
}
