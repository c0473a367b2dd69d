/* The starter of a process, by its control groups. */
#include <string.h>

#include "cli/doctor/host_starter.h"
#include "tests/unit/unit.h"

#define ID "2560e2bcd2d81864b76aec747f5b945fda09d1caeb1d6d2f29a7b2c1a5c0e5a1"

static void expect(const char *groups, const char *base,
                   enum llmobs_starter_kind kind, const char *name)
{
    struct llmobs_starter starter;

    llmobs_starter_read(&starter, groups, base);
    ck_assert_msg(starter.kind == kind, "%s: %s", groups,
                  llmobs_starter_name(starter.kind));
    ck_assert_str_eq(starter.name, name);
}

TEST(started_by_a_unit)
{
    expect("0::/system.slice/php8.2-fpm.service\n", "php-fpm8.2",
           LLMOBS_STARTER_UNIT, "php8.2-fpm.service");
    expect("12:pids:/system.slice/shop.service\n"
           "1:name=systemd:/system.slice/shop.service\n",
           "shop", LLMOBS_STARTER_UNIT, "shop.service");
    expect("0::/system.slice/system-shop.slice/shop@2.service/worker\n", "shop",
           LLMOBS_STARTER_UNIT, "shop@2.service");
    expect("0::/user.slice/user-1000.slice/user@1000.service/app.slice/"
           "bot.service\n",
           "python3", LLMOBS_STARTER_USER, "bot.service");
}

TEST(started_by_cron)
{
    expect("0::/system.slice/cron.service\n", "cron", LLMOBS_STARTER_UNIT,
           "cron.service");
    expect("0::/system.slice/cron.service\n", "report", LLMOBS_STARTER_CRON,
           "cron.service");
    expect("0::/system.slice/crond.service\n", "curl", LLMOBS_STARTER_CRON,
           "crond.service");
    expect("0::/system.slice/cronicle.service\n", "node", LLMOBS_STARTER_UNIT,
           "cronicle.service");
}

TEST(started_in_a_container)
{
    expect("12:memory:/docker/" ID "\n0::/\n", "php", LLMOBS_STARTER_CONTAINER,
           ID);
    expect("0::/system.slice/docker-" ID ".scope\n", "php",
           LLMOBS_STARTER_CONTAINER, ID);
    expect("0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-"
           "pod1f.slice/cri-containerd-" ID ".scope\n",
           "php", LLMOBS_STARTER_CONTAINER, ID);
    expect("11:cpu:/kubepods/burstable/pod7c2b/" ID "\n", "php",
           LLMOBS_STARTER_CONTAINER, ID);
    expect("0::/user.slice/user-1000.slice/user@1000.service/user.slice/"
           "libpod-" ID ".scope/container\n",
           "php", LLMOBS_STARTER_CONTAINER, ID);
    /* A service within the container is switched on by its image. */
    expect("0::/lxc.payload.web/system.slice/nginx.service\n", "nginx",
           LLMOBS_STARTER_CONTAINER, "web");
}

TEST(started_by_hand)
{
    expect("", "curl", LLMOBS_STARTER_HAND, "");
    expect("0::/\n", "curl", LLMOBS_STARTER_HAND, "");
    expect("no colon\n:\n::\n0::relative\n", "curl", LLMOBS_STARTER_HAND, "");
    expect("0::/user.slice/user-1000.slice/session-3.scope\n", "curl",
           LLMOBS_STARTER_HAND, "");
    expect("0::/user.slice/user-1000.slice/user@1000.service/init.scope\n",
           "systemd", LLMOBS_STARTER_HAND, "");
    expect("0::/dockers/deadbeef\n", "curl", LLMOBS_STARTER_HAND, "");
}

TEST(how_it_is_switched_on)
{
    struct llmobs_starter starter = {LLMOBS_STARTER_USER, "bot.service"};
    char text[256];

    llmobs_starter_advice(&starter, "/l/shim.so", text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "systemctl --user edit bot.service"));
    ck_assert_ptr_nonnull(strstr(text, "LD_PRELOAD=/l/shim.so "));
    starter.kind = LLMOBS_STARTER_UNIT;
    llmobs_starter_advice(&starter, "/l/shim.so", text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "systemctl edit bot.service"));
    starter.kind = LLMOBS_STARTER_CRON;
    llmobs_starter_advice(&starter, "/l/shim.so", text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "crontab"));
}
