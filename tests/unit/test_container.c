/* Tests the ids of containers and pods. */
#include "core/config/container.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#define A16 "0123456789abcdef"
#define A A16 A16 A16 A16
#define B16 "fedcba9876543210"
#define B B16 B16 B16 B16
#define U "11111111-2222-3333-4444-555555555555"
#define U_ "11111111_2222_3333_4444_555555555555"
#define STATIC A16 A16

static const struct {
    const char *path, *id, *uid;
} groups[] = {
    {"/docker/" A, A, ""},
    {"/system.slice/docker-" A ".scope", A, ""},
    {"/system.slice/docker-" A ".scope/system.slice/x.service", A, ""},
    {"/machine.slice/libpod-" A ".scope/container", A, ""},
    {"/docker/" A "/docker/" B, B, ""},
    {"/kubepods/burstable/pod" U "/" A, A, U},
    {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" U_
     ".slice/cri-containerd-" A ".scope",
     A, U},
    {"/kubepods.slice/kubepods-pod" U_ ".slice/crio-" A ".scope", A, U},
    {"/system.slice/containerd.service/kubepods-besteffort-pod" U_
     ".slice:cri-containerd:" A,
     A, U},
    {"/kubepods/pod" STATIC "/" B, B, STATIC},
    {"/../../pod" U "/" A, A, ""},
    /* no container: a monitor, another length, another digit, a host's */
    {"/machine.slice/crio-conmon-" A ".scope", "", ""},
    {"/docker/" A "0", "", ""},
    {"/docker/" A16 A16 A16 "0123456789ABCDEF", "", ""},
    {"/docker/" A16, "", ""},
    {"/system.slice/backup-" A ".service", "", ""},
    {"/user.slice/user-1000.slice/session-2.scope", "", ""},
    {"/kubepods/pod" U "x/x", "", ""},
    {"/kubepods/pod" A16 "/podium", "", ""},
    {"/", "", ""},
    {"", "", ""},
};

TEST(test_container_groups)
{
    for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
        struct llmobs_container found = {.id = ""};

        llmobs_container_read_group(llmobs_text_of(groups[i].path), &found);
        ck_assert_str_eq(found.id, groups[i].id);
        ck_assert_str_eq(found.pod_uid, groups[i].uid);
    }
}

#define LINE(root, point) \
    "36 35 98:0 " root " " point " rw - ext4 /dev/sda rw\n"
#define KUBELET "/var/lib/kubelet/pods/" U

static const struct {
    const char *mounts;
    bool pod;
    const char *id, *uid, *name;
} mounts[] = {
    {LINE("/", "/")
         LINE("/var/lib/docker/containers/" A "/hostname", "/etc/hostname"),
     false, A, "", ""},
    {LINE("/lib/containers/storage/overlay-containers/" A
          "/userdata/.containerenv",
          "/run/.containerenv"),
     false, A, "", ""},
    {LINE("/x/vfs-containers/" A "/userdata/hostname", "/etc/hostname"), false,
     "", "", ""},
    /* the files of a pod are its sandbox's */
    {LINE("/var/lib/docker/containers/" A "/hostname", "/etc/hostname"), true,
     "", "", ""},
    {LINE("/var/lib/docker/containers/" A "/hostname", "/etc/hostname")
         LINE(KUBELET "/etc-hosts", "/etc/hosts"),
     false, "", U, ""},
    {LINE("/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/" A
          "/hostname",
          "/etc/hostname")
         LINE(KUBELET "/containers/web/0a1b2c3d", "/dev/termination-log"),
     false, "", U, "web"},
    /* a host's own folders */
    {LINE("/var/lib/kubelet", "/var/lib/kubelet"), false, "", "", ""},
    {LINE(KUBELET "/volumes/x/containers/y/0a1b2c3d", "/data"), false, "", "",
     ""},
    {LINE(KUBELET "/containers/we_b/0a1b2c3d", "/log"), false, "", U, ""},
    {LINE("/pods/" U, "/etc/hosts"), false, "", "", ""},
    {"36 35 98:0", false, "", "", ""},
    {"\n\n 1 2 3 4 5 6\n", false, "", "", ""},
};

TEST(test_container_mounts)
{
    for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
        struct llmobs_container found = {.id = ""};

        llmobs_container_read_mounts(llmobs_text_of(mounts[i].mounts),
                                     mounts[i].pod, &found);
        ck_assert_str_eq(found.id, mounts[i].id);
        ck_assert_str_eq(found.pod_uid, mounts[i].uid);
        ck_assert_str_eq(found.name, mounts[i].name);
    }
}

/* Each beginning of a text is read within its bytes. */
TEST(test_container_cuts)
{
    for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
        size_t len = strlen(mounts[i].mounts);

        for (size_t cut = 0; cut < len; cut++) {
            char *text = strndup(mounts[i].mounts, cut);
            struct llmobs_container found = {.id = ""};

            ck_assert_ptr_nonnull(text);
            llmobs_container_read_mounts((struct llmobs_text){text, cut}, false,
                                         &found);
            llmobs_container_read_group((struct llmobs_text){text, cut},
                                        &found);
            free(text);
        }
    }
}

TEST(test_container_names)
{
    char out[8] = "";

    llmobs_container_set(out, sizeof(out), llmobs_text_of("a,b"));
    llmobs_container_set(out, sizeof(out), llmobs_text_of("a=b"));
    llmobs_container_set(out, sizeof(out), llmobs_text_of("12345678"));
    llmobs_container_set(out, sizeof(out), llmobs_text_of(NULL));
    ck_assert_str_eq(out, "");
    llmobs_container_set(out, sizeof(out), llmobs_text_of("a-1.B"));
    llmobs_container_set(out, sizeof(out), llmobs_text_of("c"));
    ck_assert_str_eq(out, "a-1.B");
}
