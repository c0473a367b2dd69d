"""The hazards of a library inside other people's programs, each with one
mutation that takes its handling out and the tests that must notice.

Read by scripts/mutate, which also makes the page HAZARDS.md of it.  A row is
(hazard, handling, mutations); a mutation is (name, edits, tests), an edit
(file, old, new) with `old` exactly once in the file.  An `old` may be None: the
line `new` is put at the file's end.  Tests: names of tests/integration/run;
"preload NAME" of tests/preload/run; "unit CASE" of the unit tests; "doctor
PART" of tests/cli/doctor.py, and so "doctor_otlp PART", "drain PART", "purge
PART", "page PART", "screens PART", "terminal PART",
"cost PART", "launcher PART"; "cli FUNCTION"
of tests/cli/run; "container CASE" of tests/container/run.
"""

OUTGOING = "core/capture/outgoing.c"
CALLBACKS = "core/capture/callbacks.c"
CAPTURE = "core/capture/capture.c"
EASY = "core/capture/easy.c"
HANDLE = "core/capture/handle.c"
KEYED = "lib/base/keyed.c"
MULTI = "core/capture/multi.c"
INJECT = "core/trace/inject.c"
READ = "core/log/adopt.c"
ENTRY = "core/log/exchange_entry.c"

HAZARDS = [
    ("setopt inside callbacks",
     "while the library's values are set, it notes the app's and does not "
     "forward them (`llmobs_callbacks_own`)", [
         ("owns-nothing", [(CALLBACKS, "    return (handle->in & "
                                       "setting->in) ||\n           "
                                       "llmobs_replay_owns(handle->replay, "
                                       "(CURLoption)setting->option);",
                            "    return "
                                       "llmobs_replay_owns(handle->replay, "
                                       "(CURLoption)setting->option);")],
          ["hazards.changed_within_a_callback"])]),

    ("calls that are led to a mock, on handles whose settings lead elsewhere",
     "libcurl has the mock's values for the time of the transfer, and the "
     "program's again afterwards; only this host is a mock's "
     "(`llmobs_replay_restore`, `settle_replay`)", [
         ("led-for-good", [(CALLBACKS, "    "
                                       "llmobs_replay_restore(handle->replay,"
                                       " &handle->app, handle->real, curl);"
                                       "\n", "")],
          ["record.led_to_the_mock"]),
         ("led-by-others", [("core/capture/replay.c",
                             "\n        if (replay->set[i] || i == "
                             "BY_ENVIRONMENT)\n            "
                             "(void)real->easy_setopt(curl, "
                             "(CURLoption)all[i].option,\n"
                             "                                    (void *)",
                             "        if (i == BY_ENVIRONMENT)\n            "
                             "(void)real->easy_setopt(curl, "
                             "(CURLoption)all[i].option,\n"
                             "                                    (void *)")],
          ["record.led_past_other_settings", "unit all_settings_come_back"]),
         ("led-away", [("core/config/config_read.c", "strncmp(*url, begin, strlen("
                        "begin)) == 0 &&", "true &&")],
          ["record.led_to_this_host_alone"])]),

    ("reset, before, during and after a transfer",
     "the handle's record is reset as libcurl resets the handle "
     "(`llmobs_ops_easy_reset`)", [
         ("reset-unseen", [(EASY, "    else\n        llmobs_handle_reset"
                            "(handle);", "")],
          ["programs.easy_cases.reset_reused",
           "programs.header_cases.reset_in_multi"])]),

    ("duphandle, before, during and after a transfer",
     "the copy gets the app's settings, not the library's, and a record of "
     "its own (`llmobs_ops_easy_duphandle`)", [
         ("twin-keeps-ours", [(CAPTURE, "    llmobs_callbacks_restore(from, twin);\n", "")],
          ["programs.hazard_cases.twin_of_a_busy_one",
           "headers.lists_of_programs", "programs.push_cases.accepted"]),
         ("twin-forgets", [(HANDLE, "    return "
                                    "llmobs_settings_copy(&to->app, "
                                    "&from->app) &&\n           "
                                    "llmobs_replay_copy(&to->replay, "
                                    "from->replay);",
                            "    return from;")],
          ["programs.easy_cases.duplicated"])]),

    ("a handle reused on another host",
     "the library notes every URL (`llmobs_handle_note`)", [
         ("first-url-stays", [("core/capture/settings.c", "    case ADDRESS:\n"
                                                          "        (void)settings_set_url(app, arg);",
                               "    case ADDRESS:\n"
                               "        if (!app->url || !app->url[0])\n"
                               "            (void)settings_set_url(app, arg);")],
          ["programs.hazard_cases.other_host"])]),

    ("memory above the stack pointer that others unmap at any moment",
     "the library reads a stack only if it knows the stack's end, "
     "elsewhere its own page (`llmobs_stack_sure`)", [
         ("one-page-more", [("lib/base/stack.c", "    return (last | (PAGE - 1)) "
                             "+ 1 - sp;",
                             "    return (last | (PAGE - 1)) + 1 + PAGE - sp;")],
          ["caller.on_other_stacks", "unit of_a_coroutine_one_page"]),
         ("any-stack-is-the-threads", [("lib/base/stack.c", " || sp < block.begin "
                                        "+ block.guard)", ")")],
          ["unit of_other_stacks_in_a_thread_one_page"]),
         ("given-stacks-are-whole", [("lib/base/stack.c", "           is_page("
                                      "block->guard) && block->guard < ",
                                      "           block->guard < ")],
          ["unit of_a_stack_that_a_thread_was_given_one_page"])]),

    ("an object that is unloaded between two frames of a walk",
     "the object that was found last is believed under the loader's lock "
     "alone, and only if the loader has counted no change since (`is_in_last`)",
     [
         ("last-object-stays", [("lib/elf/loaded.c",
                                 "    if (now.adds != last->counts.adds || "
                                 "now.subs != last->counts.subs)\n",
                                 "    if (now.adds < last->counts.adds)\n")],
          ["unit the_last_object_until_one_goes"])]),

    ("an umask that takes the app's own rights from its files",
     "a new file of the spool has the rights of its user, whatever the mask "
     "(`set_rights`)", [
         ("mask-obeyed", [("core/log/spool.c", "    if (fstat(fd, &st) != 0 "
                           "|| (st.st_mode & 07777) != 0600)",
                           "    if (fstat(fd, &st) != 0)")],
          ["unit any_mask"])]),

    ("a program that a loader got as its argument (`ld.so PROGRAM`): to the "
     "kernel, the loader runs",
     "the program is the file that its code is mapped from "
     "(`lib/base/maps`)", [
         ("loader-calls", [("core/trace/caller.c", "    return getauxval("
                            "AT_BASE) == 0;", "    return false;")],
          ["caller.agents_of_a_loader"])]),

    ("a program's file with a hundred thousand symbols, on the app's thread; "
     "another file at its path, where another process looks",
     "a process that leaves its call to a relay reads no file for the names of "
     "its callers, and the relay believes one with the same build id alone "
     "(`core/trace/caller_left`)", [
         ("names-itself", [("core/trace/caller.c", "    if (!look->leave)\n",
                            "    if (look)\n")],
          ["relay.names_of_callers_are_the_relays_work"]),
         ("any-path-opened", [("lib/elf/symbol.c",
                               "&st, 0) == 0 && may_be_object(&st))",
                               "&st, 0) == 0)")],
          ["unit no_name_from_a_pipe"]),
         ("any-file-names", [("lib/elf/symbol.c",
                              " && strcmp(found, id) == 0)", ")")],
          ["relay.names_of_callers_are_the_relays_work",
           "unit a_name_by_build_id"]),
         ("nobody-names", [("core/event/to_span.c", "        llmobs_left_name("
                            "caller, left);", "        (void)caller;")],
          ["relay.names_of_callers_are_the_relays_work"])]),

    ("little stack, of a thread or a coroutine",
     "no frame has more than 512 bytes (`Makefile`, FRAME); larger things "
     "are blocks that the library keeps (`lib/base/scratch`), and deep "
     "work runs on a thread of the library (`llmobs_aside_run`)", [
         ("writer-on-the-stack", [("core/log/spool.c", "    written = "
                                   "llmobs_scratch_take(sizeof(*written));",
                                   "    struct written here;\n\n    written = "
                                   "&here;"),
                                  ("core/log/spool.c", "    llmobs_scratch_give("
                                   "written);\n", ""),
                                  ("Makefile", "FRAME := 512",
                                   "FRAME := 20000")],
          ["stack.least_of_a_call"]),
         ("ends-where-it-is", [("lib/base/aside.c", "    if (llmobs_stack_room("
                                "LLMOBS_STACK_ENTRY()) >= LLMOBS_ASIDE_ROOM)",
                                "    if (ms >= 0)")],
          ["stack.least_of_an_end"]),
         ("rest-uncounted", [("core/deliver/worker_exit.c", "    else if (rc)\n"
                                                            "        worker_exit_give_up(worker, deadline);\n", "")],
          ["stack.least_of_an_end"])]),

    ("several threads",
     "only one exchange claims a free record of its key "
     "(`lib/base/keyed.c`)", [
         ("unclaimed-record", [(KEYED, "#include <stdlib.h>",
                                "#include <sched.h>\n#include <stdlib.h>"),
                               (KEYED, "           atomic_compare_exchange_"
                                "strong(&record->key, &none,\n               "
                                "                           ",
                                "           (sched_yield(), !none) && "
                                "atomic_exchange(&record->key, ")],
          ["unit each_record_has_one_user"]),
         ("untaken-place", [(KEYED, "#include <stdlib.h>",
                             "#include <sched.h>\n#include <stdlib.h>"),
                            (KEYED, "        if (atomic_compare_exchange_strong("
                             "&place->key, &none,\n                          "
                             "                 (uintptr_t)place))\n",
                             "        if (!none && !atomic_load(&place->key) "
                             "&&\n            (sched_yield(), "
                             "atomic_exchange(&place->key, (uintptr_t)place), "
                             "true))\n")],
          ["unit each_record_has_one_user"])]),

    ("tens of thousands of live handles",
     "the table of handles gets another level where a handle finds no place, "
     "and moves nothing; a search looks at one cache line of each level "
     "(`lib/base/keyed.c`)", [
         ("never-grows", [(KEYED, "    if (bits > LLMOBS_KEYED_BITS)",
                           "    if (bits > 0)")],
          ["unit each_of_many_is_found", "programs.life_cases.many_handles"]),
         ("old-levels-forgotten", [(KEYED, "        record = keyed_find_in(line_in(level, key), key);\n"
                                           "    return",
                                    "    {\n"
                                    "        record = keyed_find_in(line_in(level, key), key);\n"
                                    "        break;\n"
                                    "    }\n"
                                    "    return")],
          ["unit each_of_many_is_found"]),
         ("records-stay-with-their-place", [(KEYED, "        record = "
                                             "recycle_any(state, key);",
                                             "        record = NULL;")],
          ["unit new_addresses_take_old_records"]),
         ("place-kept-without-record", [(KEYED, "        atomic_store_explicit("
                                         "&place->key, 0, memory_order_"
                                         "release);\n        return NULL;",
                                         "        return NULL;")],
          ["unit without_memory"])]),

    ("multi with socket_action and info_read",
     "a transfer ends when info_read says so "
     "(`llmobs_ops_multi_info_read`)", [
         ("info-read-unseen", [(MULTI, "        llmobs_capture_finish(handle, "
                                "LLMOBS_END_DONE, message->data.result);\n",
                                "")],
          ["hazards.failures_of_a_multi"])]),

    ("multi: messages that the library has to read before the app does",
     "the library keeps them, in their order, and gives them to the app "
     "(`core/capture/multi_messages.c`)", [
         ("news-lost", [("core/capture/multi_messages.c",
                         "    struct llmobs_news *news = multi_messages_find(multi);\n"
                         "    CURLMsg *message;",
                         "    struct llmobs_news *news = NULL;\n    CURLMsg "
                         "*message;")],
          ["programs.edge_cases.news_unread"])]),

    ("another thread's new multi, at the address that libcurl has just freed",
     "the messages of the old one leave it before libcurl frees it "
     "(`llmobs_multi_messages_detach`)", [
         ("news-of-another", [("core/capture/multi_messages.c",
                               "        llmobs_keyed_rename(&news->keyed, news);",
                               "        (void)0;")],
          ["unit a_new_one_at_the_same_address"])]),

    ("thousands of transfers in a multi, removed before the app reads their "
     "messages",
     "a handle's record knows where in the list its message is "
     "(`multi_messages_place_of`)", [
         ("places-unmoved", [("core/capture/multi_messages.c", "            multi_messages_put(news, news->list[i]);",
                              "            news->list[news->end++] = "
                              "news->list[i];")],
          ["unit one_goes_as_another_comes"]),
         ("strangers-unseen", [("core/capture/multi_messages.c",
                                "        news->strange = true;", "        (void)0;")],
          ["unit strange_ones"]),
         ("members-uncounted", [("core/capture/multi.c", "    if (!going->adds || "
                                 "llmobs_adds_members(going->adds) > 0)",
                                 "    if (!going->adds)")],
          ["programs.multi_cases.multi_first"])]),

    ("multi: removed before done",
     "remove_handle ends the exchange (`multi_leave`)", [
         ("remove-unseen", [(MULTI, "    if (handle)\n"
                                    "        multi_leave(handle, curl, &ending);", "")],
          ["programs.multi_cases.removed_early",
           "programs.multi_cases.removed_and_reused"])]),

    ("multi: cleanup without remove, of the handle or of the multi",
     "both end the exchange (`llmobs_ops_easy_cleanup`, `multi_end_rest`)", [
         ("cleanup-unseen", [(EASY, "    llmobs_capture_finish(handle, "
                              "ending.end, ending.code);\n    llmobs_handle_"
                              "release(handle);",
                              "    llmobs_handle_release(handle);")],
          ["programs.multi_cases.cleaned_early"]),
         ("multi-cleanup-unseen", [(MULTI, "    end_each(&going, multi_end_rest);\n",
                                    "    (void)end_rest;\n")],
          ["programs.multi_cases.multi_first"])]),

    ("a handle moved to a second multi",
     "when a handle leaves a multi, the library forgets that multi "
     "(`multi_leave`)", [
         ("multi-remembered", [(MULTI, "    llmobs_capture_finish(handle, "
                                "ending->end, ending->code);\n    llmobs_"
                                "handle_join(handle, NULL);",
                                "    llmobs_capture_finish(handle, ending->"
                                "end, ending->code);")],
          ["programs.multi_cases.reused"])]),

    ("HTTPHEADER replaced in a callback",
     "the library puts its nodes before the new list at once "
     "(`llmobs_handle_note`)", [
         ("list-not-relinked", [(HANDLE, "    if (injected && setting->in =="
                                         " LLMOBS_IN_HEADERS)\n        "
                                         "llmobs_inject_relink(handle->inject,"
                                         " arg);", "")],
          ["programs.header_cases.replaced_on_redirect",
           "programs.header_cases.nulled_inside"])]),

    ("WRITEFUNCTION set to NULL, or never set",
     "the library then does as libcurl's default does (`app_write`)", [
         ("no-default-write", [(CALLBACKS, "\n    return fwrite(data, size, "
                                           "count,\n                  "
                                           "llmobs_callback_data(&handle->app.write,"
                                           " stdout));",
                                "    return size * count;")],
          ["programs.hazard_cases.write_unset",
           "programs.easy_cases.to_stdout"])]),

    ("WRITEDATA that was never set",
     "the library sets it back to libc's stdout, not to NULL "
     "(`llmobs_settings_restore`)", [
         ("stdout-lost", [("core/capture/settings.c", "setting->what == DATA_STDOUT  ? "
                                      "stdout",
                           "setting->what == DATA_STDOUT  ? NULL"),
                          (CALLBACKS, "\n    return fwrite(data, size, "
                                      "count,\n                  "
                                      "llmobs_callback_data(&handle->app.write,"
                                      " stdout));",
                           "    return fwrite(data, size, count, "
                                      "llmobs_callback_data(&handle->app.write,"
                                      " NULL));")],
          ["programs.easy_cases.to_stdout"])]),

    ("HEADERDATA without HEADERFUNCTION",
     "headers go to the app's write function (`app_header`)", [
         ("headers-to-nobody", [(CALLBACKS, "\n        header = "
                                            "(curl_write_callback)handle->app.write.function;"
                                            "\n    if (!header)",
                                 "        return size * count;\n"
                                            "    if (!header)")],
          ["programs.easy_cases.headers_to_write",
           "programs.easy_cases.to_file"])]),

    ("CURLOPT_HEADER: headers within the body",
     "the library takes them out of the recorded body (`keep_lines`)", [
         ("headers-stay-in-body", [(CALLBACKS, "\n\n    if "
                                               "(handle->app.header_in_body)"
                                               "\n        "
                                               "llmobs_exchange_unreceive(exchange,"
                                               " data, len);", "")],
          ["hazards.headers_within_the_body"])]),

    ("PAUSE and redelivery",
     "the library skips bytes that it recorded before a pause when they "
     "come again (`skip_again`)", [
         ("recorded-twice", [(CALLBACKS, "        handle->exchange->again += len;",
                              "        handle->exchange->again += 0;")],
          ["hazards.paused_and_given_again"]),
         ("pause-swallowed", [(CALLBACKS, "        llmobs_outgoing_answered(handle, "
                               "data, len);\n    if (took != "
                               "CURL_WRITEFUNC_PAUSE)\n        return took;",
                               "        llmobs_outgoing_answered(handle, data, "
                               "len);\n    if (took != "
                               "CURL_WRITEFUNC_PAUSE)\n        return took;\n"
                               "    took = len;")],
          ["programs.edge_cases.paused"])]),

    ("ABORT and short counts",
     "the library returns what the app returned (`on_write`)", [
         ("refusal-swallowed", [(CALLBACKS, "    took = app_write(handle, data, "
                                 "size, count);\n    if (took != "
                                 "CURL_WRITEFUNC_PAUSE)\n        return took;",
                                 "    took = app_write(handle, data, size, "
                                 "count);\n    if (took != "
                                 "CURL_WRITEFUNC_PAUSE)\n        return "
                                 "len;")],
          ["programs.easy_cases.aborted",
           "programs.edge_cases.refused_at_the_end"])]),

    ("CURLOPT_PRIVATE and getinfo untouched",
     "the library keeps its state in a table of its own, by the handle's "
     "address", [
         ("private-taken", [(CALLBACKS, "    handle->in |= LLMOBS_IN_ANY;\n",
                             "    handle->in |= LLMOBS_IN_ANY;\n"
                                        "    "
                                        "(void)handle->real->easy_setopt(curl,"
                                        " CURLOPT_PRIVATE, \"x\");\n")],
          ["programs.easy_cases.plain", "programs.hazard_cases.asked_inside"])
     ]),

    ("errno after the library's part of a call",
     "saved and put back (`llmobs_ops_*`)", [
         ("errno-changed", [(MULTI, "(void)llmobs_capture_start(handle, curl);"
                             "\n    }\n    errno = saved;",
                             "(void)llmobs_capture_start(handle, curl);"
                             "\n    }\n    errno = saved + 1;")],
          ["programs.edge_cases.errno_kept"])]),

    ("the app's slist freed",
     "at the end the library sets the app's list again "
     "(`llmobs_settings_restore`)", [
         ("our-nodes-stay", [(CALLBACKS, "    "
                                         "(void)llmobs_settings_restore(&handle->app,"
                                         " handle->in, handle->real, curl);"
                                         "\n", "    (void)llmobs_settings_restore("
                                         "\n        &handle->app, handle->in"
                                         " & ~(unsigned)LLMOBS_IN_HEADERS, "
                                         "handle->real, curl);\n")],
          ["headers.lists_of_programs"])]),

    ("the app's slist shared or mutated",
     "the library puts its nodes before the list, none behind it "
     "(`llmobs_inject_link`)", [
         ("appended-to-the-list", [(INJECT, "    inject->nodes[inject->count "
                                    "- 1].next = list;\n    return inject->"
                                    "nodes;",
                                    "    inject->nodes[inject->count - 1].next"
                                    " = NULL;\n    if (!list)\n        return "
                                    "inject->nodes;\n    for (struct "
                                    "curl_slist *n = list; n; n = n->next)\n"
                                    "        if (!n->next) {\n            "
                                    "n->next = inject->nodes;\n            "
                                    "break;\n        }\n    return list;")],
          ["programs.header_cases.appended",
           "programs.header_cases.shared"])]),

    ("headers of the app's own",
     "if the app sends a part of a style, the library leaves that style to "
     "it (`inject_without_own`)", [
         ("headers-twice", [(INJECT, "        if (own & styles[i])\n",
                             "        if (own & styles[i] & 0)\n")],
          ["headers.own_headers_of_any_form"])]),

    ("POSTFIELDS with size -1",
     "the body is then a string (`handle_size_of`)", [
         ("size-taken-literally", [(HANDLE, "    return fields_at(handle) ? "
                                    "(curl_off_t)strlen(fields_at(handle)) : "
                                    "-1;", "    return -1;")],
          ["hazards.sizes_of_a_body"])]),

    ("POSTFIELDS with embedded NULs",
     "if there is a size, it counts, not the string's end (`handle_size_of`)", [
         ("always-a-string", [(HANDLE, "\n    if (handle->app.postfieldsize "
                                       ">= 0)\n        return "
                                       "handle->app.postfieldsize;\n    ", "")],
          ["hazards.bodies_with_zero_bytes"])]),

    ("POSTFIELDS in a buffer that changes",
     "the library reads it when libcurl makes the request (`keep_request`)", [
         ("read-at-the-end", [(OUTGOING, "    llmobs_exchange_rewind(exchange, "
                               "0);\n    if (exchange->match.form)\n        "
                               "llmobs_handle_send_form(handle, exchange);\n"
                               "    else if (!llmobs_rules_is_form("
                               "llmobs_handle_body(handle)))\n        "
                               "llmobs_handle_copy_body(handle, exchange);\n",
                               ""),
                              (CAPTURE, "    exchange->end = end;\n    if (end "
                               "== LLMOBS_END_DONE) {",
                               "    exchange->end = end;\n    llmobs_handle_"
                               "copy_body(handle, &exchange->request);\n    if "
                               "(end == LLMOBS_END_DONE) {")],
          ["hazards.buffers_of_the_program"])]),

    ("options set, replaced or freed after the handle was added to a multi",
     "the library reads nothing that they name before the app drives the "
     "multi (`start_added`)", [
         ("read-at-add", [(MULTI, "\n    listed = llmobs_adds_push(multi, "
                                  "&handle->member);",
                           "    listed = llmobs_capture_start(handle,"
                                  " curl);")],
          ["programs.edge_cases.set_after_add",
           "programs.memory_cases.size_after_add",
           "programs.memory_cases.curlu_goes",
           "programs.memory_cases.added_first"]),
         ("unlisted-uncounted", [(MULTI, "        llmobs_capture_lose(handle);"
                                  "\n", "        llmobs_handle_drop_origin("
                                  "handle);\n")],
          ["failure.short_of_memory"]),
         ("driven-in-vain", [(MULTI, "    if (multi_refuses(real, multi))\n"
                                     "        return;\n",
                              "    (void)multi_refuses(real, multi);\n")],
          ["programs.memory_cases.driven_while_added"])]),

    ("a transfer of a multi that another one's callback changes before libcurl "
     "begins with it, or just after",
     "the library asks libcurl which of two addresses and methods it took, "
     "and reads no more of a body than libcurl reads either way "
     "(`outgoing_follow`)", [
         ("measured-early", [("core/capture/handle.c", "\n    return "
                                                       "llmobs_handle_multi(handle)"
                                                       " && "
                                                       "!llmobs_adds_single(&handle->member);",
                              "    return false;")],
          ["programs.beside_cases.begins"]),
         ("moved-unseen", [(OUTGOING, "    follow_address(handle, curl);\n    "
                            "if (handle->latch.led)", "    if (handle->latch."
                            "led)")],
          ["programs.beside_cases.begins"]),
         ("moved-too-late", [(OUTGOING, "    if (!url || url == seen)\n", "    if (!url)\n")],
          ["programs.beside_cases.connects"]),
         ("led-unseen", [(OUTGOING, "        forget_address(handle);\n    "
                          "follow_method", "        (void)0;\n    follow_"
                          "method")],
          ["programs.beside_cases.begins"]),
         ("method-unseen", [(OUTGOING, "    follow_method(handle, curl);\n",
                             "    (void)follow_method;\n")],
          ["programs.beside_cases.begins"]),
         ("form-read-as-fields", [(OUTGOING, "            i == LLMOBS_HTTP_POST "
                                   "&& (", "            false && (")],
          ["programs.beside_cases.begins"]),
         ("upload-read-as-fields", [("core/capture/handle.c", " || handle->app.request == "
                                                              "LLMOBS_HTTP_PUT))", "))")],
          ["unit a_latched_handle"]),
         ("unsent-but-stands", [(OUTGOING, "        exchange->stands = false;"
                                 "\n", "")],
          ["programs.beside_cases.begins", "programs.beside_cases.waits"]),
         ("unsent-unfollowed", [(OUTGOING, "    open_unsent(handle, curl);\n",
                                 "    (void)open_unsent;\n")],
          ["programs.beside_cases.begins", "programs.beside_cases.waits"]),
         ("judged-before-the-change", [
             ("core/capture/judge.c", "    if (handle->latch.changed ||",
              "    if ((false && handle->latch.changed) ||")],
          ["programs.beside_cases.begins", "programs.beside_cases.waits"]),
         ("judged-by-the-first-method", [
             ("core/capture/judge.c", "        strcmp(request.method, "
              "handle->exchange->method) != 0)", "        false)")],
          ["programs.beside_cases.begins", "programs.beside_cases.waits",
           "programs.beside_cases.connects"]),
         ("member-for-ever", [("core/capture/adds.c", "    atomic_fetch_sub("
                               "&adds->members, 1);\n", "")],
          ["unit members_are_counted"])]),

    ("a URL handle freed, or replaced by another transfer's callback, before "
     "libcurl begins with its transfer",
     "beside others in a multi the library does not ask it: libcurl gives "
     "its address in the prereq callback, or at the end "
     "(`start_url_pending`)", [
         ("handle-read-early", [(CAPTURE, "    if (llmobs_handle_curlu("
                                 "handle) && llmobs_handle_early(handle))\n",
                                 "    if (!curl)\n")],
          ["programs.memory_cases.url_goes_beside"]),
         ("handle-unknown", [(OUTGOING, "    if (!handle->latch.url_pending || "
                              "!handle->origin.url[0])\n",
                              "    if (handle)\n")],
          ["programs.memory_cases.url_goes_beside"]),
         ("unsent-unknown", [(OUTGOING, "    open_unsent(handle, curl);\n",
                              "    (void)open_unsent;\n")],
          ["programs.memory_cases.url_goes_beside"])]),

    ("header list or body replaced or freed before the connection stands",
     "the library reads them in its prereq callback, just before libcurl "
     "reads them (`llmobs_outgoing_settle`)", [
         ("read-as-it-begins", [(CAPTURE, "\n    if (handle->in & "
                                          "LLMOBS_IN_PREREQ)\n        return"
                                          " true;\n    ", "")],
          ["programs.memory_cases.fields_goes",
           "programs.memory_cases.header_goes",
           "programs.memory_cases.never_sent"]),
         ("refused-but-read", [(CALLBACKS, "    if (answer == PREREQ_OK)\n",
                                "    if (handle)\n")],
          ["programs.memory_cases.refused"])]),

    ("the list of CURLOPT_HTTPPOST freed between two transfers, which libcurl "
     "reads once from 8.3 on",
     "the library forgets it with the first transfer, whichever host that goes "
     "to (`llmobs_handle_forget_list`)", [
         ("list-stays", [(HANDLE, "{\n    handle->app.list = "
                                  "llmobs_hide(NULL);\n}",
                          "{\n    (void)handle;\n}")],
          ["hazards.lists_that_libcurl_reads_once"])]),

    ("a request that its header list alone may show to be a call, as most requests "
     "with lists are none",
     "only the prereq callback goes in; there the library reads the list, "
     "and only after a sign in it the body; then the other callbacks go in "
     "(`outgoing_decide`, `llmobs_callbacks_settle`)", [
         ("list-read-at-once", [("core/capture/judge.c",
                                 "    if (match->asks && llmobs_handle_headers("
                                 "handle))\n",
                                 "    if (match->asks && llmobs_judge_has_sign("
                                 "handle))\n")],
          ["programs.sign_cases.list_comes_late"]),
         ("answer-unseen", [(CALLBACKS, "        (void)swap_write(handle, curl);"
                             "\n", "        handle->swapped_write = false;\n")],
          ["mcp.tool_call"]),
         ("one-type-is-a-sign", [("rules/read/match.c", "        if (!llmobs_text_"
                                  "has_nocase(llmobs_text_of(value), *part))\n",
                                  "        if (!*part)\n")],
          ["programs.sign_cases.each_its_list"]),
         ("begun-as-it-is-told", [(OUTGOING, "    if (handle->origin.began_ns)\n",
                                   "    if (!handle->origin.url)\n")],
          ["mcp.tool_call"]),
         ("session-told", [("lib/span/allowlist.c", "    return strcmp(name, "
                            "session_id) == 0;\n", "    return !session_id[0] && name;\n")],
          ["mcp.initialize"]),
         ("asked-and-silent", [(OUTGOING, "    if (!ours)\n        llmobs_judge_log("
                                "llmobs_handle_method(handle), origin->url, &match,"
                                "\n                         false);\n", "")],
          ["mcp.each_request_is_told"])]),

    ("POSTFIELDS that libcurl sends later than the request, or never: after a 100, "
     "in the last round of an authentication",
     "the library reads them at the end of the 100, else, as far as libcurl "
     "has sent them, in its callbacks of the answer (`llmobs_handle_defer`, "
     "`capture_take`)", [
         ("late-read-at-once", [(HANDLE, "    latch->later = latch->rounds || "
                                 "expects(handle);", "    latch->later = "
                                 "latch->rounds && expects(handle) && false;")],
          ["programs.memory_cases.fields_late",
           "programs.memory_cases.fields_refused"]),
         ("rounds-unknown", [(HANDLE, "    latch->rounds = goes_in_rounds(handle);",
                              "    latch->rounds = goes_in_rounds(handle) && "
                              "false;")],
          ["programs.memory_cases.fields_late"]),
         ("expected-by-the-list-alone", [(HANDLE, "    return fields_len(handle, "
                                          "fields_at(handle), EXPECTS_ABOVE + "
                                          "1) >", "    return false && "
                                          "fields_len(handle, "
                                          "fields_at(handle), 1) >")],
          ["programs.memory_cases.fields_refused"]),
         ("asked-by-name-only", [(HANDLE, "        return strcasestr(value, "
                                  "\"100-continue\");",
                                  "        return false;")],
          ["programs.memory_cases.fields_refused"]),
         ("consent-unheard", [("core/capture/outgoing.c", "        take_up_to("
                               "handle, UINT64_MAX);", "        (void)data;")],
          ["hazards.bodies_that_go_later"]),
         ("consent-to-nothing", [("core/capture/outgoing.c", "\n\n    if (!waits(handle) "
                                                             "|| handle->app.unseen || "
                                                             "handle->latch.rounds ||\n"
                                                             "        len == 0)",
                                  "    if (!waits(handle) || "
                                                             "len == 0)")],
          ["programs.memory_cases.fields_late"]),
         ("taken-after-the-app", [(CALLBACKS, "    llmobs_outgoing_take_sent(handle);"
                                   "\n    llmobs_handle_lock(handle);\n    "
                                   "if (handle->exchange)\n        keep_lines",
                                   "    llmobs_handle_lock(handle);\n    "
                                   "if (handle->exchange)\n        keep_lines")],
          ["programs.memory_cases.fields_late"]),
         ("unanswered-unread", [(EASY, "    llmobs_outgoing_take_sent(handle);"
                                 "\n", "")],
          ["hazards.bodies_that_go_later"]),
         ("first-round-counts", [(OUTGOING, "            settle_again(handle);",
                                  "            (void)settle_again;")],
          ["programs.memory_cases.fields_late"]),
         ("unsent-unconfirmed", [(CAPTURE, " || handle->latch.later)", ")")],
          ["programs.memory_cases.fields_refused"])]),

    ("kill while libcurl looks a name up, connects or does TLS",
     "the call is on the disk before that, and the request follows when "
     "libcurl makes it (`llmobs_outgoing_keep_start`)", [
         ("kept-with-the-request", [(CAPTURE, "        llmobs_outgoing_keep_start("
                                     "handle);\n", "")],
          ["killed.in_a_look_up", "killed.in_a_connect",
           "killed.in_a_handshake", "killed.behind_another"]),
         ("start-beside-begin", [("core/log/adopt_read.c", "entry->type == LLMOBS_ENTRY_START && ",
                                  "entry->type == LLMOBS_ENTRY_END && ")],
          ["killed.in_an_answer", "unit started_and_asked"]),
         ("another-id", [(OUTGOING, "        continued->span_id = context->"
                          "span_id;\n", "")],
          ["killed.in_an_answer"]),
         ("no-call-stays", [(OUTGOING, "        llmobs_worker_cancel("
                             "worker, exchange);\n", "")],
          ["killed.no_call_after_all"]),
         ("body-at-hand-unasked", [(OUTGOING, "    if (body.len == 0 || exchange->stands)"
                                    "\n", "")],
          ["killed.a_body_at_hand"]),
         ("start-with-the-body", [(ENTRY, "    if (type == LLMOBS_ENTRY_START)"
                                   "\n        return 0;\n", "")],
          ["killed.a_body_at_hand", "unit started"]),
         ("start-to-be-confirmed", [(ENTRY, " && !exchange->stands;", ";")],
          ["killed.in_a_connect", "unit started"]),
         ("start-stands", [(ENTRY, " && !exchange->stands;", " && false;")],
          ["killed.at_a_path_of_many", "unit started_unsure"]),
         ("any-path-stands", [("rules/rules.c", "match->provider || match->rule"
                               "->shape->telling;", "true;")],
          ["unit some_stand_without_their_body", "killed.at_a_path_of_many",
           "failure.refused_by_an_unknown_host"]),
         ("one-entry-counted", [("core/log/spool.c",
                                 "        n += spooled->begun[i] == file;",
                                 "        n = n || spooled->begun[i] == file;")],
          ["unit entries_apart"]),
         ("child-begins", [("core/log/spool.c", "    if (exchange->process != "
                            "llmobs_fork_process())\n        return 0;\n", "")],
          ["unit child_begins_nothing"])]),

    ("a prereq callback of the app's own",
     "the library's callback calls it, also if the app sets it within the "
     "transfer, and gives it back (`on_prereq`, "
     "`llmobs_settings_restore`)", [
         ("prereq-lost", [(CALLBACKS, "\n    int answer = prereq\n"
                                      "                     ?",
                           "    int answer = prereq && !handle ?")],
          ["programs.memory_cases.own_prereq"]),
         ("prereq-not-given-back", [(CALLBACKS, "    "
                                                "(void)llmobs_settings_restore(&handle->app,"
                                                " handle->in, handle->real, "
                                                "curl);\n",
                                     "    "
                                                "(void)llmobs_settings_restore("
                                                "\n        &handle->app, "
                                                "handle->in & "
                                                "~(unsigned)LLMOBS_IN_PREREQ,"
                                                " handle->real, curl);\n")],
          ["programs.memory_cases.own_prereq"])]),

    ("the app's error buffer freed once the transfer is done",
     "the library reads it as easy_perform returns, and never for a "
     "transfer of a multi (`copy_error`)", [
         ("reason-read-late", [(CAPTURE, " llmobs_handle_multi(handle)\n"
                                         "                           ? NULL"
                                         "\n                           : "
                                         "llmobs_shown(handle->app.error_buffer);",
                                "        "
                                         "llmobs_shown(handle->app.error_buffer);")],
          ["programs.memory_cases.reason_goes"])]),

    ("READFUNCTION or READDATA set within a transfer, its own or another one's",
     "each that the app sets becomes a reader of the library's; libcurl "
     "takes the newest as it makes for a connection, and keeps to it "
     "(`follow_reader`)", [
         ("reader-follows", [(CALLBACKS, "    const struct llmobs_callback *app = "
                              "&reader->app;",
                              "    const struct llmobs_callback *app = "
                              "&handle->read;")],
          ["programs.memory_cases.reader_fixed",
           "programs.beside_cases.connects"]),
         ("reader-stays", [(CALLBACKS, "        follow_reader(handle, curl);\n",
                            "        (void)follow_reader;\n")],
          ["programs.beside_cases.answered"]),
         ("readers-without-end", [(CALLBACKS, "&handle->readers[handle->"
                                   "reader_count++];",
                                   "&handle->readers[handle->reader_count++ % "
                                   "LLMOBS_READERS_MAX];"),
                                  (CALLBACKS, "    if (handle->reader_count < "
                                   "LLMOBS_READERS_MAX) {",
                                   "    if (curl) {"),
                                  (CALLBACKS, "&handle->readers[handle->"
                                   "reader_count - 1];",
                                   "&handle->readers[(handle->reader_count - 1)"
                                   " % LLMOBS_READERS_MAX];")],
          ["programs.beside_cases.connects"]),
         ("each-another-reader", [(CALLBACKS, "    if (callbacks_is_newest(handle))\n",
                                   "    if (callbacks_is_newest(handle) && !curl)\n")],
          ["programs.beside_cases.begins"]),
         ("late-reader-unseen", [(CALLBACKS, "    else if (reads_body("
                                  "handle))\n        (void)swap_"
                                  "reads(handle, curl);\n", "")],
          ["programs.beside_cases.begins"])]),

    ("SEEKFUNCTION or IOCTLFUNCTION set within a transfer",
     "the library sets its own exactly where the app has one, or where "
     "libcurl's fseek would work (`swap_rewind`)", [
         ("pipe-seeks-again", [(CALLBACKS, "    reader->unseekable = true;\n",
                                "    (void)reader;\n")],
          ["programs.beside_cases.answered"]),
         ("rewound-too-early", [(CALLBACKS, "llmobs_real_version(handle->real)"
                                            " >= REWINDS_FIRST", "llmobs_real_version(handle->real)")],
          ["programs.beside_cases.answered"]),
         ("rewind-stays", [(CALLBACKS, "    if (callbacks_is_in(handle, LLMOBS_IN_READ))\n"
                                       "        (void)swap_rewind(handle, curl);\n", "")],
          ["programs.beside_cases.begins", "programs.beside_cases.answered"])]),

    ("COPYPOSTFIELDS: the size in force when it was set",
     "the library copies the body at that moment, with that size "
     "(`copy_postfields`)", [
         ("copied-as-string", [("core/capture/settings.c", "    len = app->postfieldsize < 0 ? "
                                        "strlen(data) : "
                                        "(size_t)app->postfieldsize;",
                                "    len = strlen(data);")],
          ["hazards.bodies_with_zero_bytes", "programs.body_cases.huge_copy",
           "hazards.sizes_of_a_body"])]),

    ("values that libcurl refuses: too long, no memory, not built in",
     "the library notes what libcurl has afterwards: of a text nothing, of "
     "others the value before (`llmobs_handle_note_refused`)", [
         ("refusal-unnoted", [(EASY, "\n        "
                                     "llmobs_handle_note_refused(handle, "
                                     "setting, rc);", "        ;")],
          ["hazards.options_that_libcurl_refuses",
           "programs.option_cases.refused_url"]),
         ("refusal-clears-all", [(HANDLE, "    if (setting->text)\n", "    if (setting)\n")],
          ["unit test_refused"])]),

    ("CURLOPT_REQUEST_TARGET, of a path or of a whole URL",
     "it stands in the URL's place for rules and span, also where a callback "
     "sets it late; no trace headers go to a host that is not the target's "
     "(`with_target`, `follow_target`)", [
         ("target-ignored", [("core/capture/handle_url.c", "\n    if (url && "
                                                           "handle->app.target)", "    if (!url)")],
          ["hazards.targets_of_requests", "programs.option_cases.target"]),
         ("target-early", [(OUTGOING, "    follow_target(handle, curl);\n",
                            "    (void)follow_target;\n")],
          ["programs.option_cases.target_late"]),
         ("target-trusted", [("core/capture/handle_url.c", "\n"
                                                           "\n"
                                                           "    if (handle_url_is_whole(handle->app.target))\n"
                                                           "        return true;\n"
                                                           "    ",
                              "")],
          ["hazards.targets_of_requests"])]),

    ("handles that were made, and set, before the library saw it",
     "a record at the first option or transfer; of options and callbacks the "
     "library takes those that the program has set since (`learn`, "
     "`llmobs_handle_knows`), asks libcurl for address and method (`fill_in`), "
     "and reads of a body as much as libcurl has sent; where the kind of the "
     "request is unknown, the span has what libcurl tells "
     "(`llmobs_outgoing_open_unseen`)", [
         ("unseen-unknown", [(EASY, "        handle = llmobs_capture_unseen_"
                              "handle(real, curl);\n    if (!handle)\n        "
                              "return real->easy_perform", "        handle = "
                              "NULL;\n    if (!handle)\n        return "
                              "real->easy_perform")],
          ["hazards.handles_that_nobody_saw_made"]),
         ("options-unlearned", [(EASY, "        handle = llmobs_capture_unseen_"
                                 "handle(real, curl);\n    if (!handle)\n     "
                                 "   return real->easy_setopt", "        handle "
                                 "= NULL;\n    if (!handle)\n        return "
                                 "real->easy_setopt")],
          ["hazards.handles_that_nobody_saw_made"]),
         ("unseen-as-seen", [(CAPTURE, "\n    handle->app.unseen = true;",
                              "    handle->app.unseen = false;")],
          ["programs.unseen_cases.performed"]),
         ("unseen-callback-taken", [("core/capture/handle.h",
                                     "(callback->function_set && callback->",
                                     "(true || callback->")],
          ["programs.unseen_cases.left"]),
         ("late-untold", [(MULTI, "    return !handle || (!handle->capturing",
                           "    return false && (!handle->capturing")],
          ["hazards.handles_that_nobody_saw_made"]),
         ("unseen-size-taken", [("core/capture/settings.c", "    if (app->unseen && "
                                         "!app->knows_size)\n        return;"
                                         "\n", "")],
          ["unit test_unseen"])]),

    ("leak checkers: what the program loses",
     "the library keeps the program's addresses so that they hold nothing, and "
     "clears what it keeps of memory that was freed (`lib/base/hidden.h`)", [
         ("fields-held", [("lib/base/hidden.h", "(struct llmobs_hidden){-("
                           "uintptr_t)address};", "(struct llmobs_hidden){("
                           "uintptr_t)address};"),
                          ("lib/base/hidden.h", "(void *)-hidden.negative;",
                           "(void *)hidden.negative;")],
          ["preloads.leaks_of_the_program"]),
         ("list-held", [(HANDLE, "        (void)llmobs_inject_link(handle->"
                         "inject, NULL);", "        ;")],
          ["preloads.leaks_of_the_program"]),
         ("stale-held", [("lib/base/buf.c", "        memset(data + buf->len, 0"
                          ", cap - buf->len);", "        ;"),
                         ("core/capture/settings.c", "    memset(app->url + need, 0, "
                                  "app->url_cap - need); /* hidden.h */\n", "")],
          ["preloads.leaks_of_the_program"])]),

    ("COPYPOSTFIELDS of 200 MB",
     "the library makes no second copy beyond the cap (`copy_postfields`)", [
         ("copied-whole", [("core/capture/settings.c", "    llmobs_body_init(&app->copied, "
                                    "copy_max);",
                            "    (void)copy_max;\n    "
                                    "llmobs_body_init(&app->copied, SIZE_MAX"
                                    " / 4);")],
          ["programs.body_cases.huge_copy"])]),

    ("READFUNCTION uploads, chunked or not",
     "libcurl reads them through the library's function "
     "(`llmobs_callbacks_swap_in`)", [
         ("uploads-unread", [(CALLBACKS, "\n    return handle->app.unseen ||"
                                         " !reads_body(handle) ||", "    return handle || "
                                         "!reads_body(handle) ||")],
          ["programs.easy_cases.read_chunked"])]),

    ("uploads rewound by SEEKFUNCTION or IOCTLFUNCTION",
     "the library rewinds its record as well (`rewind_request`)", [
         ("sent-twice-recorded-twice", [(CALLBACKS, "        llmobs_exchange_rewind("
                                         "handle->exchange, "
                                         "(uint64_t)offset);",
                                         "        (void)offset;")],
          ["hazards.uploads_sent_twice"])]),

    ("uploads by libcurl's own fread, rewound by fseek",
     "the library's seek function does the same, where fseek would work "
     "(`swap_rewind`, `check_rewind`)", [
         ("no-seek", [(CALLBACKS, "\n    bool wanted = "
                                  "handle->app.seek.function ||\n"
                                  "                  ",
                       "    bool wanted = "
                                  "handle->app.seek.function &&\n")],
          ["programs.easy_cases.file_redirected",
           "programs.edge_cases.fmem_redirected"]),
         ("seek-too-late", [(CALLBACKS, "    return put_reader(handle, curl) && "
                             "swap_rewind(handle, curl);\n",
                             "    return put_reader(handle, curl);\n")],
          ["programs.edge_cases.rewound_first"]),
         ("seek-on-a-pipe", [(CALLBACKS, "    return fd >= 0 ? lseek(fd, 0, "
                              "SEEK_CUR) >= 0 : ftello(file) >= 0;",
                              "    return fd >= 0 || file;")],
          ["programs.easy_cases.file_redirected"])]),

    ("MIME and formadd",
     "the library never replaces READ there: libcurl gives the app's "
     "pointers to it (`reads_body`)", [
         ("form-read-swapped", [(CALLBACKS, "\n    if (handle->app.request "
                                            "== LLMOBS_HTTP_PUT)\n        "
                                            "return true;",
                                 "    if (handle->app.request == "
                                            "LLMOBS_HTTP_PUT ||\n        "
                                            "handle->app.request == "
                                            "LLMOBS_HTTP_FORM)\n        "
                                            "return true;")],
          ["hazards.forms_to_a_proxy"])]),

    ("a form with a file, of any size",
     "of it the text fields are kept, and of files the size, however the "
     "program makes it (`llmobs_exchange_sent`, `llmobs_rules_keeps`)", [
         ("form-read", [("core/event/exchange.c",
                         "    if (!exchange->match.form)\n        "
                         "llmobs_exchange_sent_text(",
                         "    if (exchange)\n        "
                         "llmobs_exchange_sent_text(")],
          ["fetch.a_form_that_is_uploaded_is_not_copied"]),
         ("form-copied", [(OUTGOING, "    if (exchange->match.form)\n        "
                           "llmobs_handle_send_form(handle, exchange);\n"
                           "    else if (!llmobs_rules_is_form("
                           "llmobs_handle_body(handle)))\n", "")],
          ["fetch.a_form_leaves_nothing_in_the_spool"]),
         ("late-form-copied", [("core/capture/judge.c",
                                "handle->latch.later && !request.says_form",
                                "handle->latch.later"),
                               ("core/capture/judge.c",
                                "    request.says_form = llmobs_form_type"
                                "(type);\n", "")],
          ["fetch.fields_of_a_long_form"]),
         ("unsent-form-copied", [(CAPTURE, " &&\n        "
                                           "llmobs_rules_keeps(&exchange->match,"
                                           "\n                           "
                                           "llmobs_body_head(&handle->app.copied))", "")],
          ["fetch.a_form_that_nobody_gets"]),
         ("form-by-its-header-alone", [("rules/rules.c",
                                        "!match->form && !llmobs_rules_is_form"
                                        "(body) &&", "!match->form &&")],
          ["fetch.a_form_to_a_gateway"]),
         ("unexpected-form-copied", [("rules/rules.c",
                                      "by_hand = request->says_form",
                                      "by_hand = false"),
                                     (OUTGOING, "    else if (!llmobs_rules_"
                                      "is_form(llmobs_handle_body(handle)))\n",
                                      "    else\n")],
          ["fetch.a_form_that_a_rule_does_not_expect"]),
         ("file-is-a-text", [("lib/text/form.c",
                              "    form->file = form->file || strcasestr("
                              "value, \"filename=\") ||\n                 "
                              "strcasestr(value, \"filename*\");\n", "")],
          ["unit fields_are_read"]),
         ("named-file-is-a-text", [("core/capture/mime.c",
                                    "    if (noted->named || noted->coded",
                                    "    if (noted->coded"),
                                   ("core/capture/mime.c",
                                    "    if (noted->named)\n"
                                    "        mime_drop_text(noted);\n", "")],
          ["unit parts_that_are_no_text"]),
         ("typed-part-is-a-text", [("core/capture/mime_ops.c",
                                    "mime_ops_tell(real->mime_type(part, type), llmobs_mime_type, part, type)",
                                    "real->mime_type(part, type)"),
                                   ("core/capture/mime_ops.c",
                                    "mime_ops_tell(real->mime_encoder(part, coding), llmobs_mime_encoder, part,\n"
                                    "                coding)",
                                    "real->mime_encoder(part, coding)")],
          ["fetch.parts_that_are_no_text_by_their_type"]),
         ("header-types-unread", [("core/capture/mime.c",
                                   "part->type ? part->type : "
                                   "part->header_type", "part->type")],
          ["unit headers_of_a_part"]),
         ("part-headers-untold", [("core/capture/mime_ops.c",
                                   "        llmobs_mime_headers(part, headers);",
                                   "        (void)headers;")],
          ["fetch.parts_that_are_no_text_by_their_type"]),
         ("base64-is-a-text", [("lib/text/form.c",
                                "        if (run == BASE64_MIN)\n"
                                "            return false;\n", "")],
          ["unit long_texts_have_a_size"])]),

    ("a form of curl_mime_* at the address of one that was freed",
     "the parts noted there are forgotten as libcurl makes another one, and a "
     "handle takes no form that is younger than its CURLOPT_MIMEPOST, and a "
     "form within a form is forgotten (`llmobs_mime_begin`, "
     "`llmobs_mime_fields`)", [
         ("old-parts-stay", [("core/capture/mime_ops.c",
                              "    if (mime)\n        llmobs_mime_begin("
                              "mime);\n", ""),
                             ("core/capture/mime.c",
                              "    struct form *form;\n\n"
                              "    llmobs_mime_end(mime);\n",
                              "    struct form *form;\n\n")],
          ["unit addresses_that_come_again"]),
         ("age-unasked", [("core/capture/mime.c",
                           " || form->number > since)",
                           " || (since && false))")],
          ["unit addresses_that_come_again"]),
         ("inner-form-stays", [("core/capture/mime.c",
                                "    llmobs_mime_end(within);\n",
                                "    (void)within;\n")],
          ["unit forms_within_forms"])]),

    ("Expect: 100, redirects, 401 rounds",
     "a status line begins the answer anew (`callbacks_keep_line`)", [
         ("rounds-add-up", [(CALLBACKS, "        llmobs_exchange_restart("
                             "exchange);\n", "")],
          ["hazards.rounds_before_the_answer"])]),

    ("redirects to another host",
     "the library empties its headers in place (`llmobs_inject_response`)", [
         ("headers-leak", [(INJECT, "            inject->base, (struct llmobs_"
                            "text){line + name, len - name}))\n        llmobs_"
                            "inject_blank(inject);",
                            "            inject->base, (struct llmobs_text){"
                            "line + name, len - name}))\n        return;")],
          ["headers.redirect_to_another_origin"]),
         ("odd-blanks-are-text", [("rules/read/url.c", "\" \\t\\n\\v\\f\\r\"",
                                   "\" \\t\\r\\n\"")],
          ["unit redirects_away_blank_ours"]),
         ("controls-are-text", [("rules/read/url.c", "has_control(reference) ||",
                                 "")],
          ["unit redirects_away_blank_ours"])]),

    ("proxies and CONNECT",
     "the library adds no headers if a proxy would read them "
     "(`llmobs_handle_exposes_headers`)", [
         ("proxy-sees-headers", [("core/capture/handle_url.c", "\n    if "
                                                           "(handle->app.signs)\n"
                                                           "        return true;\n    "
                                                           "if (!unified ||",
                                  "    if (handle->app.signs)"
                                                           "\n        return true;\n"
                                                           "    if (handle || !unified "
                                                           "||")],
          ["headers.unified_headers_and_a_proxy"])]),

    ("HTTP/2: pushed handles inherit callback data",
     "the library gives them the app's values before the app sees them "
     "(`on_push`)", [
         ("push-swapped", [("core/capture/multi_push.c", "        twin = "
                            "llmobs_capture_twin(from, pushed);\n",
                            "        (void)twin;\n")],
          ["programs.push_cases.accepted",
           "clients.symfony_that_is_pushed_to"]),
         ("push-not-in-its-multi", [("core/capture/multi_push.c", "        llmobs_handle_"
                                     "join(pushed, llmobs_handle_multi(parent"
                                     "));\n", "        (void)parent;\n")],
          ["programs.push_cases.accepted"])]),

    ("many long bodies at the same time",
     "all bodies of the process share one budget (`llmobs_budget_take`), "
     "and without content the library keeps only their ends "
     "(`llmobs_capture_body_max`)", [
         ("budget-unasked", [("lib/text/budget.c", "    if (max == 0 ||",
                              "    if (max < (size_t)-1 ||")],
          ["hostile.many_answers_have_one_budget",
           "unit long_bodies_share_it"]),
         ("bodies-without-content", [("core/capture/ours.c", "        return 2 * "
                                      "(size_t)LLMOBS_BODY_EDGE;\n",
                                      "        return (size_t)config->"
                                      "capture_max;\n")],
          ["hostile.many_answers_have_one_budget"]),
         ("copies-charged", [("lib/text/body.c", "    if (body->free)\n        return "
                              "true;\n", "")],
          ["unit copies_of_handles_are_free"]),
         ("budget-inherited", [("lib/text/body.c", "        body->charged = 0;\n",
                                "        (void)process;\n")],
          ["unit a_child_begins_anew"])]),

    ("a long body that is read",
     "the worker reads its ends, if reading all of it would pass the budget "
     "(`to_span_make_room`)", [
         ("read-whole", [("core/event/to_span.c", "        llmobs_body_shrink(body);"
                          "\n", "")],
          ["unit a_long_body_is_read_as_its_ends"])]),

    ("more push callbacks than the library has functions for",
     "the library captures no transfer of a multi with a further one, and "
     "the log says so (`go_blind`)", [
         ("push-unseen", [("core/capture/multi_push.c", "        go_blind(multi);\n",
                           "        (void)go_blind;\n")],
          ["programs.push_cases.many_functions",
           "hazards.more_push_functions_than_places"]),
         ("all-go-blind", [("core/capture/multi_push.c", "    if (multi && !llmobs_adds_"
                            "blind(multi))", "    if (multi)")],
          ["programs.push_cases.one_too_many"]),
         ("waiting-begun", [(MULTI, "        if (!llmobs_multi_push_is_blind(multi))",
                             "        if (multi)")],
          ["programs.push_cases.one_too_many"])]),

    ("gzip asked for by header",
     "the worker inflates a copy (`to_span_decode`)", [
         ("stays-coded", [("core/event/to_span.c",
                           "    if (!llmobs_inflate_is_coded(*part->head, coding))",
                           "    if (!llmobs_inflate_is_coded(*part->head, coding) "
                           "|| out)")],
          ["curl.accept_encoding_by_hand"])]),

    ("resumed and ranged",
     "the library hands offsets on as they are (`on_seek`)", [
         ("seeks-to-0", [(CALLBACKS, "seek(llmobs_callback_data(&handle->app.seek,"
                                     " NULL),\n                             "
                                     "offset, origin)",
                          "seek(llmobs_callback_data(&handle->app.seek,"
                                     " NULL), 0 * offset, origin)")],
          ["hazards.resumed_uploads_to_a_proxy"])]),

    ("CONNECT_ONLY and websockets",
     "the library sets nothing at such a transfer (`may_begin`)", [
         ("connect-only-captured", [("core/capture/judge.c", "observes() && "
                                                             "!handle->app.connect_only "
                                                             "&&", "observes() &&")],
          ["programs.easy_cases.connect_only",
           "programs.hazard_cases.spoken"])]),

    ("frames of a websocket that quote frames, in pieces of any size",
     "a look at the frame's own members, without a parse "
     "(`llmobs_look_add`)", [
         ("inner-values-count", [("rules/read/frame.c", "    if (frame->depth == 2)\n",
                                  "    if (frame->depth == 3)\n")],
          ["unit looks_see_members_however_they_are_cut"]),
         ("escapes-end-with-a-piece", [("rules/read/frame.c", "frame->escaped = "
                                        "!quote && escaped;",
                                        "frame->escaped = false;")],
          ["unit looks_see_members_however_they_are_cut"])]),

    ("frames of a websocket without a type or an id, binary, and with sound "
     "in them",
     "names of members tell the kind, the oldest response is the one under "
     "way (`under_way`), base64 is taken out of a whole frame "
     "(`llmobs_media_drop`)", [
         ("names-at-one-level", [("rules/read/frame.c", "        bits[frame->depth - 1]"
                                  " |= ", "        bits[0] |= ")],
          ["unit looks_see_names_however_they_are_cut"]),
         ("asked-is-under-way", [("core/capture/talk.c", "        if (talk->turns[i].phase "
                                  "!= REFUSED && talk->turns[i].phase != WAITS)",
                                  "        if (talk->turns[i].phase == ASKED)")],
          ["unit a_turn_that_is_interrupted"]),
         ("binary-passes", [("rules/frames.c", "    return match->rule->shape->frames"
                             "->binary;", "    return match == NULL;")],
          ["unit a_turn_of_binary_frames"]),
         ("sound-stays", [("rules/read/media.c", "    return n >= PIECE_MIN && n < "
                           "text.len &&", "    return n == SIZE_MAX && n < text.len &&")],
          ["unit frames_lose_long_pieces_of_base64"])]),

    ("schemes that are not HTTP",
     "never a call (`llmobs_url_parse`)", [
         ("any-scheme", [("rules/read/url.c", "strncasecmp(text->data, \"http:\","
                          " 5) == 0)",
                          "(strncasecmp(text->data, \"http:\", 5) == 0 ||"
                          " strncasecmp(text->data, \"file:\", 5) == 0))")],
          ["programs.hazard_cases.not_http"])]),

    ("share handles",
     "the library leaves them as the app set them: it sets callbacks and "
     "headers alone (`llmobs_callbacks_swap_in`)", [
         ("share-left", [(CALLBACKS, "    handle->in |= LLMOBS_IN_ANY;\n",
                          "    handle->in |= LLMOBS_IN_ANY;\n    "
                                     "(void)handle->real->easy_setopt(curl, "
                                     "CURLOPT_SHARE, NULL);\n")],
          ["programs.process_cases.share"])]),

    ("curl_global_init_mem",
     "the worker then does not use libcurl (`is_shared`)", [
         ("allocator-on-our-thread", [("core/capture/global.c", "        atomic_store("
                                       "&copy->own_memory, how == LLMOBS_UP_"
                                       "INIT_MEM);",
                                       "        atomic_store(&copy->own_memory"
                                       ", false);")],
          ["exit.own_allocator_is_left_alone"])]),

    ("curl_global_cleanup beside the worker's requests",
     "the requests end first, and the worker's handles go (`global_leave`)", [
         ("cleanup-unnoticed", [("core/capture/global.c", "    if (!copy || stays_up(copy) || !is_chosen(copy))\n"
                                                          "        return true;\n"
                                                          "    if (!global_own(OWNER_MS))",
                                 "    if (!copy || stays_up(copy) || copy)\n"
                                 "        return true;\n"
                                 "    if (!global_own(OWNER_MS))")],
          ["exit.agentless.cleanup_often",
           "exit.agentless.cleanup_in_threads",
           "exit.a_process_that_goes_on_waits_once"])]),

    ("curl_global_cleanup just before the exit",
     "the worker delivers finished calls over the connection that stands, "
     "once in a process (`llmobs_worker_retreat`); the exit has the rest "
     "of the time", [
         ("cleanup-closes-it", [("core/deliver/worker_exit.c", "    if (*tried) {",
                                 "    if (*tried && ms < 0) {")],
          ["exit.cleanup_over_the_warm_connection"]),
         ("each-cleanup-waits", [("core/capture/global.c", "    if (tried)\n        "
                                  "atomic_store(&retreated",
                                  "    if (tried && ms < 0)\n        "
                                  "atomic_store(&retreated")],
          ["exit.a_process_that_goes_on_waits_once"])]),

    ("the worker looks in while a cleanup has it paused",
     "one look at the turn decides whether a request hung: the library "
     "cuts none, which would send it twice, because a thread takes the "
     "turn for an instant (`llmobs_worker_pause`)", [
         ("pause-looks-twice", [("core/deliver/worker_exit.c",
                                 "    return busy ? -ETIMEDOUT : 0;",
                                 "    return atomic_load(&worker->turn) ? "
                                 "-ETIMEDOUT : busy * 0;")],
          ["unit a_pause_is_no_timeout_where_the_thread_looks_in"])]),

    ("a body made to cost more than its bytes",
     "each pass counts its steps, and beyond a budget the worker reads the "
     "body by its ends (`lib/base/work`)", [
         ("steps-unbounded", [("lib/base/work.c", "    if (work_get(&left) < 0)",
                              "    if (work_get(&left) < 0 && count < 0)")],
          ["unit a_body_has_a_budget", "unit a_budget_ends_once"]),
         ("budget-taken-away", [("core/event/encode.c", "    return encode_encode(span, config, buf, encode_cut);",
                                 "    (void)encode_cut;\n"
                                 "    return encode_encode(span, config, buf, encode_by_budget);")],
          ["unit no_other_thread_ends_it"]),
         ("no-bound-at-all", [("lib/base/work.c", "    if (work_get(&left) < 0)",
                               "    if (work_get(&left) < 0 && count < 0)"),
                              ("lib/base/work.c", "    if (end == INT64_MAX)",
                               "    if (end)")],
          ["exit.a_signal_is_answered_at_exit",
           "exit.a_hostile_answer_has_its_price"]),
         ("steps-inherited", [("lib/base/work.c", "relaxed) ==\n               "
                               "llmobs_fork_process();", "relaxed) != -1;")],
          ["unit a_child_has_none"])]),

    ("a body whose keys or whose depth are made to cost the square or the stack",
     "objects beyond a few members have an index whose hash hangs on random "
     "bytes of the process; a value is freed by a list, not by a recursion "
     "(`lib/text/json_object`, `llmobs_json_free`)", [
         ("json-walks", [("lib/text/json_object.c", "    return cap > WALKED_MAX;",
                          "    return cap > WALKED_MAX && !cap;")],
          ["unit many_keys_take_no_square"]),
         ("json-hash-is-known", [("lib/text/json_object.c",
                                  "    if (known)\n",
                                  "    return half;\n    if (known)\n")],
          ["unit a_hash_hangs_on_the_seed"]),
         ("json-frees-deep", [("lib/text/json_value.c",
                               "    json->next = *doomed;\n    *doomed = json;",
                               "    if (json->type == LLMOBS_JSON_ARRAY)\n"
                               "        free_array((struct llmobs_json_array *)"
                               "json, doomed);\n    else\n        free_object("
                               "(struct llmobs_json_object *)json, doomed);"),
                              ("lib/text/json_value.c",
                               "/* Lets go of one value.",
                               "static void free_array(struct llmobs_json_array"
                               " *, struct llmobs_json **);\nstatic void "
                               "free_object(struct llmobs_json_object *, struct"
                               " llmobs_json **);\n/* Lets go of one value.")],
          ["unit a_deep_value_is_freed_and_not_copied"]),
         ("json-keys-stay", [("lib/text/json_object.c",
                              "    while (cap < live + live / 2 + 1)",
                              "    while (cap <= old.used)")],
          ["unit keys_that_come_and_go"])]),

    ("events of a stream that are much alike, and have one tree",
     "only strings and numbers between the same bytes get new values; a tree "
     "that the reader shares a part of stays as it is (`lib/text/json_series`)", [
         ("changes-the-lent", [
             ("rules/vendors/bedrock_invoke.c", "    struct llmobs_json *copy = "
              "llmobs_json_clone(json);", "    struct llmobs_json *copy = "
              "llmobs_json_share((struct llmobs_json *)(uintptr_t)json);")],
          ["unit cases_read_as_expected"]),
         ("shared-part-changes", [("lib/text/json_series.c",
                                   "acquire) > 1)\n            return false;",
                                   "acquire) > 9)\n            return false;")],
          ["unit shared_parts_stay"]),
         ("shared-number-changes", [("lib/text/json_series.c",
                                     "acquire) == 1;", "acquire) > 0;")],
          ["unit shared_numbers_stay", "unit strings_change_in_place"]),
         ("escape-copied", [("lib/text/json_series.c",
                             "    } else if (form == ESCAPED) {",
                             "    } else if (form == ODD) {")],
          ["unit alike_documents_share_a_tree"]),
         ("changed-list-unseen", [("lib/text/json_series.c",
                                   "json->len != box->len ||", "")],
          ["unit changed_trees_are_left"]),
         ("bytes-between-unseen", [("lib/text/json_series.c",
                                    "        if (at < from + string)\n"
                                    "            return NULL;",
                                    "        if (at < from + string && at + 99 < "
                                    "from)\n            return NULL;")],
          ["unit alike_documents_share_a_tree"])]),

    ("a big answer just before the exit, and a signal that waits",
     "reading ends with the exit's time; the entry stays in the spool as it "
     "came (`llmobs_work_until`, `hold`)", [
         ("exit-reads-on", [("lib/base/work.c", "    if (end == INT64_MAX)",
                             "    if (end)")],
          ["exit.a_hostile_answer_is_left_in_the_spool"])]),

    ("thousands of directories in the spool, at an exit",
     "the exit ends the worker's look at them when its time is over "
     "(`llmobs_adopt_until`)", [
         ("adopts-without-end", [("core/log/adopt_state.h", "    return until != "
                                  "INT64_MAX &&", "    return !until &&")],
          ["unit in_time"]),
         ("adopts-the-big", [("core/log/adopt_read.c", "           (bytes > "
                              "ENDING_BYTES ||", "           (")],
          ["unit in_time"])]),

    ("names and texts of wide, joined or unknown characters, on a terminal of "
     "any width",
     "no line of `llmobs view` is wider than the terminal: cells are cut and "
     "texts wrapped by the widths that wcwidth tells, the larger one where "
     "terminals differ (`width_of` in `cli/shared/escape.c`, `cut_to`, "
     "`cli/show/wrap.c`)", [
         ("cells-overflow", [("cli/show/table.c",
                              "    if (llmobs_escape_width(table_text_of(cell)) <= columns)", "    if (columns > 0)")],
          ["screens widths"]),
         ("joined-are-none", [("cli/shared/escape.c",
                               "(width == 0 && !IN(joined, code))",
                               "width == 0")],
          ["screens widths"]),
         ("wraps-late", [("cli/show/wrap.c", "used = wrap_fit(*line, columns);",
                          "used = wrap_fit(*line, columns + 1);")],
          ["screens widths"]),
         ("hangs-beyond", [("cli/show/wrap.c",
                            "lead <= wrap->columns / 2 ? lead : 0;",
                            "lead;")],
          ["screens widths"])]),

    ("megabytes of a text without a line break, on a terminal",
     "the end of a text's line is looked for once, however many lines of the "
     "screen it fills (`line_end` in `cli/show/wrap.c`)", [
         ("looks-each-time", [("cli/show/wrap.c",
                               "    if (rest->data > wrap->stop)",
                               "    if (true)")],
          ["screens choices"])]),

    ("a store whose files are older than the spans in them: a copy, or another "
     "clock",
     "the walk for the newest traces begins no later than the last write of a "
     "file that has one of them (`add_trace` in `cli/query/load.c`)", [
         ("trusts-the-spans", [("cli/query/load.c",
                                "    if (written_ns < begin_ns)",
                                "    if (written_ns < 0)")],
          ["screens choices"])]),

    ("`llmobs view --since` beside a store that is full",
     "the reader passes files over that were last written before that time "
     "(`shared_reader_is_old` in `cli/shared/reader.c`), with a minute for "
     "the clocks", [
         ("reads-the-old", [("cli/shared/reader.c",
                             "        if (shared_reader_is_old(&reader->files[i], since_ns)) {",
                             "        if (shared_reader_is_old(&reader->files[i], since_ns) && !line) {")],
          ["cli old_files"]),
         ("no-minute", [("cli/shared/reader.h", "CLOCKS_S 60", "CLOCKS_S -600")],
          ["cli old_files"])]),

    ("a prompt or an answer that would be markup in the page of `llmobs view "
     "--html`",
     "no `<` of an event is in the file, nor a code that a browser reads as an "
     "end of line (`cli/show/body.c`, `llmobs_page_string_add`)", [
         ("lets-markup-in", [("cli/show/body.c", "fputs(\"\\\\u003c\", out)",
                              "fputc('<', out)")], ["page hostile_store"]),
         ("index-lets-it-in", [("cli/show/page_row.c", "    return mark != NULL "
                                "? (size_t)(mark - text) : run;",
                                "    return mark != NULL ? run : run;")],
          ["page hostile_store"]),
         ("keeps-raw-codes", [("cli/show/body.c", "    if (is_odd(line)) {",
                               "    if (is_odd(line) && !event) {")],
          ["page hostile_store"])]),

    ("a model, a service or a session whose name would control a terminal, or be two "
     "lines to a shell",
     "no such value is offered to a shell or told as a hint "
     "(`query_values_is_plain` in `cli/query/values.c`)", [
         ("offers-controls", [("cli/query/values.c", "        strcmp(shown.data, "
                               "text) == 0", "        shown.len > 0")],
          ["cli nothing_found"])]),
    ("a store that rotates, is cut, or loses files while `llmobs view -f` reads it",
     "files are known by name and inode, the one that is written to stays open, a "
     "removed one is let go of, and of one that was cut the rest is new "
     "(`read_more` in `cli/shared/reader.c`); half a line waits for its end", [
         ("rotated-comes-again", [("cli/shared/reader.c", "                         "
                                   "(named || file->fd >= 0))",
                                   "                         named)")],
          ["follow rotation"]),
         ("removed-stays-open", [("cli/shared/reader.c", "    if (gone)\n"
                                                         "        shared_reader_forget(file);\n", "    (void)gone;\n"
                                  "    (void)forget;\n")], ["follow rotation"]),
         ("cut-file-is-mute", [("cli/shared/reader.c", "    if (file->next > "
                                "file->end)\n        file->next =",
                                "    if (file->next > UINT64_MAX / 2)\n"
                                "        file->next =")], ["follow halves"]),
         ("gives-half-a-line", [("cli/shared/reader.c", "                        "
                                 ".whole = true};", "                        "
                                 ".whole = false};")], ["follow halves"]),
         ("keeps-to-the-directory", [("cli/show/follow.c", "st.st_ino == "
                                      "follow->ino;", "st.st_ino > 0;")],
          ["follow a_store_that_comes_and_goes"])]),
    ("spans of a trace that come apart, or twice, under `llmobs view -f`",
     "its rows are kept, so that a later one finds its parent (`take_over` and "
     "`have_trace` in `cli/show/follow.c`), and none is shown again but with a new "
     "evaluation; at the end all that waits is shown", [
         ("shows-at-once", [("cli/show/follow.c", "    if (!follow->tree || "
                             "trace->ended ||", "    if (follow->tree || "
                             "trace->ended ||")],
          ["follow a_tree_when_its_root_ends"]),
         ("shows-again", [("cli/show/follow.c", "rows[i]->wanted = false;",
                           "rows[i]->wanted |= false;")],
          ["follow a_tree_when_its_root_ends"]),
         ("twice-is-twice", [("cli/show/follow.c", "llmobs_texts_has("
                              "&trace->spans, id, strlen(id))", "*id == '\\0'")],
          ["follow messages"]),
         ("late-is-mute", [("cli/show/follow.c", "    if (!follow->evaluated)",
                            "    if (follow->ending || follow->watch)")],
          ["follow evaluations"]),
         ("ends-without-the-rest", [("cli/show/follow.c", "trace->ended || "
                                     "follow->ending)", "trace->ended)")],
          ["follow ends"])]),

    ("a prompt or a name that is a formula in a spreadsheet",
     "a cell of CSV that begins like one gets a `'` (`is_formula` in "
     "`cli/query/cell.c`); on a terminal its controls are escaped", [
         ("lets-formulas-in", [("cli/query/cell.c", "*text != '\\0' && "
                                "strchr(", "*text == '\\0' && strchr(")],
          ["figures formulas"]),
         ("one-quote", [("cli/query/cell.c", 'rc |= llmobs_buf_'
                         'adds(out, "\\"\\"");', 'rc |= llmobs_buf_'
                         'adds(out, "\\"");')], ["figures formulas"]),
         ("csv-lets-controls-out", [("cli/query/cell.c", "    if (!terminal)",
                                     "    if (!terminal || cell.text)")],
          ["figures formulas"])]),
    ("a number that nobody sent, in a sum or a percentile",
     "an unknown one counts nowhere, a sum of none is unknown, a percentile is "
     "a value that was there (`cli/query/totals.c`); a span that is in the "
     "store twice counts once (`cli/query/each.c`)", [
         ("sums-from-nothing", [("cli/query/totals.c", "int64_t sum = -1;",
                                 "int64_t sum = 0;")], ["figures summary"]),
         ("rank-below", [("cli/query/totals.c", "percent + 99) / 100",
                          "percent + 101) / 102")], ["figures summary"]),
         ("counts-twice", [("cli/query/each.c", "seen.count == before ? 1 : 0",
                            "seen.count == SIZE_MAX ? 1 : 0 * before")],
          ["figures summary"]),
         ("draws-gaps", [("cli/show/show_series.c", "        if (count == 0)",
                          "        if (count == SIZE_MAX)")],
          ["figures bars"])]),
    ("a call that is called waste and was none",
     "only a request that was answered before is a repeat, only one that comes "
     "soon after a failed one is a retry, and requests are equal whatever model "
     "the answer names (`cli/query/waste.c`, `cli/query/digest.c`)", [
         ("first-is-waste", [("cli/query/waste.c", "    for (i++; i < count; "
                              "i++) {", "    for (; i < count; i++) {")],
          ["figures waste"]),
         ("late-retries", [("cli/query/waste.c", "    return wait <= "
                            "LLMOBS_WASTE_RETRY_S * NS_PER_S;",
                            "    return wait <= INT64_MAX;")],
          ["figures waste"]),
         ("model-of-the-answer", [("cli/query/digest.c", '"request_model"',
                                   '"response_model"')], ["figures waste"])]),
    ("spans of one trace that overlap, in a viewer of Chrome's trace events",
     "each gets a lane on which nothing is open, or lies on a span above it "
     "in the tree that ends no sooner (`lanes_fits` in `cli/show/lanes.c`)", [
         ("one-lane", [("cli/show/lanes.c", "lanes_end_of(lane->top) >= lanes_end_of(row) &&", "(lanes_end_of(lane->top) >= lanes_end_of(row) || row->mark) &&")], ["figures crowds"]),
         ("lanes-are-never-busy", [("cli/show/lanes.c", "end_at(lanes, 0) <= "
                                    "row->start_ns;", "end_at(lanes, 0) <= "
                                    "INT64_MAX;")], ["figures crowds"])]),

    ("a call whose price or whose tokens nobody knows",
     "its cost is unknown, never 0, and a model's price is that of its "
     "provider (`llmobs_price_of`, `prices_serves` in `cli/query/prices.c`)", [
         ("unknown-is-free", [("cli/query/price.c", "price->count == 0 || "
                               "tokens->input < 0", "price->count == 0")],
          ["cost formula"]),
         ("bad-price-is-none", [("cli/query/price.c", "    if (tier == NULL || "
                                 "!(rate >= 0", "    if (tier == NULL || "
                                 "!(rate >= -1")],
          ["unit a_price_that_is_none_makes_costs_unknown"]),
         ("any-host-serves-it", [("cli/query/prices.c", "    if (provider == "
                                  "NULL || of == NULL)", "    if (provider != "
                                  "NULL || of == NULL)")],
          ["unit a_model_has_many_names"]),
         ("estimates-over-the-given", [("cli/query/cost.c", "!row->filled || "
                                        "row->cost >= 0", "!row->filled")],
          ["cost given"]),
         ("gate-is-open", [("cli/gate.c", "    return exceeded ? "
                            "LLMOBS_CLI_FAILED : LLMOBS_CLI_OK;",
                            "    return exceeded && !calls ? "
                            "LLMOBS_CLI_FAILED : LLMOBS_CLI_OK;")],
          ["cost limits"]),
         ("gate-half-read", [("cli/gate.c", "sums.unreadable > 0) {",
                              "sums.unreadable > 9) {")],
          ["cost limits"]),
         ("root-costs-too", [("cli/query/cost.c", "row->cost >= 0 || "
                              "!llmobs_row_counts(row)", "row->cost >= 0")],
          ["cost given"])]),

    ("a page written where a link or a device has the name",
     "such a name is refused, and the page replaces a file once it is whole "
     "(`check_name` in `cli/show/page_file.c`)", [
         ("follows-the-name", [("cli/show/page_file.c", "    int rc = "
                                "check_name(path);", "    int rc = "
                                "check_name(path) * 0;")], ["page files"])]),

    ("Ctrl-C while a page is written",
     "a signal that ends the process removes the piece of the page first "
     "(`guard_piece` in `cli/show/page_file.c`)", [
         ("leaves-a-piece", [("cli/show/page_file.c", "    guard_piece();",
                              "    (void)guard_piece;")], ["page ended"])]),

    ("a span around a command that takes less time than libcurl's loading",
     "the tool sends to a peer of this host by itself, and takes an answer "
     "only when it is whole (`cli/shared/plain_http.c`)", [
         ("loads-libcurl", [("cli/shared/deliver.c", "    if "
                             "(!llmobs_plain_serves(config))",
                             "    if (config)")],
          ["plain_http accepted"]),
         ("tool-trusts-strangers", [("cli/shared/plain_http.c",
                                     "    if (request->guard != NULL)\n"
                                     "        rc = "
                                     "llmobs_listener_check(request->guard, "
                                     "&mark);\n", ""),
                                    ("cli/shared/plain_http.c",
                                     "    if (plain->request->guard == NULL)",
                                     "    if (before == 0)")],
          ["delivery.auto_stranger_and_a_span_of_the_tool"]),
         ("localhost-is-four", [("cli/shared/plain_http.c",
                                 "    if (path == NULL && llmobs_resolve_is_",
                                 "    if (path == target->host && "
                                 "llmobs_resolve_is_")],
          ["plain_http localhost_of_the_other_family"]),
         ("half-a-head", [("cli/shared/plain_http.c",
                           "    return plain->text.len > LLMOBS_PLAIN_HEAD_MAX "
                           "? -EIO : 0;",
                           "    return plain->text.len > 0 ? 1 : 0;")],
          ["plain_http half_a_head"])]),

    ("thousands of programs of one call, each with a directory of the spool",
     "a process claims some directories at a time, and their calls go in one "
     "batch; each directory goes with its own last call (`struct claim`)", [
         ("claimed-twice", [("core/log/adopt_claim.c", "if (adopt->claims[i].used && "
                             "strcmp(", "if (!adopt && strcmp(")],
          ["unit short_ones"]),
         ("read-only-again", [("core/log/adopt.c",
                               "    if (unlink(path) == 0 || ",
                               "    if (unlink(path) || ")],
          ["drain read_only"]),
         ("claims-mixed", [("core/log/adopt_read.c", "(uint32_t)(adopt->here - "
                            "adopt->claims);", "0;")],
          ["unit give_back_some"]),
         ("removed-late", [("core/log/adopt.c", "    else\n"
                                                "        adopt_remove_dir(adopt, claim);",
                            "    else if (claim->read > 1)\n"
                            "        adopt_remove_dir(adopt, claim);")],
          ["drain short_ones_killed"])]),

    ("a loop of short processes after an outage",
     "an end adopts for a part of the time that the process has lived, and "
     "nothing where another request is another round trip (`adoption_ns`)", [
         ("each-exit-adopts", [("core/deliver/delivery.c",
                                "    return part < most ? part : most;",
                                "    return part < 0 ? part : 100 * most;")],
          ["unit an_end_adopts_for_a_part_of_the_life",
           "exit.adoption_delays_no_exit"]),
         ("adopts-at-a-cleanup", [("core/deliver/worker_exit.c",
                                   "    llmobs_delivery_adopt_later(&worker->"
                                   "delivery);\n", "")],
          ["unit none_after_a_cleanup"]),
         ("adopts-in-bulk", [("core/deliver/delivery_fill.c",
                              "? ADOPT_ENDING_EVENTS : FILL_EVENTS;",
                              "? FILL_EVENTS : FILL_EVENTS;")],
          ["unit few_of_others"]),
         ("adopts-far-away", [("core/deliver/delivery.c",
                               "    if (!llmobs_delivery_is_near(delivery))\n"
                               "        return 0;\n", "")],
          ["unit an_end_adopts_for_a_part_of_the_life"])]),

    ("an exit with more calls than a store takes in time",
     "the exit leaves to the spool what the spool has, and waits longer only"
     " for what it lacks (`worker_wait_is_safe`)", [
         ("store-is-waited-for", [("core/deliver/worker_wait.c",
                                   "kept() >= llmobs_worker_pending("
                                   "worker);",
                                   "kept() > llmobs_worker_pending("
                                   "worker);")],
          ["unit kept_by_the_disk"]),
         ("lacking-is-left", [("core/deliver/worker_wait.c",
                               "kept() >= llmobs_worker_pending("
                               "worker);", "kept() + 1 > 0;")],
          ["unit kept_by_the_disk"]),
         ("content-is-left", [("core/deliver/worker_wait.c",
                               "    return !llmobs_privacy_withholds(&worker->"
                               "config->privacy) &&\n           llmobs",
                               "    return llmobs")],
          ["unit kept_without_content"])]),

    ("an exit while the store is being written",
     "the exit waits for the write under way and the release of its entries, "
     "and none begins after it (`lib/base/commit.h`)", [
         ("write-is-cut", [("core/deliver/worker_exit.c",
                            "    llmobs_commit_close(until_ns);\n", "")],
          ["unit a_write_is_not_cut"])]),

    ("calls in a late exit handler, when the exit has left many to the spool",
     "they stay there as well, and none counts as lost (`stays_left`)", [
         ("late-is-delivered", [("core/deliver/worker_exit.c",
                                 "    if (stays_left(worker)) {",
                                 "    if (!worker) {")],
          ["unit a_late_call_is_left"])]),

    ("a program that gives up its user or its root after a call",
     "an entry that the process can no longer release stays in the spool "
     "of that user (`llmobs_spool_is_away`)", [
         ("user-not-seen", [("core/log/process_dir.c", "    return now.uid != spool->"
                             "home.uid || now.root", "    return now.root")],
          ["spool.given_up_its_user"]),
         ("root-not-seen", [("core/log/process_dir.c", " || now.root != spool->home."
                             "root ||\n           now.device != spool->home."
                             "device;", ";")],
          ["spool.given_up_its_root"]),
         ("never-back", [("core/deliver/destination.c", "    if (llmobs_spool_may_return"
                          "(d->account->backlog.spool)) {", "    if (!d) {")],
          ["spool.back_from_another_user"])]),

    ("keys that no list of beginnings knows",
     "the library masks members whose names say so before the disk has "
     "them, and words of a path or an error by their shape "
     "(`llmobs_members_mask`, `llmobs_shapes_mask`)", [
         ("members-stay", [("lib/span/members.c", "    named = judge_name(w, begin, here);",
                            "    named = w->own ? judge_name(w, begin, here) : 0;")],
          ["unit secret_members_are_masked"]),
         ("objects-stay", [("lib/span/members.c",
                            "w->data[at] == '{' && !is_schema(w, at)",
                            "w->data[at] == '\\f' && !is_schema(w, at)")],
          ["unit secret_members_are_masked"]),
         ("schemas-masked", [("lib/span/members.c", " && !is_schema(w, at))", ")")],
          ["unit secret_members_are_masked"]),
         ("frames-unsealed", [("core/event/to_span.c",
                               "        llmobs_eventstream_seal(data + from, "
                               "event.end - from);\n", "")],
          ["unit what_is_read_of_frames_is_masked"]),
         ("base64-unmasked", [("rules/read/events.c", "    llmobs_secrets_mask(bytes->data, "
                               "bytes->len);\n", "")],
          ["unit cases_read_as_expected"]),
         ("masks-by-budget", [("core/event/to_span.c", "        (void)llmobs_work_do("
                               "texts[i].len * 3);", "        if (!llmobs_work_do"
                               "(texts[i].len * 3))\n            continue;")],
          ["unit what_is_read_is_masked"]),
         ("shapes-stay", [("lib/span/shapes.c", "    return len >= OPAQUE_LEAST &&",
                           "    return len > SIZE_MAX / 2 &&")],
          ["unit secrets_are_masked"]),
         ("parts-add-up", [("lib/span/shapes.c", "(kind = span_shapes_kind_of(text[part.len]))",
                            "(kind = span_shapes_kind_of(text[part.len])) >= 0")],
          ["unit names_are_no_keys"]),
         ("one-doubtful-part", [("lib/span/shapes.c", "(random || doubtful > 1)",
                                 "(random || doubtful)")],
          ["unit names_are_no_keys"]),
         ("doubtful-parts-stay", [("lib/span/shapes.c", "(random || doubtful > 1)",
                                   "random")],
          ["unit random_keys_are_masked"]),
         ("short-parts-stay", [("lib/span/shapes.c", "part->changes >= 6 && ",
                                "part->changes >= 6 && part->len > 64 && ")],
          ["unit random_keys_are_masked"]),
         ("uuids-in-paths", [("lib/span/shapes.c", "        return !shape->error;",
                              "        return false;")],
          ["unit test_urls"]),
         ("brackets-join", [("lib/span/names.c", "    if (!parts)\n",
                             "    if (len)\n")],
          ["unit secret_members_are_masked"]),
         ("pairs-stay", [("lib/span/members.c", "    if (named >= LLMOBS_NAMED_WEAK &&",
                          "    if (!w->len &&")],
          ["unit no_form_keeps_a_secret"]),
         ("headers-stay", [("lib/span/members.c", "    case LLMOBS_NAMED_HEADERS:\n"
                            "        if (text &&", "    case LLMOBS_NAMED_HEADERS:\n"
                            "        if (w->len &&")],
          ["unit no_form_keeps_a_secret"]),
         ("paths-of-servers-stay", [("lib/span/members.c",
                                     "        walk_ahead(w, hide_path);\n", "")],
          ["unit no_form_keeps_a_secret"])]),

    ("keys in a text that is no JSON, and texts that only sound like one",
     "the one filter finds the beginnings of keys, private keys, headers, forms, "
     "YAML and options, also with escapes; behind a colon and a blank a word must "
     "look like a secret (`llmobs_secrets_mask`)", [
         ("texts-stay", [("lib/span/secrets.c", "    while (llmobs_mask_next(&walk)) {",
                          "    while (!len) {")],
          ["unit no_form_keeps_a_secret"]),
         ("escapes-unread", [("lib/span/mask.c", "        return next == 'u';",
                              "        return false;")],
          ["unit no_form_keeps_a_secret"]),
         ("words-of-a-command-stay", [("lib/span/mask.c",
                                       " || !skip_to_word(w, c, &at))", " || true)")],
          ["unit no_form_keeps_a_secret"]),
         ("half-a-private-key", [("lib/span/mask.c", "pem_line(w, line, \"END \") && "
                                  "find_pem_end(w, at)", "false")],
          ["unit no_form_keeps_a_secret"]),
         ("beginnings-unknown", [("lib/span/leads.c", ">> (hash & 63) & 1)",
                                  ">> (hash & 31) & 1)")],
          ["unit each_beginning_is_known"]),
         ("sentences-masked", [("lib/span/mask.c",
                                "llmobs_shapes_is_value(text, len) ? 0 : value.to;",
                                "0;")],
          ["unit sentences_stay"]),
         ("answers-on-disk", [("core/event/exchange.c", "    if (exchange_is_text(exchange)) {",
                               "    if (!exchange) {")],
          ["unit an_answer_is_masked"]),
         ("coded-on-disk", [("core/event/exchange.c", "    *request = plain;\n",
                             "    llmobs_body_fini(&plain);\n")],
          ["unit a_coded_request_is_decoded"]),
         ("log-unfiltered", [("lib/base/log.c", "    if (state.filter)",
                              "    if (!line)")],
          ["unit lines_are_filtered"]),
         ("pieces-in-spans", [("core/event/encode.c", "        llmobs_secrets_mask(buf->data "
                               "+ len, buf->len - len);\n", "        (void)len;\n")],
          ["unit what_is_joined_is_masked"]),
         ("ids-in-errors", [("lib/span/shapes.c", "(about || span_shapes_is_id(text, len))", "false")],
          ["unit ids_in_errors_stay"])]),

    ("a text in a body that ends behind a quoted name and a colon, or in a list",
     "a value's quotes have as many backslashes as its name's; a quote "
     "with fewer, or the next event of a stream, ends the masked part "
     "(`llmobs_members_mask`)", [
         ("level-unasked", [("lib/span/members.c",
                             " || at - from != w->own)", ")")],
          ["unit secret_members_are_masked"]),
         ("name-of-two-levels", [("lib/span/members.c",
                                  "    if (!begin || own_of(w, begin - 1) != w->own)",
                                  "    if (!begin)")],
          ["unit secret_members_are_masked"]),
         ("escaped-end-unseen", [("lib/span/names.c",
                                  "n == 0 || names_is_digit(before)", "n == 0")],
          ["unit names_are_known_in_any_form"]),
         ("level-outlived", [("lib/span/members.c",
                              "own_of(w, at) > w->own))",
                              "own_of(w, at) != w->own))")],
          ["unit secret_members_are_masked"]),
         ("list-outlives-its-text", [("lib/span/members.c", "own < w->own || ",
                                      "")],
          ["unit secret_members_are_masked"]),
         ("pairs-are-levels", [("lib/span/members.c",
                                "    return (run ^ (run + 1)) >> 1;",
                                "    return run;")],
          ["unit secret_members_are_masked"]),
         ("event-is-text", [("lib/span/members.c",
                             "    return w->len - at >= len && memcmp",
                             "    return w->len - at > w->len && memcmp")],
          ["unit secret_members_are_masked"]),
         ("line-is-text", [("lib/span/members.c",
                            "w->data[at] == '\\n' &&\n"
                            "           (members_is_event",
                            "w->data[at] == '\\f' &&\n"
                            "           (members_is_event")],
          ["unit secret_members_are_masked"]),
         ("letters-are-blanks", [("lib/span/members.c",
                                "    if (run == 0 || run", "    if (run")],
          ["unit secret_members_are_masked"]),
         ("cut-backslash-masked", [("lib/span/members.c",
                                    "    while (len > 0 && value[len - 1] =="
                                    " '\\\\')\n        len--;\n", "")],
          ["unit what_grows_is_masked_as_whole"]),
         ("cut-value-shows-its-end", [("lib/span/members.c",
                                       "        mask_cut(w->data + from,",
                                       "        llmobs_hide(w->data + "
                                       "from,")],
          ["unit what_grows_is_masked_as_whole"])]),

    ("the vectors of a search, which can be turned back into texts",
     "the library blanks the lists of numbers of such a call before the disk has "
     "them, and as the worker reads it (`llmobs_vectors_mask`)", [
         ("vectors-on-disk", [("core/event/exchange.c",
                               "    exchange_mask_vectors(exchange, &exchange->request_headers, &exchange->request);\n",
                               "")],
          ["unit a_search_loses_its_vectors"]),
         ("vectors-of-answers-on-disk", [("core/event/exchange.c",
                                          "    exchange_mask_vectors(exchange, &exchange->response_headers, &exchange->response);\n", "")],
          ["unit a_search_loses_its_vectors"]),
         ("vectors-in-spans", [("core/event/to_span.c",
                                "    to_span_mask_vectors(exchange, call);\n", "")],
          ["observe.a_search_by_a_vector"]),
         ("vectors-cut", [("lib/span/vectors.c",
                           " || seen->end == w->len", "")],
          ["unit no_cut_keeps_a_number"]),
         ("distances-blanked", [("lib/span/vectors.c",
                                 "    if (!kept)\n", "")],
          ["unit vectors_are_blanked"]),
         ("references-blanked", [("lib/span/vectors.c",
                                  "    if (!w->text)\n", "")],
          ["unit vectors_are_blanked"])]),

    ("a request to a place that others have, too, such as _search",
     "only a body with the signs of a search by vectors makes it one "
     "(`match_observed`, the form's `confirm`)", [
         ("signs-unasked", [("rules/rules.c",
                             "    if (!request->body.data || "
                             "llmobs_rules_seems(match, request->body))\n",
                             "")],
          ["unit cases_read_as_expected"]),
         ("any-host", [("rules/rules.c",
                        "(!rule->shape->host || "
                        "llmobs_text_like(host, rule->shape->host))",
                        "(!rule->shape->host || host.len > 0)")],
          ["unit cases_read_as_expected"])]),

    ("a body that names a server by a URL with a password or key in it",
     "the library masks the URL's user part and secret parameters before "
     "the disk has them, and as the worker reads an answer "
     "(`llmobs_links_mask`)", [
         ("links-on-disk", [("lib/span/secrets.c",
                             "    llmobs_links_mask(data, len);\n", "")],
          ["unit a_request_is_masked"]),
         ("links-cut", [("lib/span/links.c", "        end_cut_user(w);",
                         "        w->port = 0;")],
          ["unit a_cut_url_keeps_no_secret"]),
         ("links-cut-backslash", [("lib/span/links.c", "memset(w->data + w->from, "
                                   "'*', w->here - w->from);\n}\n\n/* Masks at",
                                   "memset(w->data + w->from, "
                                   "'*', w->len - w->from);\n}\n\n/* Masks at")],
          ["unit urls_of_a_body_lose_their_secrets"]),
         ("links-cut-value", [("lib/span/links.c", "        end_cut(w);",
                               "        end_value(w);")],
          ["unit urls_of_a_body_lose_their_secrets"]),
         ("links-read-again", [("lib/span/links.c", "    if (*known > at)",
                                "    if (*known > w->len)")],
          ["unit no_text_is_read_twice"])]),

    ("pictures, sounds and files in base64 within the JSON of a body",
     "while the body grows, the library keeps of such a text the first "
     "characters and the size (`llmobs_blob_add`), unless the span shows it "
     "(`llmobs_media_stays`) or the exchange is recorded", [
         ("media-on-disk", [("core/event/exchange.c", "blob->how && data.len > 0",
                             "!blob->how && data.len > 0")],
          ["unit media_of_an_answer_stay_out", "spool.media_stay_out"]),
         ("shown-left-out", [("rules/read/left_out.c", "return image && (media",
                              "return !image && (media")],
          ["unit members_of_media_alone"]),
         ("recorded-left-out", [("core/event/exchange.c",
                                 "exchange->whole ? 0 : media", "media")],
          ["unit other_answers_stay_whole"]),
         ("sum-by-pieces", [("lib/text/blob.c",
                             "(size_t)(-blob->bytes % SUM_EVERY)", "0")],
          ["unit long_texts_become_marks"]),
         ("half-an-escape", [("lib/text/blob.c",
                              "    kept -= text[kept - 1] == '\\\\';\n", "")],
          ["unit any_bytes"]),
         ("backslash-eaten", [("lib/text/blob.c",
                               "        llmobs_body_stand_in(body, \"\\\\\", 1);",
                               "        blob->run = 0;")],
          ["unit long_texts_become_marks"]),
         ("marks-of-all-bytes", [("core/event/exchange.c",
                                  "llmobs_body_len(&exchange->response);",
                                  "exchange->response.total;")],
          ["unit media_of_an_answer_stay_out"]),
         ("left-out-counts", [("lib/text/body.c",
                               "llmobs_body_len(body) <= body->whole_max",
                               "body->total <= body->whole_max")],
          ["unit the_rest_fits_in"])]),

    ("facts for OTLP in an event for Datadog",
     "the exporter finds the event's first member and leaves it out; neither "
     "the batch nor the limit of an event counts it (`llmobs_facts_split`)", [
         ("facts-reach-datadog", [("core/export/intake.c",
                                   "llmobs_facts_split(event);\n    int rc = ",
                                   "{.lead = event};\n    int rc = ")],
          ["unit intake"]),
         ("facts-fill-the-batch", [("core/export/intake.c",
                                    "    return parts.lead.len + "
                                    "parts.rest.len;",
                                    "    (void)parts;\n    return event.len;")],
          ["unit intake"]),
         ("facts-end-in-a-text", [("core/event/facts.c",
                                   "        if (c == '\"') {",
                                   "        if (c == '\"' && !depth) {")],
          ["unit facts_come_apart", "unit intake"])]),

    ("a key in the place of a model's name, a novel in the place of a reason",
     "a fact from a body has its secrets masked and a maximum, lists have one, "
     "and the filters of content know facts (`llmobs_span_fact`)", [
         ("facts-of-any-length", [("lib/span/span_facts.c",
                                   "LLMOBS_FACT_MAX + 1) > LLMOBS_FACT_MAX)",
                                   "LLMOBS_FACT_MAX + 1) > 2 * LLMOBS_FACT_MAX)")],
          ["unit long_facts_are_left_out"]),
         ("lists-of-any-length", [("lib/span/span_facts.c",
                                   "    if (facts->items[fact] == LLMOBS_FACT_ITEMS)\n"
                                   "        return;\n", "")],
          ["unit long_facts_are_left_out"]),
         ("facts-unmasked", [("lib/span/span_facts.c",
                              "    if (is_dull(text) || ",
                              "    if (*text || is_dull(text) || ")],
          ["unit facts_are_masked"]),
         ("facts-unredacted", [("core/event/facts.c",
                                "    if (!llmobs_privacy_applies(&config->privacy))\n",
                                "    if (config)\n")],
          ["unit facts_are_filtered"]),
         ("facts-without-a-filter", [("lib/span/content_filter.c",
                                      "    value = text && !is_plain_fact(key) ? "
                                      "cleaned(ctx, value)\n"
                                      "                                        : "
                                      "llmobs_json_share(value);",
                                      "    (void)text;\n    value = "
                                      "llmobs_json_share(value);")],
          ["unit test_facts_of_a_call"])]),

    ("a loop of short processes beside a silent intake",
     "a mark on the disk: with it, a process neither connects ahead nor "
     "waits, and one process asks for all when it is old "
     "(`llmobs_peer_may_ask`)", [
         ("all-ask-at-once", [("core/export/peer.c", "    peer->asks_for_all = "
                               "peer->marked;", "    peer->asks_for_all = "
                               "age < 0;")],
          ["unit peer"]),
         ("silent-is-warmed", [("core/export/post.c", "    if (!llmobs_peer_may_ask"
                                "(&post->peer))\n        return;",
                                "    if (!llmobs_peer_may_ask(&post->peer) && "
                                "began < 0)\n        return;")],
          ["exit.a_silent_intake_is_left_alone"]),
         ("a-flush-waits", [("core/export/peer.c", "exporter->phase != "
                             "LLMOBS_PHASE_RUNNING", "exporter->phase == "
                             "LLMOBS_PHASE_ENDING")],
          ["unit peer"]),
         ("flush-unsaid", [("core/deliver/delivery.c", "!delivery->drains ? "
                            "LLMOBS_PHASE_AWAITED\n", "delivery->drains ? "
                            "LLMOBS_PHASE_AWAITED\n")],
          ["unit an_exporter_knows_who_waits"])]),

    ("constructors that run before the shim's, and keep libcurl's functions",
     "glibc runs the shim's first; elsewhere it starts at the first call "
     "(`llmobs_scan_late`), and mends addresses that were kept "
     "(`patch_variables`)", [
         ("starts-late", [("shim/scan.c",
                           "    if (llmobs_host_state() == LLMOBS_HOST_NEW &&",
                           "    if (0 &&")],
          ["preload kept_2_unordered"]),
         ("kept-stays", [("shim/patch.c", "        patch_variables(&work);",
                          "        (void)patch_variables;")],
          ["preload kept_1_unordered", "preload kept_1_plugin_plain"])]),

    ("wrappers of libcurl's functions that ask for the next one",
     "dlsym answers RTLD_NEXT with the thunk where the loader would answer with "
     "libcurl's own function (`llmobs_lookup`)", [
         ("next-unseen", [("shim/route.c",
                           "    if (result == LLMOBS_LOOKUP_COPY)",
                           "    if (result == LLMOBS_LOOKUP_COPY && 0)")],
          ["wrappers.in_program"]),
         ("next-past-a-wrapper", [("shim/lookup.c",
                                   "(at_start && walk->copy_at != "
                                   "walk->first_at)", "0")],
          ["preload two_wrappers"])]),

    ("messages read ahead where a function is called unseen",
     "none is read ahead then (`may_read_ahead`), and log and counter name the "
     "object (`llmobs_unseen_tell`)", [
         ("reads-ahead-unseen", [("core/capture/multi_messages.c",
                                  "(!watched || __atomic_load_n(watched, "
                                  "__ATOMIC_ACQUIRE) == 0)", "true")],
          ["wrappers.past_the_loader"]),
         ("hidden-untold", [("core/capture/unseen.c",
                             "        unseen_tell(path, hidden);", "        (void)tell;")],
          ["wrappers.past_the_loader"])]),

    ("two flavours in one process",
     "a thunk knows its copy of libcurl (`llmobs_copies_thunk`)", [
         ("one-copy-for-all", [("shim/copies.c", "                return "
                                "llmobs_thunk(c, h);",
                                "                return llmobs_thunk(0, h);")],
          ["preload two_flavours"])]),

    ("a library of the program that calls libcurl, and does not name it",
     "the names of its symbols decide whether it is patched, whatever it needs "
     "(`llmobs_patch_may`)", [
         ("behind-the-copy-unseen", [("shim/scan.c", "        llmobs_host_state() == "
                                      "LLMOBS_HOST_ON && !llmobs_patch_may("
                                      "elf, &how))", "        llmobs_host_"
                                      "state() == LLMOBS_HOST_ON && how.late "
                                      "== (elf == NULL))")],
          ["preload linked_versions", "preload linked_unnamed"]),
         ("unnamed-unseen", [("shim/patch.c", "    size_t count = llmobs_elf_"
                              "unhashed(elf);\n", "    size_t count = llmobs_elf_"
                              "unhashed(elf);\n\n    if (!how->late && "
                              "!llmobs_elf_needs(elf, \"libcurl.so.4\"))\n"
                              "        return false;\n")],
          ["preload linked_unnamed"])]),

    ("RTLD_DEEPBIND",
     "slots of later objects lead to the shim's dlopen and dlsym "
     "(`dl_target`)", [
         ("deepbind-unseen", [("shim/patch.c", "    if (!ours || ours == "
                               "value)\n        return NULL;",
                               "    if (!ours || ours || value == ours)\n"
                               "        return NULL;")],
          ["preload deepbind_opener", "preload deepbind_opener_lazy"])]),

    ("RTLD_LOCAL: plugins that come later",
     "the shim looks at new objects after each dlopen (`open_and_scan`)", [
         ("plugins-unseen", [("shim/route.c", "    if (handle)\n        llmobs_"
                              "scan();\n    return handle;",
                              "    return handle;")],
          ["preload plugin_now_plain", "preload plugin_lazy_plain"])]),

    ("the RUNPATH of the object that calls dlopen",
     "the real dlopen then gets the call as it came "
     "(`caller_is_no_matter`)", [
         ("runpath-lost", [("shim/route.c", "    return caller.plain;",
                            "    return caller.plain || caller.address;")],
          ["preload runpath_bare"])]),

    ("dlsym (FFI)",
     "for a known function's address dlsym answers with its thunk "
     "(`observed`)", [
         ("dlsym-unseen", [("shim/route.c", "    return thunk ? thunk : "
                            "found;", "    return found;")],
          ["preload dlsym", "preload ctypes"])]),

    ("a preload, or a sanitizer's runtime, that holds a name of libc and asks "
     "for the next one in it",
     "the shim calls libc's own functions, by libc's symbol table, and makes "
     "system calls itself (`llmobs_libc`, `llmobs_sys`)", [
         ("first-of-that-name", [("shim/libc.c", "    return llmobs_str_same("
                                  "elf->soname, LIBC_SONAME) ||",
                                  "    return !llmobs_str_begins(elf->soname, "
                                  "\"libllmobs\") ||"),
                                 ("shim/libc.c", "        if (may_be_libc(object) && libc_take", "        if (libc_take")],
          ["preload held_names", "preloads.pair_torsocks",
           "preloads.pair_fakechroot", "preload program_of_thread_sanitizer",
           "preload program_of_address_sanitizer"])]),

    ("libraries linked for an address that another has",
     "the shim reads no memory at `l_addr`: it knows libc by its name, and "
     "reads it from its dynamic section on (`llmobs_elf_open_listed`)", [
         ("address-as-memory", [("shim/libc.c", "        if (may_be_libc(object) && libc_take",
                                 "        if (*(const char *)object->l_addr == ELFMAG0 &&\n"
                                 "            may_be_libc(object) && libc_take")],
          ["preload displaced"])]),

    ("a core that is cut short, as while somebody copies it: a page beyond the "
     "file's end kills the program",
     "the shim tries no file that lacks a loaded part (`fit_is_whole`)", [
         ("cut-short-tried", [("shim/fit.c", "    whole = fit_is_whole((int)fd);",
                               "    whole = fd >= 0 || fit_is_whole((int)fd);")],
          ["preload core_cut_short", "preload core_cut_short_same"])]),

    ("a core that cannot be loaded, which nobody would hear of",
     "the shim keeps the reason where the doctor finds it "
     "(`shim_load_give_up`)", [
         ("given-up-unsaid", [("shim/load.c", "    size_t len = llmobs_str_copy("
                               "said, sizeof(said), LLMOBS_NO_CORE);",
                               "    size_t len = 1;")],
          ["doctor no_core"])]),

    ("a process that has no core, and so no log",
     "the shim writes the one line, to a file that the core would write to "
     "(`llmobs_say`, `say_may_write`, `llmobs_wrappers_tell`)", [
         ("given-up-unlogged", [("shim/load.c", "    llmobs_say(true, "
                                 "LLMOBS_NO_CORE, why);\n", "")],
          ["doctor no_core"]),
         ("shim-logs-anywhere", [("shim/say.c", "           st.st_nlink == 1 &&",
                                  "           st.st_nlink &&")],
          ["doctor no_core"]),
         ("hidden-unlogged", [("shim/wrappers.c", "|| llmobs_load_core())",
                               "|| !llmobs_load_core())")],
          ["wrappers.past_the_loader"])]),

    ("a limit of memory that has room for the program alone",
     "the shim loads the core if the kernel would map 32 MiB beside the memory "
     "in use (`can_map`), locked if the program locks all (`RLIMIT_MEMLOCK`)", [
         ("loaded-without-room", [("shim/fit.c", "!can_map() || !has_room_for_data()",
                                   "can_map() && !has_room_for_data()")],
          ["failure.low_limits", "failure.locked_memory"]),
         ("thread-without-room", [("lib/base/thread.c", "           has_memory();",
                                   "           (has_memory() || limit.rlim_cur);")],
          ["failure.locked_memory"])]),

    ("a program for another machine, or with AddressSanitizer, among all that "
     "get LD_PRELOAD",
     "the launcher names the library by a path where each loader finds its own, "
     "and in which libasan finds its name (`list_by_platform`)", [
         ("one-path-for-all", [("cli/shared/preload.c", "there ? path : "
                                "preload->library",
                                "there && !path[0] ? path : preload->library")],
          ["cli programs_of_32_bits", "doctor sanitizers"])]),

    ("a preload whose dlopen looks elsewhere",
     "libc's own dlopen opens the core (`llmobs_loader_own_open`)", [
         ("core-by-the-next", [("shim/loader_calls.c", "    void *one = get_own(OPEN);"
                                "\n\n    return one ? ((llmobs_open_fn)one)",
                                "    void *one = loader_calls_get(OPEN);\n"
                                "\n"
                                "    return one ? ((llmobs_open_fn)one)")],
          ["preload dlopen_astray"])]),

    ("a preload that leads connections elsewhere: an anonymiser",
     "the library's connections to this machine go to the kernel, and it "
     "makes no others (`core/export/direct`)", [
         ("through-the-holder", [("core/export/direct.c", "    if (rc != 0)\n"
                                  "        return (int)rc;\n    /* libcurl",
                                  "    if (rc != 0 || yes)\n        "
                                  "return (int)rc;\n    /* libcurl")],
          ["preloads.an_anonymiser_hears_nothing_of_us"]),
         ("around-the-holder", [("core/export/direct.c", "    if (!llmobs_direct_is_"
                                 "on() || unix_socket ||",
                                 "    if (!llmobs_direct_is_on() || "
                                 "!unix_socket ||")],
          ["preloads.around_an_anonymiser_nothing_goes",
           "unit passes_a_holder_by"]),
         ("holder-unseen", [("shim/host.c", "    *held = holds_connect(&elf);"
                             "\n    return *held;",
                             "    return holds_connect(&elf);")],
          ["preloads.an_anonymiser_hears_nothing_of_us",
           "preloads.around_an_anonymiser_nothing_goes"]),
         ("holder-untold", [("cli/doctor/doctor_peer.c",
                             "_direct_only(doctor->holder[0] != '\\0');",
                             "_direct_only(doctor->holder[0] < '\\0');")],
          ["doctor settings"])]),

    ("slots that are bound to somebody else's function",
     "the shim leaves them alone (`curl_target`), and those that the loader will "
     "bind to it (`coming`)", [
         ("interposer-bypassed", [("shim/patch.c", "    if (!(work->how->"
                                   "foreign >> hook & 1))",
                                   "    if (copy)")],
          ["preload interposer"]),
         ("later-wrapper-bypassed", [("shim/scan.c",
                                      "    if (ranges.before || ranges.late < "
                                      "walk->now.objects)",
                                      "    if (ranges.before)")],
          ["preload wrapping_zg", "wrappers.plugins"]),
         ("own-name-unseen", [("shim/patch.c", "    if (thunk || !is_lazy(",
                               "    if (thunk || !unbound(")],
          ["wrappers.plugins"]),
         ("later-ones-blamed", [("shim/scan.c", "    if (!late || !llmobs_"
                                 "copies_at_start() ||", "    if (elf || late ||")],
          ["wrappers.plugins"])]),

    ("an environment that is no list of variables: duplicates, entries without "
     "`=`, any bytes",
     "the launcher hands each entry on as it came, and sets a name wherever it "
     "stands (`llmobs_environment_set`)", [
         ("first-of-a-name", [("cli/shared/environment.c", "        found = true;\n"
                                                           "    }\n"
                                                           "    return found ? 0 : environment_add(",
                               "        found = true;\n"
                               "        break;\n"
                               "    }\n"
                               "    return found ? 0 : environment_add(")],
          ["launcher environment"])]),

    ("an environment as large as the kernel takes",
     "the command gets the environment that the launcher got "
     "(`llmobs_environment_exec`), also when another tool would be put "
     "around it (`run_has_room`)", [
         ("too-big-to-run", [("cli/shared/environment.c",
                              "entries == NULL || errno == E2BIG)",
                              "entries == NULL)")], ["launcher room"]),
         ("tool-without-room", [("cli/run/run.c", "    return fits && sum + ",
                                 "    return !fits || sum / 8 + ")],
          ["launcher room"])]),

    ("libcurl linked statically",
     "out of reach, and `llmobs doctor` says so (`is_in_reach`)", [
         ("static-in-reach", [("cli/doctor/doctor_examine.c", "    return copy->how != LLMOBS_LIBCURL_"
                               "STATIC && !copy->missing &&",
                               "    return !copy->missing &&")],
          ["doctor made"])]),

    ("a relay beside a process that delivers by itself",
     "in the directory of a living process the relay takes only the entries that "
     "say that they are for it (`is_due`)", [
         ("all-of-the-living", [
             ("core/log/adopt_read.c", "    if (adopt->at_living && !llmobs_entry_is_for_relay("
              "entry))\n        return false;\n", "")],
          ["relay.a_living_program_that_is_switched_off"])]),

    ("a process that leaves while the relay delivers its entries",
     "the relay holds the directory, whatever its name becomes (`hold`)", [
         ("by-its-old-name", [
             ("core/log/adopt_claim.c", "    if (!claim->living || claim->fd < 0)\n        return llmobs_adopt_dir_path(adopt, ",
              "    if (claim->used)\n        return llmobs_adopt_dir_path(adopt, ")],
          ["unit holds_a_directory_that_is_renamed"])]),

    ("calls after the exit handler, in another handler, a destructor or a thread",
     "each gives its directory away, as the exit handler does "
     "(`llmobs_worker_give`)", [
         ("kept-after-the-exit", [
             ("core/deliver/worker_give.c",
              "    if (atomic_load(&worker->stop))\n"
              "        llmobs_worker_stop(",
              "    if (!worker)\n"
              "        llmobs_worker_stop(")],
          ["relay.calls_after_the_exit_handler"])]),

    ("a relay that is killed while a process lives that left calls to it",
     "the process takes them back, under a mark that the next relay sees "
     "(`llmobs_take_back_begin`)", [
         ("left-to-the-dead", [
             ("core/deliver/delivery_fill.c", "!llmobs_take_back_is_due(adopt)",
              "adopt")],
          ["relay.taken_back"]),
         ("mark-unseen", [
             ("core/log/adopt.c", "adopt->unset && !found.marked &&",
              "adopt->unset &&")],
          ["relay.taken_back_by_one"]),
         ("own-directory-held", [
             ("core/log/take_back.c", "    claim->fd = -1;\n",
              "    claim->fd = open(dir, O_PATH | O_CLOEXEC);\n")],
          ["relay.taken_back_by_one"]),
         ("thread-unwanted", [
             ("core/deliver/worker_give.c", "    else\n"
              "        watch_relay(worker);",
              "    else if (!worker)\n"
              "        watch_relay(worker);")],
          ["relay.taken_back"])]),

    ("the sign of a relay that is dead",
     "only a lock that is held makes it one (`llmobs_relay_sign_is_up`)", [
         ("any-file-is-a-sign", [
             ("core/log/relay_sign.c", "    bool up = is_locked(fd) && ",
              "    bool up = ")], ["relay.a_false_sign"])]),

    ("files of the program whose launcher starts a relay",
     "the relay closes all that it was given (`detach`)", [
         ("keeps-files", [
             ("cli/log/background.c",
              "    llmobs_cli_release_descriptors();\n", "")],
          ["relay.launched_once"])]),

    ("a second relay that waits for the first",
     "it ends when it has waited as long as it may idle "
     "(`relay_child_wait_for_sign`), or at once where a launcher has started"
     " it", [
         ("waits-for-ever", [
             ("cli/log/relay_child.c",
              "            (idle_ns != 0 && llmobs_clock_mono_ns() - began >= "
              "idle_ns))", "            false)")],
          ["relay.waits_no_longer_than_it_may_idle"]),
         ("stays-behind", [
             ("cli/log/relay_child.c",
              "        if (child->children->gives_way ||", "        if (false ||")],
          ["relay.launched_at_once"])]),

    ("a relay beside calls that it does not deliver",
     "they do not keep it from its end (`relay_child_is_needed`)", [
         ("kept-by-others", [
             ("cli/log/relay_child.c", "left.ours > 0 ||",
              "left.ours + left.others > 0 ||")],
          ["relay.idle_beside_calls_for_others"])]),

    ("a relay that was stopped for so long that it counted as dead",
     "it ends as if it were, since others may have taken over what it has in"
     " memory (`relay_child_renew`)", [
         ("goes-on", [
             ("cli/log/relay_child.c", "renew(&child->sign) == -ETIME)\n"
              "        _exit(0);", "renew(&child->sign) == -ETIME)\n"
              "        child->busy_ns = now;")],
          ["relay.stopped_and_continued"])]),

    ("a spool that is removed, and the relay's sign with it",
     "the relay puts up another (`llmobs_relay_sign_is_there`)", [
         ("never-looks", [
             ("cli/log/relay_child.c", "    if (!has_sign(child))\n",
              "    if (child->sign.fd < 0)\n")],
          ["relay.its_sign_is_removed"])]),

    ("many calls a second, which cost the relay a request each",
     "the relay gathers those of 40 ms (`spool_watch_gather`)", [
         ("gathers-nothing", [
             ("cli/log/spool_watch.c", "#define BUSY_MS 40",
              "#define BUSY_MS 0")],
          ["relay.calls_that_come_closely"])]),

    ("short programs beside a relay on a disk that is slow to make directories",
     "the relay leaves an emptied one to the next program (`give_spare`)", [
         ("leaves-no-spare", [
             ("core/log/adopt.c",
              "    if (!adopt->unset || llmobs_spool_give_spare(dir) != 0)",
              "    if (adopt->unset || llmobs_spool_give_spare(dir) != 0)")],
          ["relay.a_directory_serves_again"])]),

    ("a kernel that has no inotify for the relay",
     "the relay looks more often (`poll_until`)", [
         ("sleeps", [
             ("cli/log/spool_watch.c", "    if (watch->blind && ",
              "    if (watch->fd < -1 && ")],
          ["relay.without_inotify"])]),

    ("a program beside the relay whose pid means nothing there",
     "the name of the directory says that the program gave it away, and "
     "keeps saying so when a relay has claimed it (`llmobs_adopt_is_given`)", [
         ("of-a-living", [
             (READ, "    if (llmobs_adopt_is_given(adopt, who))\n"
              "        return true;\n", "")], ["relay.programs_of_other_containers"]),
         ("forgotten-by-a-claim", [
             ("core/log/adopt_claim.c", "    if (llmobs_adopt_is_given("
              "adopt, who))\n        me->nonce |= WAS_GIVEN;\n", "")],
          ["relay.a_relay_beside_containers"])]),

    ("a program that adopts, or `llmobs drain`, beside a relay",
     "it leaves to the relay what that may have under way (`has_relay`)", [
         ("takes-it", [
             (READ, "return has_relay(adopt) ? 0 : adopt_open_dir",
              "return adopt->file > FILES_MAX ? 0 : adopt_open_dir")],
          ["relay.another_that_drains"])]),

    ("a relay that is killed after it has delivered",
     "its counts are on the disk when the entries are released "
     "(`is_outdated`)", [
         ("counts-later", [
             ("core/log/ledger.c", "now[LLMOBS_STAT_adopted] > "
              "recorded.written[LLMOBS_STAT_adopted]);", "now[LLMOBS_STAT_adopted] "
              "< recorded.written[LLMOBS_STAT_adopted]);")],
          ["relay.killed_after_it_delivered"])]),

    ("an exit while the worker's thread writes counts that are not the last",
     "the exit waits for it, though not for long (`wait_turn`)", [
         ("closes-no-later", [
             ("core/log/ledger.c", "    if (wait_turn()) {",
              "    if (ledger_take_turn()) {"),
             ("core/log/ledger.c", "static bool wait_turn(void)",
              "__attribute__((unused)) static bool wait_turn(void)")],
          ["unit the_last_close_has_all_counts"])]),

    ("a relay whose disk is full",
     "it releases in place what it delivered (`note_some`)", [
         ("not-released", [
             (READ, "        (void)llmobs_spool_strike(path, list[i].offset, "
              "list[i].id);\n", "        (void)list[i].id;\n")],
          ["relay.a_full_disk_of_the_relay"]),
         ("added-nowhere", [
             (READ, "                                   .offset = offset};",
              "                                   .offset = 0};")],
          ["unit test_added_on_a_full_disk"])]),

    ("a thread that writes to an older file than the relay reads",
     "the relay goes back to that file (`go_back`)", [
         ("never-goes-back", [
             ("core/log/adopt_held.c", "        if (by_relay)\n",
              "        if (by_relay && size == 0)\n")],
          ["unit takes_what_comes_late"])]),

    ("a program that lives long beside a relay",
     "a file of which the relay has all is no longer one of the "
     "LLMOBS_SPOOL_FILES that the program may have (`leave_file`, `turn_to`)", [
         ("current-stays", [("core/log/spool.c",
                             "    leave_file(spool, file, 1);\n}\n\n/* Goes "
                             "on", "    atomic_fetch_sub(&spool_slot_of(spool, file)->left, 1);\n"
                                   "}\n"
                                   "\n"
                                   "/* Goes on")],
          ["unit takes_files_from_a_busy_process"])]),

    ("many programs that live and rest beside a busy one, which cost the relay "
     "a look each at each of its calls",
     "the relay passes over a directory in which nothing has changed, for less "
     "than a second (`llmobs_adopt_meet`)", [
         ("looked-at-always", [("core/log/adopt_held.c",
                                "    return progress->rests_ns &&",
                                "    return progress->rests_ns && !name[0] &&")],
          ["unit looks_seldom_at_what_rests"]),
         ("rests-for-ever", [("core/log/adopt_held.c",
                              "               RESTS_MS * LLMOBS_NS_PER_MS &&",
                              "               INT64_MAX &&")],
          ["unit looks_seldom_at_what_rests"])]),

    ("a directory that nobody can read or deliver, beside a relay",
     "its claimer does not rename it again, which would wake the relay "
     "without end (`adopt_claim_is_mine`)", [
         ("names-it-anew", [
             ("core/log/adopt_claim.c", "    if (adopt_claim_is_mine(adopt, &found->who))",
              "    if (adopt_claim_is_mine(adopt, &found->who) && claim->used)")],
          ["unit names_a_directory_once"])]),

    ("a long call of a busy program beside a relay",
     "the relay removes files from the oldest on, as a later one may hold the end "
     "of a call that an older one begins (`tidy_old`)", [
         ("any-that-is-free", [
             ("core/log/adopt_held.c", "        tidying->may_seal = "
              "tidying->may_remove = false;\n", "")],
          ["unit keeps_what_is_newer_than_a_call_under_way"])]),

    ("a relay that starts while another process adopts",
     "a directory that was claimed says so in its name, and is its claimer's "
     "(`llmobs_adopt_is_claimed`)", [
         ("claimed-is-living", [
             ("core/log/adopt_claim.c", "    return who->nonce & "
              "WAS_CLAIMED;", "    return who->nonce == 0;")],
          ["unit leaves_what_another_has_claimed"])]),

    ("a thread that is cancelled while it looks for the relay",
     "the look cannot be cancelled (`llmobs_spool_is_relayed`, "
     "`llmobs_worker_give`)", [
         ("cancelled-in-the-look", [
             ("core/log/spool.c", "        pthread_setcancelstate("
              "PTHREAD_CANCEL_DISABLE, &state);\n        look_for_relay",
              "        state = PTHREAD_CANCEL_ENABLE;\n        look_for_relay"),
             ("core/deliver/worker_give.c", "    pthread_setcancelstate("
              "PTHREAD_CANCEL_DISABLE, &state);", "    state = "
              "PTHREAD_CANCEL_ENABLE;")],
          ["relay.cancelled_beside_a_relay"])]),

    ("a span of `llmobs-run --workflow` beside a relay",
     "the tool gives it to the disk as an event, which the relay takes "
     "(`llmobs_cli_deliver`, `may_hand`)", [
         ("tool-by-itself", [
             ("cli/shared/deliver.c", "llmobs_relay_find(config) == "
              "LLMOBS_RELAY_UP", "config == NULL")],
          ["relay.a_workflow_beside_a_relay"]),
         ("looks-too-late", [
             ("core/deliver/worker_give.c", "spool && "
              "llmobs_spool_have_dir(spool) == 0 &&", "spool &&")],
          ["unit gets_the_first_event"])]),

    ("processes that differ in the headers of their deliveries alone",
     "the headers belong to the destination: a relay or drain with others leaves "
     "the calls alone (`add_destinations`)", [
         ("any-headers", [
             ("core/log/owner.c", "    if (!rc)\n"
                                  "        rc = owner_add_list(",
              "    if (rc)\n"
              "        rc = owner_add_list(")],
          ["unit owner_headers"])]),

    ("a program whose limit of file sizes is within a page of the ledger",
     "it writes no page: the totals are those of all processes "
     "(`ledger_dir_may_write`)", [
         ("half-a-page", [
             ("core/log/ledger_dir.c", "           limit.rlim_cur >= "
              "LLMOBS_PAGE_SIZE;", "           limit.rlim_cur > 0;")],
          ["unit half_a_page_is_not_written"])]),

    ("a program in another time namespace",
     "the start of its process, which counts from another boot there, proves "
     "nothing (`llmobs_record_is_another`)", [
         ("any-start", [
             ("core/log/ledger_dir.c", "    return !mine || !other || mine == "
              "other;", "    return !mine || !other || mine > 0;")],
          ["relay.a_program_of_another_time_namespace"])]),

    ("a program that never rests, beside a relay",
     "the relay looks for its old files before it takes what is new "
     "(`adopt_held_read_living`)", [
         ("when-it-rests", [
             ("core/log/adopt_held.c", "    if (is_untidy(adopt)) {", "    if (!news && "
              "is_untidy(adopt)) {")],
          ["unit tidies_a_busy_process"])]),

    ("users who come and go, and root's relay",
     "the place of a user without a spool is free again "
     "(`llmobs_relay_places_sweep`)", [
         ("never-free", [
             ("cli/log/relay_places.c", "!place->met && place->pid == 0)",
              "!place->met && place->pid < 0)")],
          ["unit frees_the_places_of_users_who_are_gone"])]),

    ("a spool that root's relay cannot serve",
     "each process that fails keeps the next one away for longer "
     "(`llmobs_relay_place_ended`)", [
         ("at-the-same-pace", [
             ("cli/log/relay_places.c", "failed ? 2 * place->pause_ms : 0",
              "failed ? 0 * place->pause_ms : 0")],
          ["unit tries_less_often_the_more_have_failed"])]),

    ("a user who has a store and no spool, and root's relay",
     "no process is started for it (`log_relay_is_missing`)", [
         ("in-vain", [
             ("cli/log/relay.c", "log_relay_is_missing(place->path)\n"
                                 "                 ? 0", "log_relay_is_missing(\"/\")\n"
                     "                 ? 0")],
          ["users.no_spool_yet"])]),

    ("a user of a shared spool whose processes leave nothing there",
     "a process leaves the name of a sign, by which root's relay finds the user "
     "(`llmobs_relay_sign_meet`)", [
         ("no-mark", [
             ("core/log/relay_sign.c", "    if (fd == -ENOENT && ",
              "    if (fd == -EBADF && ")], ["users.a_shared_spool"])]),

    ("a relay's sign that a user makes in another one's name",
     "root takes it away (`spool_dirs_refuse`)", [
         ("left-there", [
             ("cli/shared/spool_dirs.c", "    spool_dirs_refuse(dir, name);\n"
                                         "    return false;", "    if (uid == (uid_t)-1)\n"
                                   "        spool_dirs_refuse(dir, name);\n"
                                   "    return false;")],
          ["users.a_shared_spool"])]),

    ("a relay that is killed before its child asks for its parent",
     "the child compares with the process that made it (`end_with_parent`)", [
         ("whoever-it-is", [
             ("cli/log/relay_child.c", "    end_with_parent(parent);",
              "    end_with_parent(getppid());\n    (void)parent;")],
          ["users.a_child_that_loses_its_parent_at_once"])]),

    ("a relay for other destinations",
     "its sign has the hashes of its own (`relay_sign_names`)", [
         ("for-anybody", [
             ("core/log/relay_sign.c", "    return !owner;\n}",
              "    return true;\n}")], ["relay.with_another_destination"])]),

    ("content that is to stay hidden, beside a relay",
     "the process makes the event itself (`may_hand`, `secure`)", [
         ("handed-as-it-is", [
             ("core/deliver/worker_give.c", "        (item->type != "
              "LLMOBS_ITEM_EXCHANGE ||\n         llmobs_privacy_withholds("
              "&worker->config->privacy)))", "        item->type != "
              "LLMOBS_ITEM_EXCHANGE)")],
          ["relay.content_stays_off_the_disk"])]),

    ("a user who holds up root's `llmobs drain` for all others",
     "the process that delivers for a user has a time of its own "
     "(`drain_round_set_times`), and that user's further spools come after "
     "all others (`put_aside`); a file that takes no blocks takes no time "
     "(`pass_hole`)", [
         ("user-without-end", [("cli/log/drain_round.c", "child->uid == geteuid() || "
                                "round->user_ms == 0)", "round->user_ms >= 0)")],
          ["drain stopped_by_its_user"]),
         ("waits-for-the-user", [("cli/log/drain_round.c", "    out.error = is_served("
                                  "round, place->uid) ?", "    while (is_served(round, place->uid)) {\n"
                                                          "        drain_round_wait_some(round);\n"
                                                          "        (void)drain_round_reap(round);\n"
                                                          "    }\n"
                                                          "    out.error = round->ending ?")],
          ["drain further_place_of_a_stopper"]),
         ("purge-without-end", [("cli/log/purge.c", "purge->theirs ? user_ms : -1",
                                 "user_ms > 0 ? -1 : -1")],
          ["purge stopped_by_its_user"]),
         ("hole-read", [("core/log/spool_file.c", "        if (sparse)\n",
                         "        if (sparse && size == 0)\n")],
          ["unit sparse"])]),

    ("names of files and links in a store that others may write",
     "the tool follows no link, and escapes a name before it shows it "
     "(`read_file`, `llmobs_escape_name`)", [
         ("link-followed", [("cli/shared/reader.c", "O_RDONLY | O_NOFOLLOW |",
                             "O_RDONLY |")],
          ["cli names_are_safe"]),
         ("name-as-it-is", [("cli/shared/reader.c",
                             "            llmobs_escape_name(file->name, room),",
                             "            ((void)room, file->name),")],
          ["cli names_are_safe"])]),

    ("a damaged entry of the spool, of which parts are missing",
     "the reader adds nothing to a pointer that is NULL "
     "(`llmobs_request_deployment`); clang's sanitizer would say so", [
         ("added-to-nothing", [("rules/read/request.c", "    if (url->path.len == 0)\n"
                                "        return none;\n    for (", "    for ("),
                               ("Makefile", None, "$(B)/rules/read/request.o: CC = "
                                "clang -fsanitize=pointer-overflow "
                                "-fsanitize-trap=all")],
          ["unit nothing_is_read_of_nothing"])]),

    ("files that somebody made so that root's `llmobs doctor` reads for hours",
     "all reading, opening and finding takes from one sum "
     "(`llmobs_allowance_take`)", [
         ("work-unbounded", [("cli/doctor/object.c", "    bool enough = cost <= "
                              "allowance->left;", "    bool enough = cost > 0 "
                              "|| allowance->left;")], ["doctor work"])]),

    ("an endpoint of OTLP that never takes a span: a port of gRPC, a web page",
     "`llmobs doctor` sends a request without a span, by the exporter's "
     "route, and looks for the first frame of HTTP/2 (`speaks_http2`, "
     "`tell_success`)", [
         ("bodiless-alone", [("cli/doctor/doctor_otlp.c", "inquiry->reply.status "
                              "== 400)", "inquiry->reply.status == 1)")],
          ["doctor_otlp answers"]),
         ("page-takes-spans", [("cli/doctor/doctor_otlp.c", "strcasecmp(inquiry->"
                                "reply.type, \"text/html\") != 0",
                                "inquiry->reply.status != 0")],
          ["doctor_otlp answers"]),
         ("frame-unseen", [("cli/doctor/http2.c", "head[3] == SETTINGS",
                            "head[3] > SETTINGS")], ["doctor_otlp silence"]),
         ("any-bytes-a-frame", [("cli/doctor/http2.c", "head[3] == SETTINGS",
                                 "head[3] >= SETTINGS")],
          ["doctor_otlp silence"])]),

    ("another user's process that listens first at the agent's usual place",
     "all listeners there must be root's, dd-agent's or the program's "
     "user's, before and when the connection stands "
     "(`llmobs_listener_check`, `judge_peer`)", [
         ("stranger-trusted", [("core/export/listener.c", "    look->stranger |= "
                                "!is_trusted(uid);",
                                "    (void)is_trusted(uid);")],
          ["delivery.auto_stranger_in_the_usual_place"]),
         ("looked-at-once", [("core/export/http.c", "    transfer->strange = "
                              "rc || mark != transfer->mark;",
                              "    transfer->strange = false;")],
          ["unit sends_nothing_to_strangers"])]),

    ("a device in the place of a file",
     "the tool looks by O_PATH, and opens regular files alone "
     "(`llmobs_fd_reopen`)", [
         ("device-opened", [("lib/base/fd.c", "    files_only = true;",
                             "    files_only = false;")],
          ["doctor devices"])]),

    ("dlclose and reload",
     "the shim forgets copies that are gone (`llmobs_copies_sweep`)", [
         ("gone-copies-stay", [("shim/copies.c", "    unsigned before = "
                                "__atomic_fetch_and(&used, marked, "
                                "__ATOMIC_ACQ_REL);",
                                "    unsigned before = __atomic_load_n(&used, "
                                "__ATOMIC_ACQUIRE);")],
          ["preload come_and_go"])]),

    ("two copies of libcurl with one soname",
     "an object that needs the soname gets the program's (`asked_for`)", [
         ("one-soname-none", [
             ("shim/copies.c", "several && !one->at_start ? NULL : one",
              "several ? NULL : one")],
          ["preload one_soname"])]),

    ("copies of libcurl with other sonames and the same version",
     "an unbound slot that any of them may get is left alone "
     "(`copies_is_doubtful`)", [
         ("version-by-soname", [
             ("shim/copies.c", "asked && copies_is_doubtful(asked, version)",
              "asked && version == 1")],
          ["preload one_version_z"]),
         ("all-copies-global", [
             ("shim/copies.c", "if (!copy->at_start && "
              "!llmobs_copies_met_global())",
              "if (copy == asked)")],
          ["preload one_version_local"])]),

    ("a libcurl whose path is that of a descriptor, which may be another "
     "file's next",
     "its calls are left alone, and it is not pinned (`is_fleeting`)", [
         ("pinned-by-descriptor", [
             ("shim/load.c", " || (copy && copy->fleeting)", "")],
          ["preload one_name", "preload one_name_dev"])]),

    ("the first calls in a destructor that a dlclose runs",
     "the shim loads and pins nothing inside a dlclose "
     "(`llmobs_turn_load`)", [
         ("loads-in-dlclose", [("shim/dl.c", "    if (llmobs_host_state() == "
                                "LLMOBS_HOST_OFF)",
                                "    if (llmobs_host_state() >= "
                                "LLMOBS_HOST_OFF)")],
          ["preload parting_f_h", "preload parting_f_p"])]),

    ("a dlclose by the address that libc has for it",
     "dlsym answers with the shim's (`observed`)", [
         ("dlclose-by-name", [("shim/route.c", "    if (llmobs_loader_is(CLOSE, "
                               "found))",
                               "    if (llmobs_loader_is(CLOSE, NULL))")],
          ["preload parting_f_a", "preload parting_f_v"])]),

    ("dlsym in such a destructor",
     "the shim's own look-ups do not ask the loader there: the app alone "
     "does (`may_observe`)", [
         ("asks-in-dlclose", [("shim/route.c", "    return is_hooked(name) "
                               "&& !llmobs_turn_in_close();",
                               "    return is_hooked(name);")],
          ["preload parting_s_h"])]),

    ("such a destructor that waits for a thread which makes the first calls",
     "that thread goes on unobserved, after a bounded wait (`take_alone`)", [
         ("loads-beside-dlclose", [("shim/turn.c", "        return MINE;\n"
                                    "        found = ANOTHER;",
                                    "        return MINE;")],
          ["preload parting_t_h"])]),

    ("the first calls while another thread is inside of a dlclose",
     "they wait for its end (`llmobs_turn_load`)", [
         ("no-wait-for-dlclose", [("shim/turn.c", "    } while (!turn && "
                                   "hindered(&by) != MINE && ",
                                   "    } while (!turn && seen < 0 && ")],
          ["preload parting_w_t_seen", "preload parting_d_h_seen"])]),

    ("a constructor that waits for a thread which makes the first calls",
     "that thread goes on unobserved, after a bounded wait (`hindered`)", [
         ("loads-beside-dlopen", [("shim/turn.c", "    return closes == NOBODY "
                                   "? opens : closes;", "    return closes;")],
          ["preload parting_c_h"])]),

    ("fork while another thread is inside of a dlopen or dlclose",
     "the child, which may find the loader's locks taken, loads nothing, and"
     " waits for nobody (`turn_is_alone`)", [
         ("child-waits", [("shim/turn.c", "turn_is_alone() ? 1 :",
                           "turn_is_alone() && seen < 0 ? 1 :")],
          ["preload parting_dwl_k"]),
         ("child-loads", [("shim/turn.c", "    return turn;\n}\n\nvoid "
                           "llmobs_turn_load_end",
                           "    return turn || !turn_is_alone() ? turn : turn_take(1);\n"
                           "}\n"
                           "\n"
                           "void llmobs_turn_load_end")],
          ["preload parting_dwl_k_seen"])]),

    ("a dlclose under seccomp that kills",
     "the shim makes no system call in it (`llmobs_turn_begin`)", [
         ("dlclose-asks", [("shim/turn.c", "= turn_take(-(int)kind);",
                            "= turn_take(-(int)kind - 0 * llmobs_libc_pid());")],
          ["preload close_quietly"])]),

    ("a look at the stack from a destructor",
     "the shim has unwind tables (`Makefile`)", [
         ("no-tables-of-shim", [("Makefile", None, "$(B)/shim/dl.o: "
                                 "SHIM_CFLAGS += "
                                 "-fno-asynchronous-unwind-tables "
                                 "-fno-unwind-tables")],
          ["preload parting_b_h"])]),

    ("fork in mid-transfer, exit in the child",
     "an exchange belongs to the process in which it began "
     "(`capture_abandon`)", [
         ("child-ends-it-too", [(CAPTURE, "    if (!exchange || exchange->"
                                 "process != llmobs_fork_process())\n        "
                                 "return;",
                                 "    if (!exchange)\n        return;")],
          ["programs.life_cases.fork_in_transfer"])]),

    ("a fork between a multi's add and its transfer",
     "the copy that begins in another process draws ids of its own "
     "(`renew_ids`)", [
         ("ids-inherited", [(OUTGOING, "    if (exchange->process "
                             "== llmobs_fork_process())\n        return;\n"
                             "    if (origin->from_span",
                             "    if (exchange)\n        return;\n"
                             "    if (origin->from_span")],
          ["programs.life_cases.fork_before_transfer"])]),

    ("a limit of processes that the program has counted for itself",
     "below 64 (RLIMIT_NPROC) the library starts no thread "
     "(`thread_has_room`)", [
         ("takes-the-last-slot", [("lib/base/thread.c",
                                   "limit.rlim_cur >= PROCESSES_LEAST) &&",
                                   "limit.rlim_cur > 0) &&")],
          ["programs.process_cases.few_processes"])]),

    ("keys of pthread_key_create, of which the program has a limited number; two "
     "copies of libc (dlmopen) that share each thread's values of them",
     "the library makes one only for a program that uses the C API "
     "(`have_key`), and knows its own threads by their addresses "
     "(`llmobs_fd_thread_begins`)", [
         ("key-for-all", [("core/sdk/thread_state.c",
                           "static atomic_bool used;",
                           "static struct thread *thread_state_get(void);\n"
                           "static atomic_bool used;"),
                          ("core/sdk/thread_state.c",
                           "    return atomic_load_explicit(&used, "
                           "memory_order_acquire);",
                           "    return thread_state_get() != NULL;")],
          ["programs.process_cases.keys"]),
         ("thread-stays-ours", [("lib/base/fd.c",
                                 "        atomic_store(place, 0);",
                                 "        (void)place;")],
          ["unit low_where_ours_was"])]),

    ("a first thread that ends by itself, and a process that ends with its "
     "last one", "the worker looks again and again whether any other thread is left, and"
                 " ends with the first one's code (`worker_thread_look`, "
                 "`llmobs_thread_leave`)", [
         ("sleeps-for-ever", [("core/deliver/worker_thread.c", "    worker->last = "
                               "llmobs_thread_is_last();",
                               "    worker->last = false;")],
          ["exit.last_thread_beside_a_silent_agent"]),
         ("code-of-ours", [("lib/base/thread.c", "    if (leaving.code)\n"
                            "        llmobs_sys(SYS_exit, leaving.code);\n",
                            "")],
          ["exit.agent.left_by_system_call"]),
         ("code-of-the-first", [("lib/base/thread.c", "    if (apps > 1)\n"
                                 "        atomic_store(&outlived",
                                 "    if (apps > 9)\n"
                                 "        atomic_store(&outlived")],
          ["programs.exit_cases.left_to_another"]),
         ("leaves-the-others", [("lib/base/thread.c", "    return apps == 1;",
                                 "    return apps >= 1;")],
          ["programs.exit_cases.left_to_another"]),
         ("lookup-stays", [("core/export/resolve.c", "    resolve_let_go(seeker);\n"
                                                     "}\n"
                                                     "\n"
                                                     "static int resolve_start(", "    for (;;)\n"
                                                 "        llmobs_futex_sleep(&seeker->state, DONE, -1);\n"
                                                 "}\n"
                                                 "\n"
                                                 "static int resolve_start(")],
          ["exit.last_thread_beside_a_lookup"]),
         ("looks-when-idle", [("core/deliver/worker_thread.c",
                               "(struct llmobs_tick){worker_thread_look, worker}",
                               "(struct llmobs_tick){NULL, NULL}")],
          ["exit.last_thread_beside_a_silent_agent"]),
         ("descriptors-of-nobody", [("core/deliver/worker_thread.c",
                                     "    llmobs_fd_alone();\n", "")],
          ["exit.last_thread_has_the_last_descriptors"]),
         ("small-stack-at-last", [("lib/base/thread.c",
                                   "        (void)llmobs_thread_start("
                                   "end_last, NULL, 0, NULL);", "        ;")],
          ["exit.agent.left_by_main"])]),

    ("fork beside the worker",
     "a child begins anew and touches nothing inherited (`check_fork`)", [
         ("child-goes-on", [("core/deliver/worker_turn.c", "    reset(worker);\n    llmobs_"
                             "fork_settled(&worker->process);",
                             "    (void)reset;\n    llmobs_fork_settled("
                             "&worker->process);")],
          ["programs.life_cases.prefork"])]),

    ("fork while the worker is in the TLS library",
     "the fork waits for the worker: a lock that the child inherits stays "
     "locked (`before_fork`)", [
         ("fork-waits-little", [("lib/base/fork_gate.h", "GATE_CALL_MS 1000",
                                 "GATE_CALL_MS 5")],
          ["unit fork_waits_for_a_long_call"])]),

    ("fork while the worker waits for a name server, or is idle",
     "the fork asks it to end, and waits 5 ms for that, once "
     "(`llmobs_thread_rest`)", [
         ("fork-waits-long", [("lib/base/fork_gate.h", "GATE_REST_MS 5",
                               "GATE_REST_MS 200")],
          ["unit fork_waits_bounded"]),
         ("fork-waits-again", [("lib/base/thread.c", "    if (how == LLMOBS_THREAD_REST_ONCE &&",
                                "    if (false &&")],
          ["unit fork_waits_bounded"]),
         ("fork-beside-the-idle", [("lib/base/thread.c",
                                    "        ring_all();\n    }\n", "    }\n")],
          ["programs.alone_cases.forks"])]),

    ("a child that no handler of fork saw",
     "the page that knows the process is empty in it (`wiped_page`)", [
         ("page-inherited", [("lib/base/fork.c", "        madvise(page, size, "
                              "MADV_WIPEONFORK) == 0)",
                              "        madvise(page, size, MADV_NORMAL) == 0)")],
          ["unit a_process_knows_itself"])]),

    ("exit in a child of vfork",
     "the child ends nothing: all that could end is its parent's "
     "(`at_exit`)", [
         ("vfork-ends-it", [("core/capture/global.c", "    if (llmobs_fork_shares())",
                             "    if (false)")],
          ["exit.vfork_child_exits"])]),

    ("exit in a child of vfork, with musl",
     "musl's exit keeps locks that a process of one thread does not take: the "
     "worker's thread ends before (`llmobs_worker_withdraw`)", [
         ("thread-stays", [("core/deliver/worker_thread.c", " &&\n           "
                            "!atomic_load(&worker->withdrawn)", "")],
          ["unit withdrawn_it_goes_on_without_a_thread"])]),

    ("a body that outgrows the room of its block",
     "the body moves, and nothing frees the block's room by itself "
     "(`buf_move`)", [
         ("room-freed", [("lib/base/buf.c", "    if (!buf->lent)\n        free("
                          "buf->data);", "    free(buf->data);")],
          ["unit test_buf_lent"])]),

    ("exit beside calls under way",
     "the library's exit handler ends them (`llmobs_capture_abandon_all`)", [
         ("exit-unseen", [("core/capture/global.c", "    end_all();\n", "")],
          ["programs.life_cases.exit_in_callback",
           "programs.life_cases.exit_beside"])]),

    ("many threads whose first call it is",
     "one initialises libcurl, whose lock spins; the others sleep "
     "(`llmobs_global_turn`)", [
         ("all-at-once", [("core/capture/global.c", "    if (*seen == mine ||\n",
                           "    if (mine == 0 ||\n")],
          ["unit one_after_the_other"])]),

    ("a disk or a spool without room for the end of a call that it has begun",
     "memory alone has the call, and counts it: what the disk has of it goes "
     "in place, behind a guard against SIGXFSZ, so that no other process "
     "tells of it as cut off (`cancel_in`)", [
         ("begun-stays", [("core/log/spool.c", "        cancel(spool, "
                           "&exchange->item.spooled, true);\n", "")],
          ["unit end_refused", "spool.no_room_for_the_end",
           "relay.no_room_for_the_end_beside_a_relay"]),
         ("not-tried-again", [("core/log/spool.c", " && retried)", " && "
                               "!spooled->id)")],
          ["unit end_refused"]),
         ("struck-unguarded", [("core/log/spool_file.c",
                                "    bool limited = is_limited();\n    ssize_t",
                                "    bool limited = false;\n    ssize_t")],
          ["unit end_refused"])]),

    ("an agent that is slower than the program",
     "items that the worker has taken count until they are encoded, and the head "
     "of an entry needs no room (`llmobs_buffer_put`)", [
         ("taken-uncounted", [("core/deliver/buffer.c", "        from = next;\n",
                               "        from = next;\n        "
                               "llmobs_buffer_done(buffer, list);\n")],
          ["unit keeps_the_order", "unit refuses_beyond_the_bytes"]),
         ("head-needs-room", [("core/deliver/buffer.c", "weight == 0 || bytes",
                               "bytes")],
          ["unit refuses_beyond_the_bytes"])]),

    ("kill between the disk and the counters",
     "a call counts as captured after the disk has it, and a reader takes "
     "that counter first (`take_counts`); the worker records settled calls "
     "before its next request (`tell_settled`)", [
         ("counted-first", [
             ("core/deliver/worker_give.c", "    worker_give_keep(worker, item);\n"
                                            "    item->",
              "    llmobs_stats_add(LLMOBS_STAT_captured, 1);\n"
              "    worker_give_keep(worker, item);\n"
              "    item->"),
             ("core/deliver/worker_give.c", "    llmobs_stats_add("
              "LLMOBS_STAT_captured, 1); /* after keep: stats.h */\n", "")],
          ["spool.killed_before_it_is_counted"]),
         ("settled-unsaid", [("core/deliver/delivery.c", "        delivery->settled("
                              "delivery->config);", "        return;")],
          ["evaluations.killed_between_two_requests"])]),

    ("a directory of the spool that was another process's",
     "a process takes it only if it is empty and of the same user "
     "(`process_dir_is_fit`), and leaves it when no thread writes to it "
     "(`is_idle`)", [
         ("takes-any", [("core/log/process_dir.c", "           S_ISDIR(st.st_mode) "
                         "&& st.st_uid == geteuid() &&\n           "
                         "(st.st_mode & 07777) == 0700;",
                         "           st.st_uid == geteuid();")],
          ["unit unfit"]),
         ("gives-the-busy", [("core/log/process_dir.c", "        if (atomic_load("
                              "&spool->slots[i].left) != 0)\n            "
                              "return false;\n",
                              "        (void)spool->slots[i];\n")],
          ["unit not_idle"]),
         ("gives-any", [("core/log/process_dir.c", "        empty = names_nothing"
                         "(list, len);", "        (void)names_nothing;")],
          ["unit not_empty"]),
         ("not-its-own-again", [("core/log/process_dir.c", "                 gone ? "
                                 "LLMOBS_SPOOL_DIR_GIVEN : "
                                 "LLMOBS_SPOOL_DIR_READY);",
                                 "                 "
                                 "LLMOBS_SPOOL_DIR_READY);")],
          ["unit after_the_end"])]),

    ("half an entry on the disk, and a stranger's bytes behind its head",
     "all marks of an entry come from a key that only the file has "
     "(`llmobs_entry_key`); the writer takes half an entry back if no "
     "other thread writes (`llmobs_spool_cut`)", [
         ("key-known", [("core/log/entry.c", "    if (llmobs_sys(SYS_getrandom, key, "
                         "sizeof(*key), GRND_NONBLOCK) !=\n        sizeof(*key))"
                         "\n        guess_key(key);", "    memset(key, 0, sizeof(*key));\n    "
                         "if (key->mark)\n        guess_key(key);")],
          ["unit forged_answer"]),
         ("time-before-time", [("core/log/exchange_entry.c",
                                "    if (n[NUMBER_START_WALL] < 0 || "
                                "n[NUMBER_START_MONO] < 0 ||\n        "
                                "n[NUMBER_DURATION] < 0)\n        return "
                                "-EINVAL;\n", "")],
          ["unit before_time"]),
         ("no-key-without-getrandom", [("core/log/entry.c", "    memcpy(key, hash, "
                                        "sizeof(*key));", "    memset(key, 0, "
                                        "sizeof(*key));")],
          ["unit key_without_getrandom"]),
         ("seal-unread", [("core/log/entry.c", "(key, head, fields, 1, 0, &seal) "
                           "&& tail == seal;",
                           "(key, head, fields, 1, 0, &seal) && seal != "
                           "tail + 1;")],
          ["unit spliced"]),
         ("marks-unsealed", [("core/log/entry.c", "        *state = llmobs_mix("
                              "*state ^ mark.len) + mark.tag;\n",
                              "        *state += 0;\n")],
          ["unit lost_mark"]),
         ("child-of-the-same-key", [("core/log/process_dir.c", "    llmobs_entry_"
                                     "key(&spool->key);", "    if (!spool->key"
                                     ".mark)\n        llmobs_entry_key(&spool"
                                     "->key);")],
          ["unit key_of_a_child"]),
         ("not-cut-back", [("core/log/spool.c", "        llmobs_spool_cut(fd, "
                            "written);\n", "        (void)fd;\n")],
          ["unit cut_back"]),
         ("cut-beside-others", [("core/log/spool.c", "    if (written && written->"
                                 "part > 0 &&\n",
                                 "    if (written && written->part > 0)\n    "
                                 "    alone = atomic_load(&slot->writers);\n"
                                 "    if (written && written->part > 0 &&\n")],
          ["unit cut_back"])]),

    ("a directory that other users may write to",
     "the library writes and believes a file only if it is this user's, "
     "has one name and is regular (`lib/base/file.c`); others' files take "
     "no room", [
         ("owner-unasked", [("lib/base/file.c", "st.st_uid != geteuid() &&\n"
                             "         st.st_uid != other)", "st.st_uid == "
                             "(uid_t)-1)")],
          ["unit files_of_others", "unit the_ledger_of_another_user",
           "unit no_file_of_another"]),
         ("links-unasked", [("lib/base/file.c", "S_ISLNK(st.st_mode) && "
                             "st.st_uid != 0",
                             "S_ISLNK(st.st_mode) && st.st_uid == (uid_t)-1")],
          ["unit no_file_of_another"]),
         ("names-unasked", [("lib/base/file.c", "    if (!S_ISREG(st.st_mode) || "
                             "st.st_nlink > 1 ||\n",
                             "    if (!S_ISREG(st.st_mode) ||\n")],
          ["unit files_of_others"]),
         ("root-adds-others", [("core/log/ledger.c", "        if (llmobs_"
                                "record_read(survey.dir, name, true, &page)",
                                "        if (llmobs_record_read(survey.dir, "
                                "name, false, &page)"),
                               ("core/log/ledger.c", "    rc = llmobs_record_"
                                "read(dir, name, true, &page);",
                                "    rc = llmobs_record_read(dir, name, false, "
                                "&page);")],
          ["unit the_ledger_of_another_user"]),
         ("room-by-anybody", [("core/log/spool_file.c", "           (st->st_mode & "
                               "S_IFMT) == type && st->st_uid == geteuid();",
                               "           (st->st_mode & S_IFMT) == type;")],
          ["unit room_of_others"]),
         ("found-for-made", [("core/log/spool.c", "fd < 0 ? 0 : llmobs_file_check("
                              "fd, geteuid());", "0;")],
          ["unit made_by_others"])]),

    ("processes of two releases at one spool",
     "each leaves the files of a later form alone (`remove_stub`)", [
         ("later-for-a-stub", [("core/log/adopt_read.c", "        if (one != "
                                "-ENODATA)\n            rc = one;",
                                "        rc = one == -ENOTSUP ? -ENODATA : "
                                "one;")],
          ["unit later_version"])]),

    ("close_range(3, ~0), then open",
     "the library knows its descriptors by identity, not by number "
     "(`llmobs_sockets_intact`)", [
         ("numbers-trusted", [("core/export/sockets.c", "    return sockets_look_at(one->fd, &now) && now.type == one->type &&\n"
                                                        "           now.dev == one->dev && now.ino == one->ino && now.id == one->id &&\n"
                                                        "           (one->type || one->id);",
                               "    return sockets_look_at(one->fd, &now) || one;")],
          ["exit.agent.close_low", "exit.agentless.close_low"])]),

    ("close_range(3, ~0), then open, while the worker opens a file",
     "the worker knows its file by name, and its number is above those "
     "that the app gets (`llmobs_fd_open`)", [
         ("taken-for-ours", [("lib/base/fd.c", "    if (one.fd >= 0 && "
                              "!one.named) {",
                              "    if (one.fd >= 0 && one.fd < 0) {")],
          ["programs.closed_in_openat"]),
         ("closes-the-copied", [("lib/base/fd.c", "    if (fd_still_is(fd, file))",
                                 "    if (fd_still_is(fd, file) || fd > 2)")],
          ["programs.closed_in_fcntl"]),
         ("replaced-for-taken", [("lib/base/fd.c", "        one = again;",
                                  "        one.fd = again.named ? again.fd : "
                                  "-1;"),
                                 ("lib/base/fd.c", "(before && fd_is_same(&found, &one->file)) ||", "")],
          ["unit replaced_meanwhile"]),
         ("low-as-the-app", [("lib/base/fd.c", "    if (!ours)",
                              "    if (flags)")],
          ["unit high_on_ours", "programs.closed_in_openat"])]),

    ("descriptors 0, 1 and 2 closed",
     "no descriptor of the library ever takes their place "
     "(`above_standard`)", [
         ("standard-numbers-taken", [("core/export/sockets.c", "        if (sockets_is_free(fd))\n"
                                                               "            hold[fd] = (int)",
                                      "        if (sockets_is_free(fd) && fd > 2)\n"
                                      "            hold[fd] = (int)")],
          ["exit.agent.close_standard", "exit.agentless.close_standard"])]),

    ("siglongjmp out of the library's write to the disk",
     "the handle's owner gets its lock back at once (`llmobs_handle_lock`), and "
     "the call ends with the next one (`llmobs_callbacks_leave_behind`)", [
         ("lock-kept", [("core/capture/handle.c", " &&\n"
                                                  "           !handle_hand_over(handle, HELD_BY_OWNER, HELD_BY_OWNER)) {", ") {")],
          ["spool.left_by_a_signal", "unit locks_that_were_left"]),
         ("left-in", [(CALLBACKS, "    if (handle->in && !handle->inside && "
                                  "!llmobs_handle_multi(handle))\n        "
                                  "llmobs_callbacks_swap_out(handle, curl);"
                                  "\n", "    (void)handle, (void)curl;\n")],
          ["spool.left_by_a_signal"])]),

    ("few descriptors: the last ones are the program's",
     "the library opens none if too few are left for it, and keeps no "
     "connection open there (`llmobs_fd_spare`)", [
         ("takes-the-last", [("lib/base/fd.c", "    return found >= want;",
                              "    return found >= 0;")],
          ["quiet.few.8_hang", "quiet.few.20_close",
           "unit the_last_are_the_apps"]),
         ("last-by-an-old-answer", [("lib/base/fd.c", "#define HOLDS_NS INT64_C("
                                     "1000000)", "#define HOLDS_NS INT64_C("
                                     "1000000000)")],
          ["unit an_answer_holds_for_a_moment"]),
         ("last-by-an-answer", [("lib/base/fd.c", "seen_free) >= want + MORE;",
                                 "seen_free) >= 0;")],
          ["unit the_last_are_the_apps"]),
         ("keeps-connections", [("core/export/http.c",
                                 "    if (has_handles(http) && !llmobs_curl_access_is_exit() &&\n"
                                 "        !llmobs_fd_spare(KEEP_FDS))\n"
                                 "        export_http_give_back(http);",
                                 "    (void)has_handles;\n")],
          ["quiet.keeps_no_connection_where_few_are_left"]),
         ("others-for-the-pair", [("core/export/sockets.c",
                                   "        if (!wakes_libcurl(&one)) {",
                                   "        if (0) {")],
          ["unit watches_the_pair_alone"]),
         ("hidden-pair-is-known", [("core/export/sockets.c",
                                    " || (others && !found) ?", " ?")],
          ["unit watches_the_pair_alone"]),
         ("last-is-lost", [("core/capture/global.c", "    llmobs_fd_guest(true);\n",
                            "")],
          ["quiet.few.5_well"])]),

    ("signals",
     "the worker blocks all (`llmobs_thread_start`)", [
         ("signals-taken", [("lib/base/thread.c", "    sigfillset(&all);",
                             "    sigemptyset(&all);")],
          ["programs.life_cases.signalled"])]),

    ("SIGPIPE and SIGXFSZ of the library's own writing",
     "blocked and taken back (`lib/base/signal_guard.h`)", [
         ("loud", [("core/deliver/worker_turn.c", "    llmobs_signal_guard_begin(guard);\n",
                    "    *guard = (struct llmobs_signal_guard){.cancel = 0};\n"),
                   ("core/deliver/worker_turn.c", "leave_turn(worker);\n    llmobs_"
                    "signal_guard_end(guard);\n",
                    "leave_turn(worker);\n    (void)guard;\n"),
                   ("core/deliver/worker_turn.c", "        return true;\n    llmobs_"
                    "signal_guard_end(guard);\n", "        return true;\n")],
          ["failure.files_may_not_grow",
           "failure.files_may_not_grow_nor_the_log"])]),

    ("longjmp out of a callback",
     "cleanup ends a call that was left without an end "
     "(`llmobs_ops_easy_cleanup`)", [
         ("jump-loses-it", [(EASY, "    llmobs_capture_finish("
                             "handle, ending.end, ending.code);\n    llmobs_"
                             "handle_release(handle);",
                             "    if (atomic_load(&handle->multi))\n        "
                             "llmobs_capture_finish(handle, ending.end, "
                             "ending.code);\n    llmobs_handle_release("
                             "handle);")],
          ["programs.easy_cases.jumped", "programs.process_cases.thrown"])]),

    ("exceptions through the library's frames",
     "the core and the shim have unwind tables (`Makefile`)", [
         ("no-unwind-tables", [("Makefile", None, "$(B)/core/capture/easy.o: "
                                "CFLAGS_ALL += -fno-asynchronous-unwind-tables"
                                " -fno-unwind-tables")],
          ["programs.process_cases.thrown"])]),

    ("pthread_cancel and pthread_exit in a transfer",
     "the library holds nothing across it, and its own writing cannot be "
     "cancelled (`lib/base/signal_guard.h`); the exit ends calls that "
     "were left", [
         ("gate-held", [("core/capture/global.c", "    end_all();\n", "")],
          ["programs.life_cases.cancelled"]),
         ("flush-cancelled", [("lib/base/signal_guard.h",
                               "    pthread_setcancelstate("
                               "PTHREAD_CANCEL_DISABLE, &guard->cancel);\n",
                               "    guard->cancel = PTHREAD_CANCEL_ENABLE;\n")
                              ],
          ["unit a_cancelled_flush_is_finished"])]),

    ("unshare, setns, and a sandbox that a thread takes on for itself",
     "the worker ends before: the slots of these functions, of prctl and of "
     "syscall are patched before the first thread begins (`shim/alone`)", [
         ("never-watched", [("core/capture/attach.c",
                             "    llmobs_thread_watch(host->watch_alone);\n",
                             ""),
                            ("shim/load.c", "        llmobs_alone_look();\n",
                             "        now = READY;\n")],
          ["programs.alone_cases.namespaces"]),
         ("by-name-unseen", [("shim/route.c", "llmobs_alone_asked(name) || ", "")],
          ["programs.alone_cases.namespaces"]),
         ("sandbox-unseen", [("shim/alone.c", "    case LANDLOCK_RESTRICT_SELF:\n        return CONFINED;\n",
                              "    case LANDLOCK_RESTRICT_SELF:\n        return NOTHING;\n")],
          ["programs.alone_cases.sandboxes"]),
         ("started-under-it", [("core/deliver/worker_exit.c", " &&\n"
                                "           !atomic_load(&worker->confined)",
                                "")],
          ["unit all_is_sent_before_a_filter"]),
         ("no-hurry", [("core/deliver/worker_exit.c", "        flush_by_thread("
                        "worker, llmobs_futex_deadline(ms));\n",
                        "        return;\n")],
          ["unit all_is_sent_before_a_filter"]),
         ("vfork-rests", [("core/capture/rest.c", " || llmobs_fork_shares_since_load()",
                           "")],
          ["exit.the_worker_goes_on_after_a_rest"]),
         ("lowered-for-good", [("shim/alone.c", "asked->how == ALONE || asked->how == APART",
                                "asked->how == ALONE")],
          ["exit.the_worker_goes_on_after_a_rest"])]),

    ("a filter that kills for a call that the library makes",
     "the filter is run before it is taken on, and the library is still after "
     "it (`lib/base/filter`)", [
         ("never-asked", [("core/capture/rest.c",
                           "filter && llmobs_filter_hinders(filter)", "false"),
                          ("core/capture/rest.c", "static bool rest_prepare(const void *filter)\n"
                                                  "{\n",
                           "static bool rest_prepare(const void *filter)\n"
                           "{\n"
                           "    (void)filter;\n")],
          ["delivery.under_a_filter_that_kills"]),
         ("others-stay", [("core/capture/rest.c", "LLMOBS_THREAD_REST_ALL",
                           "LLMOBS_THREAD_REST_ONCE")],
          ["delivery.under_a_filter_that_kills"])]),

    ("a sandbox that refuses to open files",
     "the spool's file is held open from before, and a copy of its descriptor "
     "serves where the name is refused (`core/log/held_file`)", [
         ("nothing-held", [("core/capture/rest.c",
                            "    llmobs_worker_hold(worker);\n",
                            "    (void)worker;\n")],
          ["delivery.store_from_a_sandbox"]),
         ("number-believed", [("lib/base/fd.c",
                               "    if (fd_still_is(fd, file) && llmobs_fd_spare(1))\n", "    if (llmobs_fd_spare(1))\n"),
                              ("lib/base/fd.c",
                               "    if (copy < 0 || fd_still_is(copy, file))\n",
                               "")],
          ["delivery.store_from_a_sandbox"]),
         ("late-look", [("shim/load.c", "        llmobs_alone_look();\n",
                         "        now = READY;\n")],
          ["delivery.store_from_a_sandbox"])]),

    ("a program that is at rest",
     "the worker ends when nothing is left to do (`thread_may_rest`)", [
         ("never-rests", [("core/deliver/worker_thread.c",
                           "        if (!worker->rests)",
                           "        if (!worker->rests || !llmobs_thread_rests())"
                           )],
          ["programs.alone_cases.rests"])]),

    ("real-time policy, priority and processors of the thread that calls",
     "a thread of the library takes those of the first thread "
     "(`llmobs_inherited_drop`)", [
         ("policy-stays", [("lib/base/inherited.c", "    drop_policy(pid);\n",
                            "")],
          ["programs.alone_cases.inherited"]),
         ("nice-stays", [("lib/base/inherited.c", "    drop_nice(pid);\n", "")],
          ["programs.alone_cases.inherited"]),
         ("processors-stay", [("lib/base/inherited.c",
                               "    drop_processors(pid, pair);\n", "")],
          ["programs.alone_cases.inherited"])]),

    ("unmasked floating-point exceptions, and flags that the program reads",
     "the library's threads take the default environment, and what computes on "
     "the program's thread leaves no trace (`lib/base/floats.h`)", [
         ("floats-inherited", [("lib/base/thread.c",
                                "    llmobs_floats_default();\n", "")],
          ["programs.alone_cases.float_traps"]),
         ("times-unguarded", [("core/capture/capture.c",
                               "    floats = llmobs_floats_begin();\n"
                               "    measure(handle, curl);\n"
                               "    llmobs_floats_end(floats);\n",
                               "    (void)floats;\n"
                               "    measure(handle, curl);\n")],
          ["programs.alone_cases.float_traps",
           "programs.alone_cases.float_flags"])]),

    ("unshare and setns: one thread only",
     "`LLMOBS_THREAD=off` starts no thread (`start_thread`)", [
         ("thread-all-the-same", [("core/deliver/worker_thread.c", "    if (!worker->"
                                   "config->thread || atomic_load(",
                                   "    if (atomic_load(")],
          ["hazards.a_process_of_one_thread"])]),

    ("seccomp without mmap and clone",
     "the library then starts no thread, and delivers at exit "
     "(`start_thread`)", [
         ("thread-believed", [("core/deliver/worker_thread.c", "    atomic_store("
                               "&worker->thread, LLMOBS_WORKER_NONE);\n    "
                               "llmobs_log_once(",
                               "    llmobs_log_once(")],
          ["programs.process_cases.sandboxed"])]),

    ("seccomp that answers rseq with an error, once glibc has registered",
     "a new thread would end the process: none is started (`may_register`)", [
         ("thread-unregistered", [("lib/base/thread.c",
                                   " || !may_register()", "")],
          ["programs.process_cases.filtered_forbidden"])]),

    ("seccomp that kills for a system call that libcurl never makes",
     "in a program that calls no model the library makes no system call, "
     "nor at its end (`llmobs_worker_end_quietly`)", [
         ("never-quiet", [("core/capture/global.c",
                           "    if (llmobs_worker_end_quietly(worker))\n",
                           "    if (false)\n")],
          ["programs.quiet_cases.confined_exit", "quiet.exactly.fetch_easy"]),
         ("asks-its-thread", [("core/capture/global.c",
                               "(unsigned long)pthread_self();",
                               "(unsigned long)syscall(SYS_gettid);")],
          ["programs.quiet_cases.confined"]),
         ("wakes-nobody", [("core/deliver/worker_turn.c",
                            "    if (llmobs_worker_has_thread(worker))\n"
                            "        llmobs_futex_wake(",
                            "    if (true)\n        llmobs_futex_wake(")],
          ["quiet.exactly.fetch_cleaned"]),
         ("child-begins-anew", [("core/deliver/worker_wait.c",
                                 "    return llmobs_worker_is_ours(worker)\n",
                                 "    llmobs_worker_check_fork(worker);\n"
                                 "    return llmobs_worker_is_ours(worker)\n")],
          ["quiet.exactly.forked_after_a_call"])]),

    ("the first call of all in an exit handler that runs after the "
     "library's",
     "that call does the work of the exit (`end_late`)", [
         ("late-forgotten", [("core/deliver/worker_exit.c", "        is_exiting())\n"
                              "        end_late(worker);",
                              "        is_exiting())\n"
                              "        (void)end_late;")],
          ["programs.quiet_cases.called_at_exit"])]),

    ("read-only root, full disk",
     "the log says so once, whole lines stay, and nothing else happens "
     "(`write_group`)", [
         ("failure-unsaid", [("core/export/store.c", "return n ? n : error;",
                              "return n ? n : (int)count;")],
          ["hazards.file_system_that_is_full"]),
         ("line-without-end", [("core/export/store.c",
                                "events[n].len < done)", "events[n].len <= done)")],
          ["unit a_short_write_leaves_no_line_without_end"])]),

    ("a full store with names that the library does not write, that other users "
     "wrote, or that cannot be removed",
     "a rotation asks for each old file once, and takes exact names of this "
     "user alone (`export_store_trim`, `llmobs_store_stamp`)", [
         ("counts-strangers", [("core/export/store.c",
                                "S_ISREG(st.st_mode) && st.st_uid == geteuid())",
                                "true)")],
          ["unit strange_names_are_neither_taken_nor_waited_for"]),
         ("no-last-number", [("core/export/store.c", "#define STAMP_MAX INT64_MAX",
                              "#define STAMP_MAX UINT64_MAX")],
          ["unit numbers_end"])]),

    ("a recording with links to files of the user who serves it",
     "no component of its files is a link (`llmobs_file_read_in`)", [
         ("follows-links", [("lib/base/file.c",
                             "read_regular(dir, name, O_NOFOLLOW, text);",
                             "read_regular(dir, name, 0, text);")],
          ["record.links_in_cassettes"])]),

    ("hundreds of connections to the mock that never send a whole request",
     "a new one takes the place of the one that waits for the longest "
     "(`serve_oldest`)", [
         ("no-room-for-new-ones", [("cli/run/serve.c",
                                    "serve->count < LLMOBS_SERVE_CONNECTIONS || serve_oldest(serve) != NULL;",
                                    "serve->count < LLMOBS_SERVE_CONNECTIONS;")],
          ["record.hostile_requests"])]),

    ("escapes in a store's line, an argument or a variable, and a terminal",
     "JSON has controls as \\u001b, a message as \\xHH (`llmobs_json_out_add`, "
     "`llmobs_tell`)", [
         ("json-as-stored", [("cli/shared/json_out.c",
                              "    if (plain(json) < json.len) {",
                              "    if (false && plain(json) < json.len) {")],
          ["terminal spans"]),
         ("message-as-given", [("cli/shared/tell.c",
                                "return code >= least[n] && code <= 0x10FFFF && "
                                "is_harmless(code) ? n : 0;",
                                "return is_harmless(code) ? n : n;")],
          ["terminal messages"])]),

    ("a trace of 100,000 levels, or with as many hidden spans between two",
     "no row climbs above the levels that are drawn, and a climb past hidden rows "
     "shortens the next ones (`llmobs_branches_add`, `pass_hidden`)", [
         ("climbs-to-the-top", [("cli/show/branches.c",
                                 "at != NULL && depth < max;", "at != NULL;")],
          ["screens levels"]),
         ("hidden-climbed-again", [("cli/query/forest.c",
                                    "            row->parent = end;\n", "")],
          ["screens levels"])]),

    ("a directory of statistics whose records cannot be removed",
     "none of them is added to the totals, as it would be again and again "
     "(`can_fold`)", [
         ("added-again", [("core/log/ledger.c",
                           'return faccessat(dir, ".", W_OK, 0) ? -errno : 0;',
                           "return 0;")],
          ["unit records_that_stay_are_not_added"])]),

    ("files of the spool that can neither be removed nor emptied",
     "their calls stay, as each walk would deliver them again (`can_go`)", [
         ("delivered-again", [("core/log/adopt_claim.c", "    if (!can_go(adopt, found))",
                               "    if (false && !can_go(adopt, found))")],
          ["drain unchangeable"])]),

    ("more events in one batch than a system call takes",
     "the store writes 500 at once (`take_group`)", [
         ("batch-at-once", [("core/export/store.c", "n < GROUP_MAX &&", "n < count &&")],
          ["unit more_events_than_the_kernel_takes_at_once"])]),

    ("no HOME, or somebody else's",
     "the store is in a directory of the user's own below /var/tmp "
     "(`llmobs_config_store_dir`)", [
         ("any-home", [("core/config/state_dir.c", "    else if (home && usable("
                        "home, \"/.local/state/llmobs/store\"))",
                        "    else if (home)")],
          ["unit the_store_of_others"])]),

    ("a receiver of OTLP that says when, that it is elsewhere, or that it is "
     "too much",
     "the pause holds, at the exit too; no redirect is followed, and a mistake "
     "of configuration loses nothing; a refused batch is halved "
     "(`llmobs_otlp_judge`, `llmobs_post_send`)", [
         ("retry-after-ignored", [
             ("core/export/post.c", "ms > most ? most : ms > 0 ? ms : 0;",
              "ms > most ? most : 0;")],
          ["otlp_faults.retry_after_is_obeyed"]),
         ("pause-ends-at-exit", [
             ("core/export/otlp_route.c", ".firm = true", ".firm = false")],
          ["otlp_faults.retry_after_is_obeyed"]),
         ("interim-is-an-answer", [
             ("core/export/post.c", "reply->status >= 200)",
              "reply->status > 0)")],
          ["otlp_faults.again_interim"]),
         ("another-protocol-awaited", [
             ("core/export/http.c", "sizeof(other) - 1) == 0)",
              "sizeof(other) - 1) == 99)")],
          ["otlp_faults.again_101"]),
         ("redirect-followed", [
             ("core/export/http.c", "set_long(http, CURLOPT_FOLLOWLOCATION, 0)",
              "set_long(http, CURLOPT_FOLLOWLOCATION, 1)")],
          ["otlp_faults.denied_307"]),
         ("denied-is-refused", [
             ("core/export/otlp_route.c", "        status == 415)\n        "
              "return LLMOBS_VERDICT_DENIED;", "        status == 415)\n"
              "        return LLMOBS_VERDICT_REFUSED;")],
          ["otlp_faults.denied_401"]),
         ("batch-not-halved", [
             ("core/export/post.c", "    if (count > 1) {\n        post->most",
              "    if (count > 1000) {\n        post->most")],
          ["otlp_faults.too_big_or_too_many"])]),

    ("a receiver of OTLP that accepts a request, and throws spans away",
     "they are not sent again, and are counted (`llmobs_otlp_accepted`)", [
         ("partial-retried", [
             ("core/export/otlp_route.c", "    note_rejected(route, picked, "
              "sent);", "    sent -= (size_t)route->rejected;\n"
              "    if (sent == 0)\n        return -EAGAIN;\n"
              "    note_rejected(route, picked, 0);")],
          ["otlp_faults.partial_json"]),
         ("rejected-uncounted", [
             ("core/deliver/destination.c",
              "return LLMOBS_STAT_dropped_rejected;",
              "return LLMOBS_STAT_delivered;")],
          ["otlp_faults.partial_protobuf"])]),

    ("several destinations of which one is dead, and OTLP beside Datadog",
     "each has its own progress, on the disk too; an app's own telemetry "
     "settings take no destination away; evaluations stay on this host "
     "(`destination_note_delivered_to`, `wants_otlp`, `keep_evaluations`)", [
         ("progress-forgotten", [
             ("core/deliver/destination.c",
              "    event->delivered_to |= 1u << d->bit;\n", "")],
          ["otlp_exporter.own_progress_over_a_kill"]),
         ("adopted-for-another", [
             ("core/log/owner.c", "return rc ? rc : owner_add_otlp(config, buf);",
              "(void)owner_add_otlp;\n"
              "    return rc;")],
          ["otlp_faults.other_endpoints_are_other_destinations"]),
         ("logs-of-another", [
             ("core/log/owner.c", "    return signal == LLMOBS_SIGNAL_LOGS "
              "||", "    return")],
          ["unit owner_otlp"]),
         ("content-of-another", [
             ("core/log/owner.c", "(int)signal, otlp->span_content,",
              "(int)signal, 0,")],
          ["unit owner_otlp"]),
         ("grpc-taken-for-http", [
             ("core/export/choose.c", " && !traces->grpc", "")],
          ["unit choose"]),
         ("unsampled-sent", [
             ("core/export/otlp_exporter.c", "!llmobs_otlp_is_sampled(otlp->config, "
              "events[i])", "!otlp->config")],
          ["otlp_exporter.sampled_out"]),
         ("evaluations-nowhere", [
             ("core/deliver/open.c", "llmobs_otlp_exporter_new(config, NULL, "
              "alone)", "llmobs_otlp_exporter_new(config, NULL, alone && "
              "!config)")],
          ["otlp_exporter.evaluations_are_kept"])]),

    ("headers and certificates of OTLP's endpoint",
     "they reach the receiver, and no log (`llmobs_post_add_headers`, "
     "`set_tls`)", [
         ("header-logged", [
             ("core/export/post.c", "    header = post_join(name, value);\n",
              "    llmobs_log(LLMOBS_LOG_INFO, \"%s%s\", name, value);\n"
              "    header = post_join(name, value);\n")],
          ["otlp_exporter.headers_are_secrets"]),
         ("client-key-unsent", [
             ("core/export/http.c", "export_http_set(http, CURLOPT_SSLKEY, request->key_file)",
              "export_http_set(http, CURLOPT_SSLKEY, request->cert_file)")],
          ["otlp_exporter.private_ca_and_client_certificate"])]),

    ("an OTLP endpoint that no request can go to",
     "its signal is off: spans and keys go to no place that the user did not "
     "name (`read_endpoint`)", [
         ("endpoint-replaced", [
             ("core/config/config_otlp_load.c",
              "    llmobs_config_unset(&signal->url);\n", "")],
          ["unit endpoints_as_specified"]),
         ("any-port", [
             ("core/config/config_peers.c",
              "    return value >= 1 && value <= 65535;", "    return true;")],
          ["unit endpoints_as_specified"]),
         ("switch-blamed", [
             ("core/deliver/open.c", "[LLMOBS_SIGNAL_TRACES].misplaced)",
              "[LLMOBS_SIGNAL_TRACES].on)")],
          ["otlp_exporter.a_bad_url_is_told_once"])]),

    ("control characters and bad bytes behind percent signs",
     "what a header or a resource gets is checked after its decoding "
     "(`llmobs_otel_list_decode`)", [
         ("decoded-unchecked", [
             ("core/config/otel_list.c", "        if (len == 0 || point < ' '",
              "        if (len > 4 || point < ' '"),
             ("core/config/otel_list.c", "        text.data += len;\n"
              "        text.len -= len;\n    }\n    return true;",
              "        text.data += len ? len : 1;\n"
              "        text.len -= len ? len : 1;\n    }\n    return true;")],
          ["unit headers_are_decoded_and_secret",
           "unit a_wrong_resource_goes_as_a_whole"]),
         ("decoded-controls", [
             ("core/config/otel_list.c", "(point >= 0x7f && point < 0xa0)",
              "point == 0x110000"),
             ("core/config/otel_list.c", "len == 0 || point < ' ' ||",
              "len == 0 ||")],
          ["unit a_wrong_resource_goes_as_a_whole"])]),

    ("a rate limit whose type is `tokens`, and other errors that a code tells",
     "the type of an error is the provider's code if that is a word "
     "(`code_text`), and the HTTP status stands beside it "
     "(`llmobs_cells_error`)", [
         ("type-first", [
             ("rules/read/error.c", "const char *code = code_text(from);\n\n    "
              "for", "const char *code = NULL;\n\n    for")],
          ["failure.http_errors"])]),

    ("answers whose values are huge: a model of 5 MB, 100,000 tool calls",
     "each value has its limit (`core/event/limits.c`), and an event that is "
     "still too big goes with short texts (`CUT_TEXTS`)", [
         ("no-limits", [
             ("core/event/encode.c",
              "        rc = llmobs_limits_apply(&event, cut == CUT_TEXTS);",
              "        rc = 0;")],
          ["limits.whole_answers"]),
         ("half-characters", [
             ("core/event/limits.c",
              "((unsigned char)text[len] & 0xc0) == 0x80", "text[len] == 0")],
          ["unit each_text_at_its_edge"]),
         ("no-last-cut", [
             ("core/event/encode.c", "++cut <= CUT_TEXTS", "++cut <= CUT_REST")],
          ["unit then_its_metadata_and_then_its_texts"])]),

    ("a configuration file that hides texts, and cannot be read whole",
     "content is off (`settle_unread`), also where a line about it is wrong "
     "(`may_close`)", [
         ("unread-opens", [
             ("core/config/config_file.c",
              "loading->unread = rc != -ENOENT && rc != -ENOTDIR;",
              "loading->unread = false;")],
          ["unit configuration_file"]),
         ("wrong-line-opens", [
             ("core/config/config_file.c", "    if (may_close(line))",
              "    if (false && may_close(line))")],
          ["unit configuration_file"]),
         ("mark-of-utf8", [
             ("lib/base/file.c", "memcmp(text->data, BOM, mark) == 0",
              "memcmp(text->data, BOM, mark) > 9")],
          ["unit configuration_file"])]),

    ("texts by OTLP for which nobody asked",
     "they go only where a variable asks for them, and never against "
     "`LLMOBS_CONTENT=off` (`config_otlp_load_settle_content`); the log says"
     " once that they stay (`otlp_exporter_tell_content`)", [
         ("left-out-untold", [
             ("core/export/otlp_exporter.c", "    if (config->otlp.content_unasked)",
              "    if (config->otlp.span_content)")],
          ["drain to_otlp"]),
         ("content-unasked", [
             ("core/config/config_otlp_load.c", "        !loading->capture && llmobs_config_given(",
              "        true || llmobs_config_given(")],
          ["unit content_is_asked_for"]),
         ("off-loses", [
             ("core/config/config_otlp_load.c",
              "    bool full = loading->config.privacy.content == "
              "LLMOBS_CONTENT_FULL;", "    bool full = true;")],
          ["unit content_is_asked_for"])]),

    ("bytes for which a receiver of OTLP refuses the whole request",
     "bad UTF-8 and NUL become U+FFFD in every text and key, and a number that "
     "is not finite is not written (`llmobs_letters_add`, `try_text`)", [
         ("bad-bytes-sent", [
             ("core/export/writer.c",
              "    w->out->len = before;\n    return false;\n}\n\nvoid llmobs_otlp_string(",
              "    (void)before;\n    return true;\n}\n\nvoid llmobs_otlp_string(")],
          ["unit test_otlp_texts", "unit test_otlp_keys"]),
         ("bad-bytes-quoted", [
             ("core/export/letters.c",
              "        memcpy(l->to, \"\\xEF\\xBF\\xBD\", 3);\n"
              "        l->to += 3;\n        l->at++;\n",
              "        *l->to++ = *l->at++;\n")],
          ["unit test_otlp_texts"]),
         ("quoted-once-for-twice", [
             ("core/export/letters.c",
              "    if (quoting == LLMOBS_QUOTED_TWICE && is_special(name, quoting))"
              "\n        *to++ = '\\\\';\n", "")],
          ["unit test_otlp_texts", "unit test_otlp_values"]),
         ("not-a-number-sent", [
             ("core/export/writer.c", "    if (!isfinite(number) || !begin_attr",
              "    if (!begin_attr")],
          ["unit test_otlp_attributes"]),
         ("bad-id-sent", [
             ("core/export/traces.c", "    return llmobs_otlp_is_span(event);",
              "    return llmobs_json_is_object(event);")],
          ["unit test_otlp_groups", "unit test_otlp_nothing_to_send"])]),

    ("a request of OTLP beyond a limit",
     "the writer counts levels, attributes, the bytes of a text and those of"
     " the buffer, and takes back what it began (`descend`, `writer_take`, "
     "`writer_cut`, `llmobs_otlp_end`)", [
         ("levels-unbounded", [
             ("core/export/writer.c",
              "    if (w->depth + 1 >= LLMOBS_OTLP_LEVELS)",
              "    if (w->depth >= LLMOBS_OTLP_LEVELS + 4)")],
          ["unit test_otlp_levels"]),
         ("attributes-unbounded", [
             ("core/export/writer.c", "    if (a->max && a->count >= a->max) {",
              "    if (a->max && a->count >= 1000000) {")],
          ["unit test_otlp_attribute_limit"]),
         ("half-a-letter", [
             ("core/export/writer.c",
              "i < 3 && text.len > 0 && is_inside", "i < 0 && is_inside")],
          ["unit test_otlp_value_limit"]),
         ("half-a-request", [
             ("core/export/writer.c",
              "        llmobs_buf_cut(w->out, w->start);", "        (void)0;")],
          ["unit test_otlp_full", "unit test_otlp_levels"])]),

    ("spans of several processes in one request of OTLP",
     "each process has its resource, and the user's attributes win there, "
     "but not over the library's name (`llmobs_otlp_origin_equal`, "
     "`resource_put`)", [
         ("one-resource-for-all", [
             ("core/export/resource.c", "    return a->pid == b->pid;",
              "    return true;")],
          ["unit test_otlp_groups"]),
         ("tags-win", [
             ("core/export/resource.c",
              "    if (value.len && !llmobs_json_get(r->given, key))",
              "    if (value.len)")],
          ["unit test_otlp_resources"]),
         ("another-library", [
             ("core/export/resource.c",
              " ||\n           strncmp(key, \"telemetry.sdk.\", 14) == 0", "")],
          ["unit test_otlp_resources"])]),

    ("a hostile answer of a receiver of OTLP",
     "it is read by bounds; its number is never negative, its words are one "
     "line of UTF-8 without secrets (`export_answer_take_bytes`, "
     "`set_rejected`, `export_answer_set_words`)",
     [
         ("length-believed", [
             ("core/export/answer.c", "    if (len > in->len)\n        return false;",
              "    if (len > in->len + 1)\n        return false;")],
          ["unit test_otlp_answers"]),
         ("negative-rejected", [
             ("core/export/answer.c", "    answer->rejected = rejected > 0 ? "
              "rejected : 0;", "    answer->rejected = rejected;")],
          ["unit test_otlp_answers"]),
         ("words-of-many-lines", [
             ("core/export/answer.c", "        blank_controls(line.data, line.len);\n",
              "        blank_controls(line.data, 0);\n")],
          ["unit test_otlp_answers", "unit test_otlp_refusals"]),
         ("words-unmasked", [
             ("core/export/answer.c",
              "        if (llmobs_mask_text(line.data, &masked) == 0)",
              "        if (llmobs_buf_adds(&masked, line.data) == 0)")],
          ["unit test_otlp_answers", "unit test_otlp_refusals"]),
         ("words-cut-anywhere", [
             ("core/export/answer.c", "    while (max > 0 && ((unsigned char)text"
              "[max] & 0xC0) == 0x80)\n        max--;\n", "")],
          ["unit test_otlp_long_words"])]),

    ("a value that no answer gave, in a span of OTLP",
     "an attribute is written of a value that is there and has its type; an "
     "absent count is no 0 (`find_rows`)", [
         ("absent-is-zero", [
             ("core/export/attributes.c", "        if (found->values[i])\n",
              "        if (found->values[i] || rows[i].type == TYPE_INT)\n")],
          ["unit an_event_without_facts_says_what_it_can"]),
         ("total-sent", [
             ("core/export/attributes.c",
              "strcmp(key, \"total_tokens\") == 0 || ", "")],
          ["unit a_call_has_the_names_of_its_form"])]),

    ("texts in a span of OTLP that goes without content",
     "metadata keeps what it keeps where content is off, and an error its word "
     "alone (`put_metadata`, `put_status`)", [
         ("metadata-says-all", [
             ("core/export/attributes.c", "    if (content)\n"
              "        put_named(out, \"llmobs.metadata.\"",
              "    if (content || key)\n"
              "        put_named(out, \"llmobs.metadata.\"")],
          ["unit a_span_without_content_has_no_text"]),
         ("status-says-all", [
             ("core/export/span.c",
              "(content || llmobs_content_is_code(message))", "true")],
          ["unit a_span_without_content_has_no_text",
           "unit a_failed_call_says_why"]),
         ("content-unchecked", [
             ("core/export/attributes.c", "    if (content)\n"
                                          "        attributes_put_content",
              "    attributes_put_content")],
          ["unit a_span_without_content_has_no_text"])]),

    ("a call through a listed gateway, in OTLP",
     "its span has no operation, for the gateway's own span counts it "
     "(`source_is_proxied`)", [
         ("gateway-counts", [
             ("core/export/source.c", "LLMOBS_OTLP_WORKFLOW && source_is_proxied(s))",
              "LLMOBS_OTLP_WORKFLOW && source_is_proxied(s) && !s->op)")],
          ["unit each_kind_has_the_names_of_its_form"])]),

    ("a tag of Datadog's that says what an attribute of OTLP says",
     "the attribute alone is sent, where there is one (`is_status`)", [
         ("status-said-twice", [
             ("core/export/attributes.c", "        if (is_status(s, name))\n",
              "        if (is_status(s, name) && !s)\n")],
          ["unit a_status_is_said_once"])]),

    ("a request that names no model",
     "the request's model in OTLP is the fact alone, never the model that "
     "answered nor a word for none (`requested_model`)", [
         ("answer-was-asked-for", [
             ("core/export/source.c", "if (s->fact[LLMOBS_FACT_OPERATION])",
              "if (0)")], ["unit a_request_without_a_model_has_none"]),
         ("word-for-no-model", [
             ("core/export/source.c", '"", "unknown", "unknown_model",',
              '"", "unknown",')],
          ["unit a_request_without_a_model_has_none"])]),

    ("a sentence where receivers count types of errors",
     "`error.type` is a word, else `_OTHER` (`llmobs_otlp_source_error`)", [
         ("sentence-counted", [
             ("core/export/source.c",
              "code && *code && llmobs_content_is_code(code)", "code && *code")],
          ["unit an_error_type_is_a_word"])]),

    ("a limit of the length of texts, on a document of JSON",
     "the texts inside are cut, each at a character, and bytes of a picture are "
     "left out whole (`llmobs_document_text`, `put_blob`)", [
         ("half-a-character", [
             ("core/export/document.c",
              "        while (part.len > 0 && (text[part.len] & 0xC0) == 0x80)\n"
              "            part.len--;\n", "")],
          ["unit a_limit_cuts_between_characters"]),
         ("half-a-picture", [
             ("core/export/messages.c", "limit > 0 && len > limit",
              "limit > 0 && len > SIZE_MAX / 2")],
          ["unit a_limit_cuts_the_texts_inside"])]),
    ("metrics of a process that lives for one call",
     "a process sends its sums for the first time after an interval, and at "
     "its end only where it has done so before (`note_owed`)", [
         ("every-end-sends-metrics", [
             ("core/export/otlp_metrics.c", "any && meter->sent);", "any);")],
          ["otlp_metrics.a_short_process_sends_none"]),
         ("no-end-sends-metrics", [
             ("core/export/otlp_metrics.c", "any && meter->sent);", "false);")],
          ["otlp_metrics.the_last_ones_come_at_exit"])]),

    ("a call that the metrics count twice, or that is another process's",
     "the meter sees a span when its event is made; an event that comes back "
     "from the disk says that it has been seen (`LLMOBS_MEASURED`), and "
     "adopted ones are not shown", [
         ("measured-at-each-reading", [
             ("core/deliver/delivery_fill.c", "        source->delivered_to |= "
              "LLMOBS_MEASURED;\n", "        source->delivered_to |= 0;\n")],
          ["otlp_metrics.a_span_that_waits_is_counted_once"]),
         ("adopted-are-measured", [
             ("core/deliver/delivery_fill.c", "if (!meter || source->adopted || ",
              "if (!meter || ")],
          ["otlp_metrics.spans_of_others_are_not_counted"]),
         ("child-has-its-parents-sums", [
             ("core/export/otlp_metrics.c", "    llmobs_otlp_metrics_forget("
              "meter->metrics, llmobs_clock_wall_ns());\n", "")],
          ["otlp_metrics.children_count_their_own"])]),

    ("a receiver of metrics that is away",
     "a delta that was not accepted is in the next one, and one that was "
     "accepted in none", [
         ("delta-said-again", [
             ("core/export/metrics.c", "        clear(&metrics->sent);\n", "")],
          ["unit a_delta_says_each_value_once", "otlp_metrics.deltas"]),
         ("delta-forgotten", [
             ("core/export/metrics.c", "    for (size_t i = 0; i < METRICS; i++)\n"
              "        llmobs_otlp_set_move(",
              "    clear(sent);\n    for (size_t i = 0; i < METRICS; i++)\n"
              "        llmobs_otlp_set_move(")],
          ["unit a_delta_says_each_value_once",
           "otlp_metrics.an_outage_loses_and_doubles_nothing"])]),

    ("an evaluation whose span has another trace in OTLP",
     "the process remembers the trace that traceparent carries "
     "(`llmobs_exported_note`), and the log record names it", [
         ("exported-trace-forgotten", [
             ("core/capture/c_api.c", "        llmobs_exported_note(context);\n",
              "")], ["otlp_logs.of_a_program"]),
         ("log-of-the-other-trace", [
             ("core/export/logs.c", "LLMOBS_FACTS_KEY), \"apm_trace\");",
              "LLMOBS_FACTS_KEY), \"none\");")],
          ["unit the_trace_of_an_evaluation", "otlp_logs.around_a_script"])]),

    ("texts in logs for which nobody asked",
     "reasons, values of JSON and messages of errors are content "
     "(`event_content`)", [
         ("reason-unasked", [
             ("core/export/logs.c", "    if (r->config->otlp.event_content) {",
              "    if (r->config) {")],
          ["unit content_of_an_evaluation", "otlp_logs.content_is_asked_for"]),
         ("error-text-unasked", [
             ("core/export/logs.c", "        (r->config->otlp.event_content || "
              "llmobs_content_is_code(message)))", "        true)")],
          ["unit a_failure", "otlp_logs.a_failed_call"])]),

    ("an evaluation that OTLP cannot say",
     "is counted as dropped (`LLMOBS_OUTCOME_UNSAID`), whoever else has it", [
         ("unsaid-uncounted", [
             ("core/export/otlp_logs.c", "    llmobs_otlp_note(&logs->base, "
              "place, LLMOBS_OUTCOME_UNSAID);\n", "    (void)logs;\n"
              "    (void)place;\n")], ["otlp_logs.by_a_tag_it_cannot_be_said"])]),

    ("calls with nothing to log, and a receiver of logs that is away",
     "they are done with at once: they wait for no receiver", [
         ("all-calls-wait-for-logs", [
             ("core/export/otlp_route.c", "    if (picked->count == 0)\n"
              "        return (int)count;\n", "    if (picked->count == 0)\n"
              "        return -EAGAIN;\n")],
          ["otlp_logs.a_call_that_went_well_is_no_record"])]),

    ("messages in an event as texts",
     "documents of a span are structures there (`logs_is_document`)", [
         ("documents-stay-texts", [
             ("core/export/logs.c", "        if (logs_is(key, keys[i]))\n"
                                    "            return true;\n", "        if (logs_is(key, keys[i]))\n"
                                            "            return false;\n")],
          ["unit details", "otlp_logs.details_of_a_call"])]),

    ("a peer that names another model in each answer",
     "a metric has a bounded number of series; the values of further ones are "
     "together in one", [
         ("series-without-end", [
             ("core/export/series.c", "    if (set->count + 1 >= "
              "LLMOBS_OTLP_SERIES_MAX)\n        return false;", "    if (0)\n"
              "        return false;")],
          ["unit a_bounded_number_of_series"])]),

    ("a count of tokens that did not come",
     "is no value of a histogram", [
         ("unknown-is-zero", [
             ("core/export/metrics.c", "    return value < 0 && metric->zero ? 0 "
              ": value;", "    return value < 0 ? 0 : value;")],
          ["unit unknown_is_no_value"])]),

    ("OpenTelemetry's propagators beside Datadog's styles",
     "they count only where no style is set (`settle_styles`)", [
         ("propagators-win", [
             ("core/config/config_trace.c",
              "    if (loading->propagators && !llmobs_config_has_styles(loading))",
              "    if (loading->propagators)")],
          ["unit styles_as_documented"])]),

    ("a sampler of OpenTelemetry, below Datadog or alone",
     "it decides once for a trace; trace headers say so only where Datadog "
     "has no part (`carrier_decide`)", [
         ("sampled-anyway", [
             ("core/trace/carrier.c",
              "    if (otlp->sampler_flags && keep != (context->priority > 0))\n",
              "    if (otlp->sampler_flags && keep && context->priority <= 0)\n")],
          ["unit a_dropped_root_tells_nobody_that_it_is_sampled"]),
         ("datadog-unsampled", [
             ("core/trace/carrier.c",
              "    if (otlp->sampler_flags && keep != (context->priority > 0))\n",
              "    if (keep != (context->priority > 0))\n")],
          ["unit the_sampler_decides_once_for_a_trace"]),
         ("caller-unheard", [
             ("core/trace/carrier.c",
              "joined && otlp->parent_based\n", "false && joined\n")],
          ["unit the_sampler_decides_once_for_a_trace"]),
         ("ratio-of-another-id", [
             ("core/trace/carrier.c",
              "    carrier_decide(context, config, trusted);\n"
              "    return true;\n",
              "    if (trusted)\n"
              "        carrier_decide(context, config, true);\n"
              "    return true;\n")],
          ["unit a_ratio_is_of_the_trace_that_the_spans_have"])]),

    ("cleared environment",
     "the shim's constructor copies it (`copy_env`)", [
         ("environment-lost", [("shim/host.c", "    copy_env(env);\n",
                                "    (void)copy_env;\n")],
          ["variables.workers_with_a_cleared_environment",
           "preload linked_cleared"])]),

    ("an environment larger than the copy of it",
     "the library's own variables, which keep texts back, are copied first "
     "(`copy_env`)", [
         ("own-variables-crowded-out", [
             ("shim/host.c", "    env_len = copy_some(env, false, copy_some(env, "
              "true, 0));", "    env_len = copy_some(env, true, copy_some(env, "
              "false, 0));")],
          ["variables.a_crowded_environment_keeps_texts_back"])]),

    ("setuid",
     "the shim does nothing (`llmobs_host_init`)", [
         ("secure-ignored", [("shim/host.c", "    if (!llmobs_libc_find() || "
                              "llmobs_libc.auxval(AT_SECURE) ||",
                              "    if (!llmobs_libc_find() ||")],
          ["preload secure_inert"])]),

    ("chroot",
     "the shim loads the core at curl_global_init, before the chroot "
     "(`thunk_set.h`)", [
         ("loaded-later", [("shim/thunk_set.h", "static CURLcode NAME(global_"
                            "init)(long flags)\n{\n    const struct llmobs_ops "
                            "*ops = BEGIN();",
                            "static CURLcode NAME(global_init)(long flags)\n{"
                            "\n    const struct llmobs_ops *ops = READY();")],
          ["variables.workers_in_a_chroot", "fpm.pool_in_a_chroot"])]),

    ("a program that is to be left alone",
     "`LLMOBS_EXCLUDE` names it, by the name that was asked for or the file "
     "that runs, in the environment or else the file (`shim_host_is_listed`)", [
         ("one-name", [("shim/host.c", "    return llmobs_glob_listed(list, "
                        "file);\n", "    return false;\n")],
          ["preload excluded_behind_a_link"]),
         ("loader-is-the-program", [("shim/host.c", "    if (llmobs_libc.auxval"
                                     "(AT_BASE) != 0) {\n",
                                     "    if (llmobs_libc.auxval(AT_PAGESZ) != "
                                     "0) {\n")],
          ["preload excluded_by_loader"]),
         ("asked-name-unseen", [("shim/host.c", "    if (asked && llmobs_glob_"
                                 "listed(list, asked))", "    if (!asked)")],
          ["preload excluded_script"]),
         ("file-excludes-nothing", [("shim/host.c", "    if (file_excludes && shim_host_is_listed(conf.exclude))",
                                     "    if (false)")],
          ["preload excluded_by_file"])]),

    ("another object's dlopen before the shim's",
     "the loader then binds unbound slots to that one (`search_all`)", [
         ("dlopen-bypassed", [("shim/loader_calls.c", "    __atomic_store_n(&preceded, "
                               "search.preceded, ",
                               "    __atomic_store_n(&preceded, 0, ")],
          ["preload dlopen_interposed"])]),

    ("core missing or broken",
     "the shim gives it up for good, and leaves the app's dlerror as it "
     "was (`open_core`)", [
         ("dlerror-left", [("shim/load.c", "    if (why || ", "    if (")],
          ["preload core_missing_same"])]),

    ("a container's first process: orphans become its children",
     "it waits for all of them (`ended`)", [
         ("orphans-left", [("cli/run/child.c", "waitpid(child->reaps ? -1 : child->"
                            "pid, status,", "waitpid(child->pid, status,")],
          ["container orphans_are_reaped"])]),

    ("a container's first process: the kernel drops signals that it does "
     "not take",
     "it takes all signals and passes them on (`block_signals`)", [
         ("faults-dropped", [("cli/run/child.c", " && !child->reaps", "")],
          ["container INT_HUP_QUIT_USR1_ABRT"])]),

    ("core of another version",
     "the shim asks for its number (`attach`)", [
         ("any-version", [("shim/load.c", "    if (ops && ops->abi != "
                           "LLMOBS_ENGINE_ABI)\n", "    if (0)\n")],
          ["preload core_other_number"])]),

    ("a URL that a user of the program chose, in the form of a command",
     "the library takes it only if the program's owner allows it, and "
     "never by a URL alone (`llmobs_command_run`, `has_type`)", [
         ("commands-always", [("core/capture/command.c", "    on = wanted;",
                               "    on = wanted || true;")],
          ["commands.off_by_default"]),
         ("command-by-url", [("core/capture/command.c", "    return type && strcasecmp"
                              "(type, LLMOBS_COMMAND_TYPE) == 0;",
                              "    return type || !type;")],
          ["commands.only_what_the_program_says_itself"])]),

    ("a request that leaves its trace to the next one",
     "the next request ends the spans that it left open, and drops its "
     "headers (`start_request`, `finish_request`)", [
         ("spans-stay-open", [("core/capture/command.c", "    (void)unwind(NULL);\n",
                               "")],
          ["commands.what_a_request_leaves_open_ends_with_it"]),
         ("caller-stays", [("core/capture/command.c", "    rc = command_activate(llmobs_json_get(what, \"headers\"));",
                            "    rc = llmobs_json_len(llmobs_json_get(what, \"headers\")) ? command_activate(llmobs_json_get(what, \"headers\")) : 0;"),
                           ("core/capture/command.c", "    (void)llmobs_own_span_activate("
                            "NULL, 0);\n", "")],
          ["gateways.ruby_threads"])]),

    ("headers with ml_app and session to public hosts of no known provider",
     "only gateways and hosts of a private network get them "
     "(`llmobs_network_private_host`)", [
         ("public-told", [("rules/rules.c", "    match->near = llmobs_network_"
                           "private_host(url->host);",
                           "    match->near = true;")],
          ["unit hosts_that_get_headers"]),
         ("elsewhere-told", [("core/capture/judge.c",
                              "\n    return wanted || "
                              "!handle->app.elsewhere;",
                              "    return true;")],
          ["headers.public_hosts_of_no_known_provider"]),
         ("elsewhere-unsaid", [("core/capture/judge.c",
                                "\n    if (!wanted && handle->app.elsewhere)"
                                "\n        ",
                                "    if (!handle)\n")],
          ["headers.private_names_with_addresses_of_the_programs"])]),

    ("a client of a public service that says whose its spans are, or drops them",
     "from strangers the library takes ids alone (`llmobs_carrier_is_trusted`), "
     "and sends nothing of theirs on", [
         ("strangers-trusted", [("core/trace/carrier.c",
                                 "LLMOBS_TRUST_DEFAULT && !carrier->stranger;",
                                 "LLMOBS_TRUST_DEFAULT;")],
          ["inbound.of_strangers_ids_alone", "gateways.strangers_of_php"]),
         ("forwarded-unread", [("lib/base/network.c",
                                "    return network_of(text, len) != PRIVATE;",
                                "    return network_of(text, len) == PRIVATE;")],
          ["unit proxies"]),
         ("few-proxies", [("core/config/inbound.c", "i < LLMOBS_CARRIED_COUNT;\n         "
                           "i++)", "i <= LLMOBS_CARRIED_HTTP_X_REAL_IP;\n         "
                           "i++)")],
          ["inbound.behind_proxies_of_all_kinds"]),
         ("baggage-of-strangers", [("core/capture/ours.c", "now->baggage && "
                                    "llmobs_carrier_is_trusted(config, now)",
                                    "now->baggage")],
          ["inbound.nothing_of_a_stranger_goes_on"]),
         ("sent-on-as-known", [("core/capture/outgoing.c",
                                "origin->stranger || forwards;",
                                "origin->stranger;")],
          ["inbound.a_stranger_that_is_sent_on"])]),

    ("a server library whose own calls call each other",
     "the slots of the library itself stay: one request is not begun twice "
     "(`llmobs_server_libs_target`)", [
         ("library-patched", [
             ("shim/server_libs.c",
              "places[llmobs_servers_library(hook)].base == elf->base",
              "places[llmobs_servers_library(hook)].base == 1")],
          ["servers.fcgi_by_its_other_calls"])]),

    ("an object that defines some of a server library's calls",
     "it is not taken for the library, whose other calls it lacks "
     "(`llmobs_server_libs_add`)", [
         ("part-for-all", [
             ("shim/server_libs.c", " || !server_libs_defines(library, elf, true)", "")],
          ["servers.a_library_in_part"])]),

    ("a span from before a request that ends within it",
     "the request's own spans stay below each other (`lower_floors`)", [
         ("floor-stays", [("core/sdk/thread_state.c",
                           "    if (thread->floor >= i)",
                           "    if (thread->floor > i)")],
          ["unit a_request_keeps_its_own_spans"])]),

    ("a thread that accepts FastCGI requests for others, or several at once",
     "it gets the context of none from then on (`serving_is_certain`)", [
         ("each-accept-counts", [("core/sdk/serving.c",
                                  "        llmobs_thread_state_doubt();\n",
                                  "")],
          ["servers.fcgi_handed_to_others"])]),

    ("a handler that is left by an exception or a jump, past the library",
     "its request ends with its frame: a word there no longer holds its own "
     "address, or lies below the stack pointer (`llmobs_thread_state_gone`)", [
         ("frame-believed", [("core/sdk/thread_state.c",
                              "!stands(thread->newest->mark)", "false")],
          ["servers.http_left_by_its_handler"])]),

    ("a handler that serves other requests within its own",
     "each request hides the one around it, also one without a caller "
     "(`llmobs_serving_begin`)", [
         ("inner-unmarked", [("core/sdk/serving.c",
                              "served->count || entry || "
                              "llmobs_thread_state_newest()",
                              "served->count || entry")],
          ["servers.http_within_http"])]),

    ("a library that calls a handler several times for one request, or several "
     "handlers",
     "its span begins when it asks for something, and only then "
     "(`llmobs_serving_settle`)", [
         ("entry-at-once", [("core/sdk/serving.c",
                             "entry ? llmobs_clock_mono_ns() : 0);",
                             "entry ? llmobs_clock_mono_ns() : 0),\n"
                             "            serving_begin_span();")],
          ["shop.entries_of_all"])]),

    ("a client that sends more headers than are kept, to hide the one that "
     "shows it a stranger",
     "such a request has no caller (`llmobs_server_begin`)", [
         ("some-headers-do", [("shim/fields.c",
                               "        fields->full = true;",
                               "        return;")],
          ["servers.http_of_strangers"])]),

    ("calls after a request's end, before the thread's next one",
     "the finish of a request ends its context (`FCGX_Finish_r`)", [
         ("finish-unseen", [("shim/fcgi.c",
                             "    REAL(FCGX_Finish_r)(request);\n"
                             "    llmobs_server_end(request);",
                             "    REAL(FCGX_Finish_r)(request);")],
          ["servers.fcgi_after_a_request"])]),

    ("a program that a request in Perl starts, and one that it does not start",
     "the core has the hook set the environment as Perl forks, and not before "
     "(`llmobs_perl_before_fork`)", [
         ("forks-untold", [("core/config/inbound.c", "    if (pthread_atfork("
                            "llmobs_perl_before_fork, NULL, NULL) == 0)",
                            "    if (pthread_atfork(NULL, NULL, NULL) == 0)")],
          ["hooks.psgi"]),
         ("perl-unread", [("core/config/inbound.c", "(!read_php(values) && "
                           "!read_perl(values))", "!read_php(values)")],
          ["hooks.psgi"])]),

    ("requests of lua-http that take turns in one thread",
     "the library is told the request of the coroutine just before its transfer "
     "(`tell` in `hook.lua`)", [
         ("lua-last-request", [
             ("examples/inbound/hook.lua",
              "local request = current[coroutine.running() or main]",
              "local request = current[main]"),
             ("examples/inbound/hook.lua",
              "    current[coroutine.running() or main] = {",
              "    current[main] = {")], ["hooks.lua_http_at_once"]),
         ("lua-transfers-untold", [("examples/inbound/hook.lua",
                                    "if not pcall(tell) then",
                                    "if false then")], ["hooks.lua_http"])]),

    ("mod_perl, whose requests no wrapper of the hook's sees",
     "the hook gives the library the request that %ENV has (`request` in "
     "`hook.pl`)", [
         ("mod-perl-unread", [("examples/inbound/hook.pl",
                               "$served || ($ENV{MOD_PERL} ? \\%ENV : undef);",
                               "$served;")], ["hooks.mod_perl"])]),

    ("a context that a PHP worker's process has, beside that of its request",
     "PHP's own table gives the request's headers, and a context among them "
     "replaces the process's (`inbound_read_request`)", [
         ("php-unread", [("core/config/inbound.c", "    if (!llmobs_php_request("
                          ") ||", "    if (true ||")], ["hooks.php_fpm"]),
         ("process-beside-request", [("core/config/inbound.c", "    values["
                                      "LLMOBS_CARRIED_TRACEPARENT] = NULL;\n",
                                      "")],
          ["hooks.php_beside_a_context_of_its_own"]),
         ("address-is-a-context", [("core/config/inbound.c", "i < LLMOBS_CARRIED_"
                                    "REMOTE_ADDR; i++",
                                    "i < LLMOBS_CARRIED_COUNT; i++")],
          ["hooks.php_beside_a_context_of_its_own"])]),

    ("a span around a request in PHP, whose end no call of the page tells",
     "the library stands in PHP's table where PHP ends a request, and calls what "
     "stood there (`llmobs_php_request_at_end`)", [
         ("request-without-end", [("core/config/php_request.c",
                                   "    sapi_module.deactivate = deactivate;\n",
                                   "    (void)deactivate;\n")],
          ["hooks.php_with_entry"]),
         ("each-transfer-an-entry", [("core/capture/php_entry.c", "!open && "
                                      "llmobs_thread_state_top() == 0",
                                      "true")],
          ["hooks.php_two_calls_in_one_entry"])]),

    ("a page of `php -S` that has used up the memory it may have",
     "PHP has memory of the library's while it tells the request's headers, "
     "and the page's is as before (`llmobs_php_server_read`)", [
         ("page-pays", [("core/config/php_server.c",
                         "    zend_mm_set_custom_handlers(heap, lend, php_server_take_back, lend_more);\n",
                         "    (void)php_server_take_back;\n"
                         "    (void)lend_more;\n"),
                        ("core/config/php_server.c", "return get == lend;",
                         "return get != lend;")],
          ["hooks.php_built_in_at_its_memory_limit"])]),

    ("a page of `php -S`, and its filter, that look at $_SERVER",
     "PHP asks the library's filter, which passes nothing, and the site's own "
     "is back afterwards (`llmobs_php_server_read`)", [
         ("filter-stays", [("core/config/php_server.c", "    *filter = own_filter;\n",
                            "    (void)own_filter;\n")],
          ["hooks.php_built_in_tells_the_same"])]),

    ("a PHP of 8.2 or later, which keeps names that it is asked for",
     "the library makes them, and ends them with its array (`new_name`)", [
         ("names-kept", [("core/config/php_server.c",
                          "    zend_string_init_interned = new_name;\n",
                          "    (void)new_name;\n")],
          ["unit of_both_forms", "hooks.php_built_in_tells_the_same"]),
         ("address-unread", [("core/config/php_server.c",
                              "    keep_unfiltered(array.is.array);\n",
                              "    (void)keep_unfiltered;\n")],
          ["unit of_both_forms", "hooks.php_built_in"])]),

    ("a client of `php -S` that hides, by a second header, the one that shows it "
     "a stranger",
     "with two headers of one name in CGI the request has no caller "
     "(`php_server_keep`)", [
         ("last-header-counts", [("core/config/php_server.c",
                                  "if (*value || len", "if (len")],
          ["hooks.php_built_in_in_doubt"])]),

    ("requests of an event loop, which take turns on a thread",
     "each has its entry by a key; the thread is told of it before each "
     "transfer, and leaves it without ending it (`enter_shared`, `unwind`, "
     "`Turn` in hook.py)", [
         ("turn-ends-the-last", [("core/capture/command.c", "        if ("
                                  "llmobs_own_span_is_detached(span))\n"
                                  "            continue;\n", "")],
          ["unit requests_that_take_turns", "hooks.asgi_at_once"]),
         ("turn-untold", [("examples/inbound/hook.py", "    if getattr(thread, "
                           "\"told\", None) is request:", "    if getattr(thread, "
                           "\"told\", None) and request:")],
          ["hooks.asgi_at_once"]),
         ("entry-of-the-thread", [("examples/inbound/hook.py", "        more["
                                   "\"request\"] = request.number\n",
                                   "        pass\n")],
          ["hooks.asgi_at_once"]),
         ("turns-without-limit", [("core/capture/shared_entry.c", "atomic_fetch_add("
                                   "&held, 1) >= LLMOBS_SHARED_ENTRIES",
                                   "atomic_fetch_add(&held, 1) >= 1u << 20")],
          ["unit more_requests_than_are_kept"])]),

    ("a request of an event loop that is cancelled, or ends in the middle of its "
     "answer",
     "its entry ends with the application's call, and says how (`take_turn`, "
     "`Turn.sent` in hook.py)", [
         ("cancelled-unended", [("examples/inbound/hook.py", "    except "
                                 "BaseException as error:\n        quietly("
                                 "turn.end, error)", "    except Exception as "
                                 "error:\n        quietly(turn.end, error)")],
          ["hooks.asgi_requests_that_fail"]),
         ("half-is-whole", [("examples/inbound/hook.py", "            self.whole "
                             "= not message.get(\"more_body\", False)",
                             "            self.whole = True")],
          ["hooks.asgi_requests_that_fail"])]),

    ("a task that works on after its request has ended",
     "its calls are below the caller: only the request's begin begins an entry "
     "(`Turn` in hook.py)", [
         ("begins-again", [("examples/inbound/hook.py", "        more[\"request\"]"
                            " = request.number\n", "        more[\"request\"] = "
                            "request.number\n        more[\"entry\"] = {\"kind\": "
                            "\"workflow\", \"name\": ENTRY}\n")],
          ["hooks.asgi_after_the_answer"])]),

    ("a request in Python whose headers cannot be told",
     "its thread leaves the request that it served before (`start` in hook.py)", [
         ("untold-is-the-last", [("examples/inbound/hook.py", "        command("
                                  "\"request/finish\", {})\n        raise",
                                  "        raise")],
          ["hooks.failures_are_counted"])]),

    ("a PHP whose table has another form",
     "its function is called only of SAPIs that are known to have it "
     "(`php_request_is_known`)", [
         ("apache-unknown", [("core/config/php_request.c",
                              "strcmp(sapi->name, \"apache2handler\") == 0 ||",
                              "")],
          ["hooks.php_fastcgi_and_apache"]),
         ("fastcgi-unknown", [("core/config/php_request.c",
                               "strcmp(sapi->name, \"cgi-fcgi\") == 0) &&",
                               "false) &&")],
          ["hooks.php_fastcgi_and_apache"])]),

    ("libcurl's own threads in a program that has none",
     "of the threads, as many as there are transfers in multis do not "
     "count (`is_alone`)", [
         ("lookups-counted", [("core/capture/attach.c", "    llmobs_inbound_lookups("
                               "llmobs_adds_all_members);\n", "")],
          ["inbound.names_are_looked_up_in_threads"])]),

    ("`llmobs ps --stack` stops a thread that waits",
     "a system call that a stop would end begins again (`mend`), and the end "
     "of the child that stopped the thread lets it go (`run_child`)", [
         ("waits-end-early", [("cli/log/tracee.c", "        mend(tracee->thread);",
                               "        (void)mend;")],
          ["ps.no_wait_ends_early"])]),

    ("a spool that says that another process makes a call",
     "`llmobs ps` looks only at processes of the spool's user, and believes "
     "the process alone (`llmobs_ps_target_look`)", [
         ("anybodys-process", [("cli/log/target.c", "(real == uid || effective "
                                "== uid || saved == uid)",
                                "(real == uid || true)")],
          ["ps.of_other_users"]),
         ("as-the-spool-says", [("cli/log/target.c", "    if (progress.sign != "
                                 "LLMOBS_PROGRESS_SIGN || progress.id != "
                                 "call->id)\n        return false;\n", "")],
          ["ps.entries_that_outlive_their_call"])]),

    ("a span of the API that has ended, or never was",
     "a number has a generation, and the next span in its place has another "
     "(`span_table_is_open`)", [
         ("any-generation", [("core/sdk/span_table.c", "    return (generation & 1) "
                              "&&\n           (generation ^ number >> SLOT_BITS"
                              ") << GENERATION_UNUSED == 0;",
                              "    (void)number;\n    return (generation & 1) "
                              "!= 0;")],
          ["unit a_number_is_never_another_spans"])]),

    ("a fork while another thread works on a span of the API",
     "its lock names the process; a child does not wait for it "
     "(`span_table_hold`)", [
         ("waits-for-the-dead", [("core/sdk/span_table.c", "        if (holder != 0 "
                                  "&& holder != mine)\n            return "
                                  "false;\n", "")],
          ["unit a_child_waits_for_nobody"])]),

    ("a fork within a span of the API",
     "only the process that started the span submits it "
     "(`llmobs_own_span_finish`)", [
         ("child-submits", [("core/sdk/own_span.c", "    if (llmobs_own_span_is_on() && "
                             "live->process == llmobs_fork_process())\n",
                             "    if (llmobs_own_span_is_on())\n")],
          ["unit a_child_continues_and_does_not_submit",
           "programs.api_cases.forked"])]),

    ("two users of one program, or of one key, who say the same",
     "a link counts for one host, one credential and one end user, and what two "
     "calls have left leads to neither (`core/event/linker.c`)", [
         ("any-key", [("core/event/linking.c", "    llmobs_siphash_add(&hash, "
                       "&call->account, sizeof(call->account));\n", "")],
          ["links.no_link_between_strangers"]),
         ("any-of-two", [("core/event/linking.c", "return (others == 1 && "
                          "!crowded) || near == 1;",
                          "return others > 0;")],
          ["links.no_link_between_strangers",
           "unit equal_beginnings_are_nobodys"]),
         ("any-id", [("core/event/link_tools.c", "#define CHANGES 7",
                      "#define CHANGES 0")],
          ["unit ids_without_chance"]),
         ("any-user", [("core/event/linking.c", "        llmobs_link_user_add("
                        "call->request, &hash);\n", "        {\n        }\n")],
          ["unit no_link_is_wrong_and_none_is_missing"]),
         ("any-host-of-a-key", [("core/event/linking.c", "    llmobs_siphash_add("
                                 "&hash, origin.data, origin.len);\n    "
                                 "llmobs_siphash_add(&hash, \"\", 1);\n    "
                                 "l->owner", "    (void)origin;\n    "
                                 "l->owner")],
          ["unit no_link_is_wrong_and_none_is_missing"]),
         ("any-family", [("core/event/link_turns.c", "    llmobs_siphash_add("
                          "&t->hash, family.data, family.len);\n",
                          "    (void)family;\n")],
          ["unit no_link_is_wrong_and_none_is_missing"]),
         ("another-tools-name", [("core/event/link_tools.c", "    if (call && "
                                  "record.check != check_of(", "    if (call && "
                                  "!record.check && record.check != "
                                  "check_of(")],
          ["unit no_link_is_wrong_and_none_is_missing"])]),

    ("calls that overlap, and answers of hours ago, with the history of a "
     "request or the id of its tool's call",
     "a link leads to a call that had ended before, within an hour "
     "(`llmobs_linking_find` in `core/event/linker.c`)", [
         ("old-answers", [("core/event/link_table.c", "return now_ns - "
                           "record->at_ns <= LLMOBS_LINK_LIFE_NS;",
                           "return now_ns - record->at_ns <= INT64_MAX;")],
          ["unit no_link_is_wrong_and_none_is_missing"]),
         ("not-ended-yet", [("core/event/linking.c", "out->at_ns <= "
                             "l->span->start_ns + LATE_NS;",
                             "out->at_ns <= INT64_MAX;")],
          ["unit no_link_is_wrong_and_none_is_missing"])]),

    ("a tool that is inferred, and has a span of its own, or whose result comes "
     "with several requests",
     "the first request that brings the result decides, and leaves a record of "
     "it (`core/event/link_inferred`)", [
         ("inferred-beside-its-own", [("core/event/link_inferred.c",
                                       "if ((int64_t)found[i].check >= "
                                       "answer->at_ns - EARLY_NS &&",
                                       "if ((int64_t)found[i].check >= "
                                       "INT64_MAX - EARLY_NS + 0 * "
                                       "answer->at_ns &&")],
          ["unit a_tool_with_a_span_is_not_inferred"]),
         ("inferred-again", [("core/event/link_inferred.c",
                              "    if (first.span_id == "
                              "l->span->context.span_id)\n",
                              "    if (first.span_id)\n")],
          ["unit a_tool_is_inferred_once"])]),

    ("a tool's span that has the name and arguments of calls in two answers",
     "a link counts for one trace, and for one answer whose result no request "
     "has brought (`core/event/link_runs`)", [
         ("any-trace", [("core/event/link_runs.c", "    llmobs_siphash_add("
                         "&hash, &trace.lo, sizeof(trace.lo));\n", "")],
          ["unit near_misses_of_runs"]),
         ("any-run", [("core/event/link_runs.c", "if (found[i].crowded || (open && link_runs_is_open(l, &found[i])))",
                       "if (found[i].crowded)")],
          ["unit near_misses_of_runs"]),
         ("answered-run", [("core/event/link_runs.c",
                            "        record.check = now;\n", "")],
          ["unit a_tool_links_to_who_called_it"])]),

    ("a job that goes on behind its call, whose tokens each call that asks for "
     "it finds",
     "the first one that finds the job at its end claims them, under a lock of "
     "its record that is not waited for (`core/event/link_jobs`)", [
         ("counted-again", [("core/event/link_table.c",
                             "        if (row[i].check)\n            return "
                             "row[i].check == check;\n", "")],
          ["unit the_first_that_finds_the_end_counts",
           "jobs.polls_of_one_process"]),
         ("told-again", [("core/event/link_tools.c",
                          "    if (id && link_tools_is_repeated(l, id))\n"
                          "        return;\n", "    (void)is_repeated;\n")],
          ["unit a_run_that_calls_a_tool"]),
         ("anybodys-job", [("core/event/link_jobs.c",
                            "    llmobs_siphash_add(&hash, &l->owner, "
                            "sizeof(l->owner));\n", "")],
          ["unit what_nobody_began_is_not_counted"]),
         ("last-weeks-job", [("core/event/link_jobs.c", "l->span->start_ns - "
                              "out->at_ns <= LIFE_NS;", "l->span->start_ns - "
                              "out->at_ns <= INT64_MAX - LIFE_NS;")],
          ["unit a_job_of_yesterday"]),
         ("poll-in-no-sum", [("cli/query/row.c", "return row->billed || "
                              "llmobs_row_is_call(row);",
                              "return llmobs_row_is_call(row);")],
          ["cost bills"])]),

    ("a program that sets at its own span the sum of what its calls have used",
     "only what the library has read from a request counts beside calls, and a "
     "workflow never (`is_billed` in `cli/query/row.c`)", [
         ("sums-of-sums", [("cli/query/row.c", "           llmobs_filter_tag_of("
                            "event, \"integration\") != NULL &&\n", "")],
          ["cost bills"]),
         ("workflows-are-billed", [("cli/query/row.c", "\"agent\", \"task\", "
                                    "\"tool\", \"retrieval\",",
                                    "\"agent\", \"task\", \"tool\", "
                                    "\"retrieval\", \"workflow\",")],
          ["cost bills"])]),

    ("a server of MCP that lets go of a stream, to have its answer fetched",
     "a stream whose events have ids is no failure where libcurl saw its end "
     "(`goes_on_elsewhere` in `rules/tables/mcp.c`); the GET that brings the "
     "answer is a call, and no other GET is (`read_resumed`)", [
         ("fetched-later-fails", [("rules/tables/mcp.c", "return "
                                   "events->sse.has_ids && ", "return "
                                   "events->sse.has_ids > 1 && ")],
          ["unit cases_read_as_expected", "mcp_versions.in_c"]),
         ("cut-is-fetched", [("rules/tables/mcp.c", "return "
                              "events->sse.has_ids && ", "return ")],
          ["unit cases_read_as_expected"]),
         ("answer-unfetched", [("core/capture/judge.c",
                                "        atomic_store(&resumes, true);\n",
                                "        (void)resumes;\n")],
          ["mcp_resume.a_stream_that_is_polled", "mcp_versions.in_c"]),
         ("each-listener-reads", [("core/capture/judge.c",
                                   "return place && *place;",
                                   "return !place || *place;")],
          ["mcp_resume.no_calls"]),
         ("every-get-is-told", [("rules/tables/mcp.c", "        rc = -ENOENT;\n"
                                                       "    return rc;\n"
                                                       "}\n"
                                                       "\n"
                                                       "static int mcp_read_all", "        rc = 0;\n"
                                             "    return rc;\n"
                                             "}\n"
                                             "\n"
                                             "static int mcp_read_all")],
          ["mcp_resume.a_stream_that_is_polled",
           "unit cases_read_as_expected"]),
         ("in-any-session", [("rules/tables/mcp_result.c",
                              "job->session ? job->session : \"\"",
                              "\"\"")],
          ["mcp_resume.answers_to_others", "mcp_tasks.a_task_of_another"])]),

    ("a first call of a process that only its header shows, with credentials",
     "the boot's key is known before they are sealed "
     "(`llmobs_worker_find_key`)", [
         ("sealed-too-soon", [("core/capture/outgoing.c",
                               "    llmobs_worker_find_key(worker, exchange);"
                               "\n", "")],
          ["links.calls_that_their_header_shows"])]),

    ("a file of links that is damaged, cut, a stranger's, or beyond the "
     "program's limit of file sizes",
     "each record has a seal, no lock is waited for, and nothing is mapped "
     "(`core/event/link_file`)", [
         ("unsealed", [("core/event/link_file.c", "if (!out[i].at_ns || "
                        "out[i].seal != record_seal(salt, row, &out[i]))",
                        "if (!out[i].at_ns)")],
          ["unit damaged_files"]),
         ("beyond-the-limit", [("core/event/link_file.c",
                                "    if (!link_file_has_room())\n"
                                "        return -EFBIG;\n", "    (void)has_room;\n")],
          ["unit limits_of_file_sizes"])]),
]
