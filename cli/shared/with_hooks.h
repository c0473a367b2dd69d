/* with_hooks - the programs in which LLMOBS_INBOUND and LLMOBS_ENTRY have an
 * effect on the requests that they serve, and those in which they surely have
 * none, as patterns (glob.h). docs/SDK.md has the servers. Of any other program
 * it is not known: it may start one of these, or have one inside.
 */
#ifndef LLMOBS_WITH_HOOKS_H
#define LLMOBS_WITH_HOOKS_H

#define LLMOBS_SERVED "python*,ruby*,perl*,php*,R,Rscript,node*"
#define LLMOBS_SERVED_BARE "lua*" /* without LLMOBS_ENTRY */
#define LLMOBS_UNSERVED                                            \
    "java,dotnet,deno,bun,beam.smp,erl,nginx,haproxy,caddy,envoy," \
    "traefik,kong,curl,wget*"
#define LLMOBS_SERVED_WORDS \
    "servers in Lua, Node, PHP, Perl, Python, R and Ruby"

#endif
