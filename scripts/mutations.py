"""The hazards of a library inside other people's programs, each with the
mutations that take its handling out and the tests that must notice.

Read by scripts/mutate, which also makes the page HAZARDS.md of it.  A row is
(hazard, handling, mutations); a mutation is (name, test, test...).  The name is
that of the marks LLMOBS_HAZARD(name, with, without) in the code.  A file that
no C compiler reads has no mark: EDITS below has {name: [(file, old, new)]},
with `old` exactly once in the file; where `old` is None, the line `new` is put
at the file's end.  Tests: names of tests/integration/run; "preload NAME" of
tests/preload/run; "unit CASE" of the unit tests; "doctor PART" of
tests/cli/doctor.py, and so "doctor_otlp PART", "doctor_cost PART", "drain PART", "purge PART",
"users PART", "page PART", "screens PART", "terminal PART", "cost PART", "launcher PART";
"cli FUNCTION" of tests/cli/run; "container CASE" of tests/container/run.
"""

HAZARDS = [
    ("setopt inside callbacks",
     "while the library's values are set, it notes the app's and does "
     "not forward them (`llmobs_callbacks_own`)", [
         ("owns_nothing", "hazards.changed_within_a_callback")]),

    ("calls that are led to a mock, on handles whose settings lead elsewhere",
     "libcurl has the mock's values for the time of the transfer, and "
     "the program's again afterwards; only this host is a mock's "
     "(`llmobs_replay_restore`, `settle_replay`)", [
         ("led_for_good", "record.led_to_the_mock"),
         ("led_by_others", "record.led_past_other_settings",
          "unit all_settings_come_back"),
         ("led_away", "record.led_to_this_host_alone")]),

    ("reset, before, during and after a transfer",
     "the handle's record is reset as libcurl resets the handle "
     "(`llmobs_ops_easy_reset`)", [
         ("reset_unseen", "programs.easy_cases.reset_reused",
          "programs.header_cases.reset_in_multi")]),

    ("duphandle, before, during and after a transfer",
     "the copy gets the app's settings, not the library's, and a record "
     "of its own (`llmobs_ops_easy_duphandle`)", [
         ("twin_keeps_ours", "programs.hazard_cases.twin_of_a_busy_one",
          "headers.lists_of_programs", "programs.push_cases.accepted"),
         ("twin_forgets", "programs.easy_cases.duplicated")]),

    ("a handle reused on another host",
     "the library notes every URL (`llmobs_handle_note`)", [
         ("first_url_stays", "programs.hazard_cases.other_host")]),

    ("memory above the stack pointer that others unmap at any moment",
     "the library reads a stack only if it knows the stack's end, "
     "elsewhere its own page (`llmobs_stack_sure`)", [
         ("one_page_more", "caller.on_other_stacks",
          "unit of_a_coroutine_one_page"),
         ("any_stack_is_the_threads",
          "unit of_other_stacks_in_a_thread_one_page"),
         ("given_stacks_are_whole",
          "unit of_a_stack_that_a_thread_was_given_one_page")]),

    ("an object that is unloaded between two frames of a walk",
     "the object that was found last is believed under the loader's lock "
     "alone, and only if the loader has counted no change since "
     "(`is_in_last`)", [
         ("last_object_stays", "unit the_last_object_until_one_goes")]),

    ("an umask that takes the app's own rights from its files",
     "a new file of the spool has the rights of its user, whatever the "
     "mask (`set_rights`)", [
         ("mask_obeyed", "unit any_mask")]),

    ("a program that a loader got as its argument (`ld.so PROGRAM`): to the "
     "kernel, the loader runs",
     "the program is the file that its code is mapped from "
     "(`lib/base/maps`)", [
         ("loader_calls", "caller.agents_of_a_loader")]),

    ("a program's file with a hundred thousand symbols, on the app's "
     "thread; another file at its path, where another process looks",
     "a process that leaves its call to a relay reads no file for the "
     "names of its callers, and the relay believes one with the same "
     "build id alone (`core/trace/caller_left`)", [
         ("names_itself", "relay.names_of_callers_are_the_relays_work"),
         ("any_path_opened", "unit no_name_from_a_pipe"),
         ("any_file_names", "relay.names_of_callers_are_the_relays_work",
          "unit a_name_by_build_id"),
         ("nobody_names", "relay.names_of_callers_are_the_relays_work")]),

    ("little stack, of a thread or a coroutine",
     "no frame has more than 512 bytes (`Makefile`, FRAME); larger "
     "things are blocks that the library keeps (`lib/base/scratch`), and "
     "deep work runs on a thread of the library (`llmobs_aside_run`)", [
         ("writer_on_the_stack", "stack.least_of_a_call"),
         ("ends_where_it_is", "stack.least_of_an_end"),
         ("rest_uncounted", "stack.least_of_an_end")]),

    ("several threads",
     "only one exchange claims a free record of its key "
     "(`lib/base/keyed.c`)", [
         ("unclaimed_record", "unit each_record_has_one_user"),
         ("untaken_place", "unit each_record_has_one_user")]),

    ("tens of thousands of live handles",
     "the table of handles gets another level where a handle finds no "
     "place, and moves nothing; a search looks at one cache line of each "
     "level (`lib/base/keyed.c`)", [
         ("never_grows", "unit each_of_many_is_found",
          "programs.life_cases.many_handles"),
         ("old_levels_forgotten", "unit each_of_many_is_found"),
         ("records_stay_with_their_place",
          "unit new_addresses_take_old_records"),
         ("place_kept_without_record", "unit without_memory")]),

    ("multi with socket_action and info_read",
     "a transfer ends when info_read says so "
     "(`llmobs_ops_multi_info_read`)", [
         ("info_read_unseen", "killed.only_the_first_message_read")]),

    ("multi: the program exits before it reads the message of a call",
     "where libcurl says that no transfer is under way, the calls end "
     "(`multi_left`)", [
         ("message_awaited", "killed.message_never_read")]),

    ("multi: messages that the library has to read before the app does",
     "the library keeps them, in their order, and gives them to the app "
     "(`core/capture/multi_messages.c`)", [
         ("news_lost", "programs.edge_cases.news_unread")]),

    ("another thread's new multi, at the address that libcurl has just freed",
     "the messages of the old one leave it before libcurl frees it "
     "(`llmobs_multi_messages_detach`)", [
         ("news_of_another", "unit a_new_one_at_the_same_address")]),

    ("thousands of transfers in a multi, removed before the app reads their "
     "messages",
     "a handle's record knows where in the list its message is "
     "(`multi_messages_place_of`)", [
         ("places_unmoved", "unit one_goes_as_another_comes"),
         ("strangers_unseen", "unit strange_ones"),
         ("members_uncounted", "programs.multi_cases.multi_first")]),

    ("multi: removed before done",
     "remove_handle ends the exchange (`multi_leave`)", [
         ("remove_unseen", "programs.multi_cases.removed_early",
          "programs.multi_cases.removed_and_reused")]),

    ("multi: cleanup without remove, of the handle or of the multi",
     "both end the exchange (`llmobs_ops_easy_cleanup`, `multi_end_rest`)", [
         ("cleanup_unseen", "programs.multi_cases.cleaned_early"),
         ("multi_cleanup_unseen", "programs.multi_cases.multi_first")]),

    ("a handle moved to a second multi",
     "when a handle leaves a multi, the library forgets that multi "
     "(`multi_leave`)", [
         ("multi_remembered", "programs.multi_cases.reused")]),

    ("HTTPHEADER replaced in a callback",
     "the library puts its nodes before the new list at once "
     "(`llmobs_handle_note`)", [
         ("list_not_relinked", "programs.header_cases.replaced_on_redirect",
          "programs.header_cases.nulled_inside")]),

    ("WRITEFUNCTION set to NULL, or never set",
     "the library then does as libcurl's default does (`app_write`)", [
         ("no_default_write", "programs.hazard_cases.write_unset",
          "programs.easy_cases.to_stdout")]),

    ("WRITEDATA that was never set",
     "the library sets it back to libc's stdout, not to NULL "
     "(`llmobs_settings_restore`)", [
         ("stdout_lost", "programs.easy_cases.to_stdout")]),

    ("HEADERDATA without HEADERFUNCTION",
     "headers go to the app's write function (`app_header`)", [
         ("headers_to_nobody", "programs.easy_cases.headers_to_write",
          "programs.easy_cases.to_file")]),

    ("CURLOPT_HEADER: headers within the body",
     "the library takes them out of the recorded body (`keep_lines`)", [
         ("headers_stay_in_body", "hazards.headers_within_the_body")]),

    ("PAUSE and redelivery",
     "the library skips bytes that it recorded before a pause when they "
     "come again (`skip_again`)", [
         ("recorded_twice", "hazards.paused_and_given_again"),
         ("pause_swallowed", "programs.edge_cases.paused")]),

    ("ABORT and short counts",
     "the library returns what the app returned (`on_write`)", [
         ("refusal_swallowed", "programs.easy_cases.aborted",
          "programs.edge_cases.refused_at_the_end")]),

    ("CURLOPT_PRIVATE and getinfo untouched",
     "the library keeps its state in a table of its own, by the handle's "
     "address", [
         ("private_taken", "programs.easy_cases.plain",
          "programs.hazard_cases.asked_inside")]),

    ("errno after the library's part of a call",
     "saved and put back (`llmobs_ops_*`, `after_write`)", [
         ("errno_changed", "programs.edge_cases.errno_kept"),
         ("errno_of_tls", "tls.case_keeps_errno")]),

    ("the app's slist freed",
     "at the end the library sets the app's list again "
     "(`llmobs_settings_restore`)", [
         ("our_nodes_stay", "headers.lists_of_programs")]),

    ("the app's slist shared or mutated",
     "the library puts its nodes before the list, none behind it "
     "(`llmobs_inject_link`)", [
         ("appended_to_the_list", "programs.header_cases.appended",
          "programs.header_cases.shared")]),

    ("headers of the app's own",
     "if the app sends a part of a style, the library leaves that style "
     "to it (`inject_without_own`)", [
         ("headers_twice", "headers.own_headers_of_any_form")]),

    ("POSTFIELDS with size -1",
     "the body is then a string (`handle_size_of`)", [
         ("size_taken_literally", "hazards.sizes_of_a_body")]),

    ("POSTFIELDS with embedded NULs",
     "if there is a size, it counts, not the string's end "
     "(`handle_size_of`)", [
         ("always_a_string", "hazards.bodies_with_zero_bytes")]),

    ("POSTFIELDS in a buffer that changes",
     "the library reads it when libcurl makes the request "
     "(`keep_request`)", [
         ("read_at_the_end", "hazards.buffers_of_the_program")]),

    ("options set, replaced or freed after the handle was added to a multi",
     "the library reads nothing that they name before the app drives the "
     "multi (`start_added`)", [
         ("read_at_add", "programs.edge_cases.set_after_add",
          "programs.memory_cases.size_after_add",
          "programs.memory_cases.curlu_goes",
          "programs.memory_cases.added_first"),
         ("unlisted_uncounted", "failure.short_of_memory"),
         ("driven_in_vain", "programs.memory_cases.driven_while_added")]),

    ("a transfer of a multi that another one's callback changes before "
     "libcurl begins with it, or just after",
     "the library asks libcurl which of two addresses and methods it "
     "took, and reads no more of a body than libcurl reads either way "
     "(`outgoing_follow`)", [
         ("measured_early", "programs.beside_cases.begins"),
         ("moved_unseen", "programs.beside_cases.begins"),
         ("moved_too_late", "programs.beside_cases.connects"),
         ("led_unseen", "programs.beside_cases.begins"),
         ("method_unseen", "programs.beside_cases.begins"),
         ("form_read_as_fields", "programs.beside_cases.begins"),
         ("upload_read_as_fields", "unit a_latched_handle"),
         ("unsent_but_stands", "programs.beside_cases.begins",
          "programs.beside_cases.waits"),
         ("unsent_unfollowed", "programs.beside_cases.begins",
          "programs.beside_cases.waits"),
         ("judged_before_the_change", "programs.beside_cases.begins",
          "programs.beside_cases.waits"),
         ("judged_by_the_first_method", "programs.beside_cases.begins",
          "programs.beside_cases.waits", "programs.beside_cases.connects"),
         ("member_for_ever", "unit members_are_counted")]),

    ("a URL handle freed, or replaced by another transfer's callback, "
     "before libcurl begins with its transfer",
     "beside others in a multi the library does not ask it: libcurl "
     "gives its address in the prereq callback, or at the end "
     "(`start_url_pending`)", [
         ("handle_read_early", "programs.memory_cases.url_goes_beside"),
         ("handle_unknown", "programs.memory_cases.url_goes_beside"),
         ("unsent_unknown", "programs.memory_cases.url_goes_beside")]),

    ("header list or body replaced or freed before the connection stands",
     "the library reads them in its prereq callback, just before libcurl "
     "reads them (`llmobs_outgoing_settle`)", [
         ("read_as_it_begins", "programs.memory_cases.fields_goes",
          "programs.memory_cases.header_goes",
          "programs.memory_cases.never_sent"),
         ("refused_but_read", "programs.memory_cases.refused")]),

    ("the list of CURLOPT_HTTPPOST freed between two transfers, which "
     "libcurl reads once from 8.3 on",
     "the library forgets it with the first transfer, whichever host "
     "that goes to (`llmobs_handle_forget_list`)", [
         ("list_stays", "hazards.lists_that_libcurl_reads_once")]),

    ("a request that its header list alone may show to be a call, as most "
     "requests with lists are none",
     "only the prereq callback goes in; there the library reads the "
     "list, and only after a sign in it the body; then the other "
     "callbacks go in (`outgoing_decide`, `llmobs_callbacks_settle`)", [
         ("list_read_at_once", "programs.sign_cases.list_comes_late"),
         ("answer_unseen", "mcp.tool_call"),
         ("one_type_is_a_sign", "programs.sign_cases.each_its_list"),
         ("begun_as_it_is_told", "mcp.tool_call"),
         ("session_told", "mcp.initialize"),
         ("asked_and_silent", "mcp.each_request_is_told")]),

    ("POSTFIELDS that libcurl sends later than the request, or never: after "
     "a 100, in the last round of an authentication",
     "the library reads them at the end of the 100, else, as far as "
     "libcurl has sent them, in its callbacks of the answer "
     "(`llmobs_handle_defer`, `capture_take`)", [
         ("late_read_at_once", "programs.memory_cases.fields_late",
          "programs.memory_cases.fields_refused"),
         ("rounds_unknown", "programs.memory_cases.fields_late"),
         ("expected_by_the_list_alone",
          "programs.memory_cases.fields_refused"),
         ("asked_by_name_only", "programs.memory_cases.fields_refused"),
         ("consent_unheard", "hazards.bodies_that_go_later"),
         ("consent_to_nothing", "programs.memory_cases.fields_late"),
         ("taken_after_the_app", "programs.memory_cases.fields_late"),
         ("unanswered_unread", "hazards.bodies_that_go_later"),
         ("first_round_counts", "programs.memory_cases.fields_late"),
         ("unsent_unconfirmed", "programs.memory_cases.fields_refused")]),

    ("kill while libcurl looks a name up, connects or does TLS",
     "the call is on the disk before that, and the request follows when "
     "libcurl makes it (`llmobs_outgoing_keep_start`)", [
         ("kept_with_the_request", "killed.in_a_look_up",
          "killed.in_a_connect", "killed.in_a_handshake",
          "killed.behind_another"),
         ("start_beside_begin", "killed.in_an_answer",
          "unit started_and_asked"),
         ("another_id", "killed.in_an_answer"),
         ("no_call_stays", "killed.no_call_after_all"),
         ("body_at_hand_unasked", "killed.a_body_at_hand"),
         ("start_with_the_body", "killed.a_body_at_hand", "unit started"),
         ("start_to_be_confirmed", "killed.in_a_connect", "unit started"),
         ("start_stands", "killed.at_a_path_of_many",
          "unit started_unsure"),
         ("any_path_stands", "unit some_stand_without_their_body",
          "killed.at_a_path_of_many", "failure.refused_by_an_unknown_host"),
         ("one_entry_counted", "unit entries_together"),
         ("child_begins", "unit child_begins_nothing")]),

    ("a prereq callback of the app's own",
     "the library's callback calls it, also if the app sets it within "
     "the transfer, and gives it back (`on_prereq`, "
     "`llmobs_settings_restore`)", [
         ("prereq_lost", "programs.memory_cases.own_prereq"),
         ("prereq_not_given_back", "programs.memory_cases.own_prereq")]),

    ("the app's error buffer freed once the transfer is done",
     "the library reads it as easy_perform returns, and never for a "
     "transfer of a multi (`copy_error`)", [
         ("reason_read_late", "programs.memory_cases.reason_goes")]),

    ("READFUNCTION or READDATA set within a transfer, its own or another "
     "one's",
     "each that the app sets becomes a reader of the library's; libcurl "
     "takes the newest as it makes for a connection, and keeps to it "
     "(`follow_reader`)", [
         ("reader_follows", "programs.memory_cases.reader_fixed",
          "programs.beside_cases.connects"),
         ("reader_stays", "programs.beside_cases.answered"),
         ("readers_without_end", "programs.beside_cases.connects"),
         ("each_another_reader", "programs.beside_cases.begins"),
         ("late_reader_unseen", "programs.beside_cases.begins")]),

    ("SEEKFUNCTION or IOCTLFUNCTION set within a transfer",
     "the library sets its own exactly where the app has one, or where "
     "libcurl's fseek would work (`swap_rewind`)", [
         ("pipe_seeks_again", "programs.beside_cases.answered"),
         ("rewound_too_early", "programs.beside_cases.answered"),
         ("rewind_stays", "programs.beside_cases.begins",
          "programs.beside_cases.answered")]),

    ("COPYPOSTFIELDS: the size in force when it was set",
     "the library copies the body at that moment, with that size "
     "(`copy_postfields`)", [
         ("copied_as_string", "hazards.bodies_with_zero_bytes",
          "programs.body_cases.huge_copy", "hazards.sizes_of_a_body")]),

    ("values that libcurl refuses: too long, no memory, not built in",
     "the library notes what libcurl has afterwards: of a text nothing, "
     "of others the value before (`llmobs_handle_note_refused`)", [
         ("refusal_unnoted", "hazards.options_that_libcurl_refuses",
          "programs.option_cases.refused_url"),
         ("refusal_clears_all", "unit test_refused")]),

    ("CURLOPT_REQUEST_TARGET, of a path or of a whole URL",
     "it stands in the URL's place for rules and span, also where a "
     "callback sets it late; no trace headers go to a host that is not "
     "the target's (`with_target`, `follow_target`)", [
         ("target_ignored", "hazards.targets_of_requests",
          "programs.option_cases.target"),
         ("target_early", "programs.option_cases.target_late"),
         ("target_trusted", "hazards.targets_of_requests")]),

    ("handles that were made, and set, before the library saw it",
     "a record at the first option or transfer; of options and callbacks "
     "the library takes those that the program has set since (`learn`, "
     "`llmobs_handle_knows`), asks libcurl for address and method "
     "(`fill_in`), and reads of a body as much as libcurl has sent; "
     "where the kind of the request is unknown, the span has what "
     "libcurl tells (`llmobs_outgoing_open_unseen`)", [
         ("unseen_unknown", "hazards.handles_that_nobody_saw_made"),
         ("options_unlearned", "hazards.handles_that_nobody_saw_made"),
         ("unseen_as_seen", "programs.unseen_cases.performed"),
         ("unseen_callback_taken", "programs.unseen_cases.left"),
         ("late_untold", "hazards.handles_that_nobody_saw_made"),
         ("unseen_size_taken", "unit test_unseen")]),

    ("leak checkers: what the program loses",
     "the library keeps the program's addresses so that they hold "
     "nothing, and clears what it keeps of memory that was freed "
     "(`lib/base/hidden.h`)", [
         ("fields_held", "preloads.leaks_of_the_program"),
         ("list_held", "preloads.leaks_of_the_program"),
         ("stale_held", "preloads.leaks_of_the_program")]),

    ("COPYPOSTFIELDS of 200 MB",
     "the library makes no second copy beyond the cap (`copy_postfields`)", [
         ("copied_whole", "programs.body_cases.huge_copy")]),

    ("READFUNCTION uploads, chunked or not",
     "libcurl reads them through the library's function "
     "(`llmobs_callbacks_swap_in`)", [
         ("uploads_unread", "programs.easy_cases.read_chunked")]),

    ("uploads rewound by SEEKFUNCTION or IOCTLFUNCTION",
     "the library rewinds its record as well (`rewind_request`)", [
         ("sent_twice_recorded_twice", "hazards.uploads_sent_twice")]),

    ("uploads by libcurl's own fread, rewound by fseek",
     "the library's seek function does the same, where fseek would work "
     "(`swap_rewind`, `check_rewind`)", [
         ("no_seek", "programs.easy_cases.file_redirected",
          "programs.edge_cases.fmem_redirected"),
         ("seek_too_late", "programs.edge_cases.rewound_first"),
         ("seek_on_a_pipe", "programs.easy_cases.file_redirected")]),

    ("MIME and formadd",
     "the library never replaces READ there: libcurl gives the app's "
     "pointers to it (`reads_body`)", [
         ("form_read_swapped", "hazards.forms_to_a_proxy")]),

    ("a form with a file, of any size",
     "of it the text fields are kept, and of files the size, however the "
     "program makes it (`llmobs_exchange_sent`, `llmobs_rules_keeps`)", [
         ("form_read", "fetch.a_form_that_is_uploaded_is_not_copied"),
         ("form_copied", "fetch.a_form_leaves_nothing_in_the_spool"),
         ("late_form_copied", "fetch.fields_of_a_long_form"),
         ("unsent_form_copied", "fetch.a_form_that_nobody_gets"),
         ("form_by_its_header_alone", "fetch.a_form_to_a_gateway"),
         ("unexpected_form_copied",
          "fetch.a_form_that_a_rule_does_not_expect"),
         ("file_is_a_text", "unit fields_are_read"),
         ("named_file_is_a_text", "unit parts_that_are_no_text"),
         ("typed_part_is_a_text",
          "fetch.parts_that_are_no_text_by_their_type"),
         ("header_types_unread", "unit headers_of_a_part"),
         ("part_headers_untold",
          "fetch.parts_that_are_no_text_by_their_type"),
         ("base64_is_a_text", "unit long_texts_have_a_size")]),

    ("a form of curl_mime_* at the address of one that was freed",
     "the parts noted there are forgotten as libcurl makes another one, "
     "and a handle takes no form that is younger than its "
     "CURLOPT_MIMEPOST, and a form within a form is forgotten "
     "(`llmobs_mime_begin`, `llmobs_mime_fields`)", [
         ("old_parts_stay", "unit addresses_that_come_again"),
         ("age_unasked", "unit addresses_that_come_again"),
         ("inner_form_stays", "unit forms_within_forms")]),

    ("Expect: 100, redirects, 401 rounds",
     "a status line begins the answer anew (`callbacks_keep_line`)", [
         ("rounds_add_up", "hazards.rounds_before_the_answer")]),

    ("redirects to another host",
     "the library empties its headers in place (`llmobs_inject_response`)", [
         ("headers_leak", "headers.redirect_to_another_origin"),
         ("odd_blanks_are_text", "unit redirects_away_blank_ours"),
         ("controls_are_text", "unit redirects_away_blank_ours")]),

    ("proxies and CONNECT",
     "the library adds no headers if a proxy would read them "
     "(`llmobs_handle_exposes_headers`)", [
         ("proxy_sees_headers", "headers.unified_headers_and_a_proxy")]),

    ("HTTP/2: pushed handles inherit callback data",
     "the library gives them the app's values before the app sees them "
     "(`on_push`)", [
         ("push_swapped", "programs.push_cases.accepted",
          "clients.symfony_that_is_pushed_to"),
         ("push_not_in_its_multi", "programs.push_cases.accepted")]),

    ("many long bodies at the same time",
     "all bodies of the process share one budget (`llmobs_budget_take`), "
     "and without content the library keeps only their ends "
     "(`llmobs_capture_body_max`)", [
         ("budget_unasked", "hostile.many_answers_have_one_budget",
          "unit long_bodies_share_it"),
         ("bodies_without_content", "hostile.many_answers_have_one_budget"),
         ("copies_charged", "unit copies_of_handles_are_free"),
         ("budget_inherited", "unit a_child_begins_anew")]),

    ("a long body that is read",
     "the worker reads its ends, if reading all of it would pass the "
     "budget (`to_span_make_room`)", [
         ("read_whole", "unit a_long_body_is_read_as_its_ends")]),

    ("more push callbacks than the library has functions for",
     "the library captures no transfer of a multi with a further one, "
     "and the log says so (`go_blind`)", [
         ("push_unseen", "programs.push_cases.many_functions",
          "hazards.more_push_functions_than_places"),
         ("all_go_blind", "programs.push_cases.one_too_many"),
         ("waiting_begun", "programs.push_cases.one_too_many")]),

    ("gzip asked for by header",
     "the worker inflates a copy (`to_span_decode`)", [
         ("stays_coded", "curl.accept_encoding_by_hand")]),

    ("resumed and ranged",
     "the library hands offsets on as they are (`on_seek`)", [
         ("seeks_to_0", "hazards.resumed_uploads_to_a_proxy")]),

    ("CONNECT_ONLY and websockets",
     "the library sets nothing at such a transfer (`may_begin`)", [
         ("connect_only_captured", "programs.easy_cases.connect_only",
          "programs.hazard_cases.spoken")]),

    ("frames of a websocket that quote frames, in pieces of any size",
     "a look at the frame's own members, without a parse "
     "(`llmobs_look_add`)", [
         ("inner_values_count",
          "unit looks_see_members_however_they_are_cut"),
         ("escapes_end_with_a_piece",
          "unit looks_see_members_however_they_are_cut")]),

    ("frames of a websocket without a type or an id, binary, and with sound "
     "in them",
     "names of members tell the kind, the oldest response is the one "
     "under way (`under_way`), base64 is taken out of a whole frame "
     "(`llmobs_media_drop`)", [
         ("names_at_one_level",
          "unit looks_see_names_however_they_are_cut"),
         ("asked_is_under_way", "unit a_turn_that_is_interrupted"),
         ("binary_passes", "unit a_turn_of_binary_frames"),
         ("sound_stays", "unit frames_lose_long_pieces_of_base64")]),

    ("schemes that are not HTTP",
     "never a call (`llmobs_url_parse`)", [
         ("any_scheme", "programs.hazard_cases.not_http")]),

    ("share handles",
     "the library leaves them as the app set them: it sets callbacks and "
     "headers alone (`llmobs_callbacks_swap_in`)", [
         ("share_left", "programs.process_cases.share")]),

    ("curl_global_init_mem",
     "the worker then does not use libcurl (`is_shared`)", [
         ("allocator_on_our_thread", "exit.own_allocator_is_left_alone")]),

    ("curl_global_cleanup beside the worker's requests",
     "the requests end first, and the worker's handles go "
     "(`global_leave`)", [
         ("cleanup_unnoticed", "exit.agentless.cleanup_often",
          "exit.agentless.cleanup_in_threads",
          "exit.a_process_that_goes_on_waits_once")]),

    ("curl_global_cleanup just before the exit",
     "the worker delivers finished calls over the connection that "
     "stands, once in a process (`llmobs_worker_retreat`); the exit has "
     "the rest of the time", [
         ("cleanup_closes_it", "exit.cleanup_over_the_warm_connection"),
         ("each_cleanup_waits", "exit.a_process_that_goes_on_waits_once")]),

    ("the worker looks in while a cleanup has it paused",
     "one look at the turn decides whether a request hung: the library "
     "cuts none, which would send it twice, because a thread takes the "
     "turn for an instant (`llmobs_worker_pause`)", [
         ("pause_looks_twice",
          "unit a_pause_is_no_timeout_where_the_thread_looks_in")]),

    ("a body made to cost more than its bytes",
     "each pass counts its steps, and beyond a budget the worker reads "
     "the body by its ends (`lib/base/work`)", [
         ("steps_unbounded", "unit a_body_has_a_budget",
          "unit a_budget_ends_once"),
         ("budget_taken_away", "unit no_other_thread_ends_it"),
         ("no_bound_at_all", "exit.a_signal_is_answered_at_exit",
          "exit.a_hostile_answer_has_its_price"),
         ("steps_inherited", "unit a_child_has_none")]),

    ("a body whose keys or whose depth are made to cost the square or the "
     "stack",
     "objects beyond a few members have an index whose hash hangs on "
     "random bytes of the process; a value is freed by a list, not by a "
     "recursion (`lib/text/json_object`, `llmobs_json_free`)", [
         ("json_walks", "unit many_keys_take_no_square"),
         ("json_hash_is_known", "unit a_hash_hangs_on_the_seed"),
         ("json_frees_deep", "unit a_deep_value_is_freed_and_not_copied"),
         ("json_keys_stay", "unit keys_that_come_and_go")]),

    ("events of a stream that are much alike, and have one tree",
     "only strings and numbers between the same bytes get new values; a "
     "tree that the reader shares a part of stays as it is "
     "(`lib/text/json_series`)", [
         ("changes_the_lent", "unit cases_read_as_expected"),
         ("shared_part_changes", "unit shared_parts_stay"),
         ("shared_number_changes", "unit shared_numbers_stay",
          "unit strings_change_in_place"),
         ("escape_copied", "unit alike_documents_share_a_tree"),
         ("changed_list_unseen", "unit changed_trees_are_left"),
         ("bytes_between_unseen", "unit alike_documents_share_a_tree")]),

    ("a big answer just before the exit, and a signal that waits",
     "reading ends with the exit's time; the entry stays in the spool as "
     "it came (`llmobs_work_until`, `hold`)", [
         ("exit_reads_on", "exit.a_hostile_answer_is_left_in_the_spool")]),

    ("thousands of files in the spool, at an exit",
     "the exit ends the worker's look at them when its time is over "
     "(`llmobs_adopt_until`)", [
         ("adopts_without_end", "unit in_time"),
         ("adopts_the_big", "unit in_time")]),

    ("names and texts of wide, joined or unknown characters, on a terminal "
     "of any width",
     "no line of `llmobs view` is wider than the terminal: cells are cut "
     "and texts wrapped by the widths that wcwidth tells, the larger one "
     "where terminals differ (`width_of` in `cli/shared/escape.c`, "
     "`cut_to`, `cli/show/wrap.c`)", [
         ("cells_overflow", "screens widths"),
         ("joined_are_none", "screens widths"),
         ("wraps_late", "screens widths"),
         ("hangs_beyond", "screens widths")]),

    ("megabytes of a text without a line break, on a terminal",
     "the end of a text's line is looked for once, however many lines of "
     "the screen it fills (`line_end` in `cli/show/wrap.c`)", [
         ("looks_each_time", "screens choices")]),

    ("two texts of thousands of words each, compared word by word",
     "where the words that are left between the same begin and the same end "
     "are too many, all of them count as different (`add_middles` in "
     "`cli/show/diff.c`)", [
         ("words_of_any_size", "diffs huge_texts")]),

    ("a store whose files are older than the spans in them: a copy, or "
     "another clock",
     "the walk for the newest traces begins no later than the last write "
     "of a file that has one of them (`add_trace` in `cli/query/load.c`)", [
         ("trusts_the_spans", "screens choices")]),

    ("`llmobs view --since` beside a store that is full",
     "the reader passes files over that were last written before that "
     "time (`shared_reader_is_old` in `cli/shared/reader.c`), with a "
     "minute for the clocks", [
         ("reads_the_old", "cli old_files"),
         ("no_minute", "cli old_files")]),

    ("a prompt or an answer that would be markup in the page of `llmobs "
     "view --html`",
     "no `<` of an event is in the file, nor a code that a browser reads "
     "as an end of line (`cli/show/body.c`, `llmobs_page_string_add`)", [
         ("lets_markup_in", "page hostile_store"),
         ("index_lets_it_in", "page hostile_store"),
         ("keeps_raw_codes", "page hostile_store")]),

    ("a model, a service or a session whose name would control a terminal, "
     "or be two lines to a shell",
     "no such value is offered to a shell or told as a hint "
     "(`query_values_is_plain` in `cli/query/values.c`)", [
         ("offers_controls", "cli nothing_found")]),

    ("a store that rotates, is cut, or loses files while `llmobs view -f` "
     "reads it",
     "files are known by name and inode, the one that is written to "
     "stays open, a removed one is let go of, and of one that was cut "
     "the rest is new (`read_more` in `cli/shared/reader.c`); half a "
     "line waits for its end", [
         ("rotated_comes_again", "follow rotation"),
         ("removed_stays_open", "follow rotation"),
         ("cut_file_is_mute", "follow halves"),
         ("gives_half_a_line", "follow halves"),
         ("keeps_to_the_directory", "follow a_store_that_comes_and_goes")]),

    ("spans of a trace that come apart, or twice, under `llmobs view -f`",
     "its rows are kept, so that a later one finds its parent "
     "(`take_over` and `have_trace` in `cli/show/follow.c`), and none is "
     "shown again but with a new evaluation; at the end all that waits "
     "is shown", [
         ("shows_at_once", "follow a_tree_when_its_root_ends"),
         ("shows_again", "follow a_tree_when_its_root_ends"),
         ("twice_is_twice", "follow messages"),
         ("late_is_mute", "follow evaluations"),
         ("ends_without_the_rest", "follow ends")]),

    ("a prompt or a name that is a formula in a spreadsheet",
     "a cell of CSV that begins like one gets a `'` (`is_formula` in "
     "`cli/query/cell.c`); on a terminal its controls are escaped", [
         ("lets_formulas_in", "figures formulas"),
         ("one_quote", "figures formulas"),
         ("csv_lets_controls_out", "figures formulas")]),

    ("a number that nobody sent, in a sum or a percentile",
     "an unknown one counts nowhere, a sum of none is unknown, a "
     "percentile is a value that was there (`cli/query/totals.c`); a "
     "span that is in the store twice counts once (`cli/query/each.c`)", [
         ("sums_from_nothing", "figures summary"),
         ("rank_below", "figures summary"),
         ("counts_twice", "figures summary"),
         ("draws_gaps", "figures bars")]),

    ("a call that is called waste and was none",
     "only a request that was answered before is a repeat, only one that "
     "comes soon after a failed one is a retry, and requests are equal "
     "whatever model the answer names (`cli/query/waste.c`, "
     "`cli/query/digest.c`)", [
         ("first_is_waste", "figures waste"),
         ("late_retries", "figures waste"),
         ("model_of_the_answer", "figures waste")]),

    ("spans of one trace that overlap, in a viewer of Chrome's trace events",
     "each gets a lane on which nothing is open, or lies on a span above "
     "it in the tree that ends no sooner (`lanes_fits` in "
     "`cli/show/lanes.c`)", [
         ("one_lane", "figures crowds"),
         ("lanes_are_never_busy", "figures crowds")]),

    ("a call whose price or whose tokens nobody knows",
     "its cost is unknown, never 0, and a model's price is that of its "
     "provider (`llmobs_price_of`, `prices_serves` in "
     "`cli/query/prices.c`)", [
         ("unknown_is_free", "cost formula"),
         ("bad_price_is_none",
          "unit a_price_that_is_none_makes_costs_unknown"),
         ("any_host_serves_it", "unit a_model_has_many_names"),
         ("estimates_over_the_given", "cost given"),
         ("gate_is_open", "cost limits"),
         ("gate_half_read", "cost limits"),
         ("root_costs_too", "cost given")]),

    ("another site, or another user of the host, that asks for the page of "
     "`llmobs view --serve`",
     "it listens on loopback alone, and answers only under an own name of "
     "loopback, to no other origin, behind a token of 128 bits "
     "(`serve_answer` in `cli/show/show_serve.c`)", [
         ("takes_any_token", "serve whom_it_answers"),
         ("any_name_leads_here", "serve whom_it_answers"),
         ("any_site_reads", "serve whom_it_answers")]),

    ("a page written where a link or a device has the name",
     "such a name is refused, and the page replaces a file once it is "
     "whole (`check_name` in `cli/shared/new_file.c`)", [
         ("follows_the_name", "page files")]),

    ("Ctrl-C while a page is written",
     "a signal that ends the process removes the piece of the page first "
     "(`guard_piece` in `cli/shared/new_file.c`)", [
         ("leaves_a_piece", "page ended")]),

    ("a span around a command that takes less time than libcurl's loading",
     "the tool sends to a peer of this host by itself, and takes an "
     "answer only when it is whole (`core/export/plain_http.c`)", [
         ("loads_libcurl", "plain_http accepted"),
         ("tool_trusts_strangers",
          "delivery.auto_stranger_and_a_span_of_the_tool"),
         ("localhost_is_four", "plain_http localhost_of_the_other_family"),
         ("half_a_head", "plain_http half_a_head")]),

    ("thousands of programs of one call, each with a file of the spool",
     "a process claims some files at a time, and their calls go in one "
     "batch; each file goes with its own last call "
     "(`struct llmobs_adopt_claim`)", [
         ("claimed_twice", "unit short_ones"),
         ("claims_mixed", "unit give_back_some"),
         ("removed_late", "unit give_back_some",
          "drain short_ones_killed")]),

    ("a loop of short processes after an outage",
     "an end adopts for a part of the time that the process has lived, "
     "and nothing where another request is another round trip "
     "(`adoption_ns`)", [
         ("each_exit_adopts", "unit an_end_adopts_for_a_part_of_the_life",
          "exit.adoption_delays_no_exit"),
         ("adopts_at_a_cleanup", "unit none_after_a_cleanup"),
         ("adopts_in_bulk", "unit few_of_others"),
         ("adopts_far_away", "unit an_end_adopts_for_a_part_of_the_life")]),

    ("an exit with more calls than a store takes in time",
     "the exit leaves to the spool what the spool has, and waits longer "
     "only for what it lacks (`worker_exit_is_safe`)", [
         ("store_is_waited_for", "unit kept_by_the_disk"),
         ("lacking_is_left", "unit kept_by_the_disk"),
         ("content_is_left", "unit kept_without_content")]),

    ("an exit while the store is being written",
     "the exit waits for the write under way and the release of its "
     "entries, and none begins after it (`lib/base/commit.h`)", [
         ("write_is_cut", "unit a_write_is_not_cut")]),

    ("calls in a late exit handler, when the exit has left many to the spool",
     "they stay there as well, and none counts as lost (`stays_left`)", [
         ("late_is_delivered", "unit a_late_call_is_left")]),

    ("a program that gives up its user or its root after a call",
     "an entry that the process can no longer release stays in the spool "
     "of that user (`llmobs_spool_is_away`)", [
         ("user_not_seen", "spool.given_up_its_user"),
         ("root_not_seen", "spool.given_up_its_root"),
         ("never_back", "spool.back_from_another_user")]),

    ("keys that no list of beginnings knows",
     "the library masks members whose names say so before the disk has "
     "them, and words of a path or an error by their shape "
     "(`llmobs_members_mask`, `llmobs_shapes_mask`)", [
         ("members_stay", "unit secret_members_are_masked"),
         ("objects_stay", "unit secret_members_are_masked"),
         ("schemas_masked", "unit secret_members_are_masked"),
         ("frames_unsealed", "unit what_is_read_of_frames_is_masked"),
         ("base64_unmasked", "unit cases_read_as_expected"),
         ("masks_by_budget", "unit what_is_read_is_masked"),
         ("shapes_stay", "unit secrets_are_masked"),
         ("parts_add_up", "unit names_are_no_keys"),
         ("one_doubtful_part", "unit names_are_no_keys"),
         ("doubtful_parts_stay", "unit random_keys_are_masked"),
         ("short_parts_stay", "unit random_keys_are_masked"),
         ("uuids_in_paths", "unit test_urls"),
         ("brackets_join", "unit secret_members_are_masked"),
         ("pairs_stay", "unit no_form_keeps_a_secret"),
         ("headers_stay", "unit no_form_keeps_a_secret"),
         ("paths_of_servers_stay", "unit no_form_keeps_a_secret")]),

    ("keys in a text that is no JSON, and texts that only sound like one",
     "the one filter finds the beginnings of keys, private keys, "
     "headers, forms, YAML and options, also with escapes; behind a "
     "colon and a blank a word must look like a secret "
     "(`llmobs_secrets_mask`)", [
         ("texts_stay", "unit no_form_keeps_a_secret"),
         ("escapes_unread", "unit no_form_keeps_a_secret"),
         ("words_of_a_command_stay", "unit no_form_keeps_a_secret"),
         ("half_a_private_key", "unit no_form_keeps_a_secret"),
         ("beginnings_unknown", "unit each_beginning_is_known"),
         ("sentences_masked", "unit sentences_stay"),
         ("answers_on_disk", "unit an_answer_is_masked"),
         ("coded_on_disk", "unit a_coded_request_is_decoded"),
         ("log_unfiltered", "unit lines_are_filtered"),
         ("pieces_in_spans", "unit what_is_joined_is_masked"),
         ("ids_in_errors", "unit ids_in_errors_stay")]),

    ("a text in a body that ends behind a quoted name and a colon, or in a "
     "list",
     "a value's quotes have as many backslashes as its name's; a quote "
     "with fewer, or the next event of a stream, ends the masked part "
     "(`llmobs_members_mask`)", [
         ("level_unasked", "unit secret_members_are_masked"),
         ("name_of_two_levels", "unit secret_members_are_masked"),
         ("escaped_end_unseen", "unit names_are_known_in_any_form"),
         ("level_outlived", "unit secret_members_are_masked"),
         ("list_outlives_its_text", "unit secret_members_are_masked"),
         ("pairs_are_levels", "unit secret_members_are_masked"),
         ("event_is_text", "unit secret_members_are_masked"),
         ("line_is_text", "unit secret_members_are_masked"),
         ("letters_are_blanks", "unit secret_members_are_masked"),
         ("cut_backslash_masked", "unit what_grows_is_masked_as_whole"),
         ("cut_value_shows_its_end", "unit what_grows_is_masked_as_whole")]),

    ("the vectors of a search, which can be turned back into texts",
     "the library blanks the lists of numbers of such a call before the "
     "disk has them, and as the worker reads it (`llmobs_vectors_mask`)", [
         ("vectors_on_disk", "unit a_search_loses_its_vectors"),
         ("vectors_of_answers_on_disk", "unit a_search_loses_its_vectors"),
         ("vectors_in_spans", "observe.a_search_by_a_vector"),
         ("vectors_cut", "unit no_cut_keeps_a_number"),
         ("distances_blanked", "unit vectors_are_blanked"),
         ("references_blanked", "unit vectors_are_blanked")]),

    ("a request to a place that others have, too, such as _search",
     "only a body with the signs of a search by vectors makes it one "
     "(`match_observed`, the form's `confirm`)", [
         ("signs_unasked", "unit cases_read_as_expected"),
         ("any_host", "unit cases_read_as_expected")]),

    ("a text that has the letters of base64 and is none, as DNA and hex are",
     "it counts as bytes where it looks random, begins as a file does, or "
     "stands beside a medium's type (`text_words`)", [
         ("letters_alone", "unit cases_read_as_expected")]),

    ("a request without a body to a place that others have, too",
     "on a host that is not listed only an answer that says what it is makes "
     "it a call (`match_shape`, the form's `confirm`)", [
         ("strangers_fetch", "unit cases_read_as_expected")]),

    ("a body that names a server by a URL with a password or key in it",
     "the library masks the URL's user part and secret parameters before "
     "the disk has them, and as the worker reads an answer "
     "(`llmobs_links_mask`)", [
         ("links_on_disk", "unit a_request_is_masked"),
         ("links_cut", "unit a_cut_url_keeps_no_secret"),
         ("links_cut_backslash", "unit urls_of_a_body_lose_their_secrets"),
         ("links_cut_value", "unit urls_of_a_body_lose_their_secrets"),
         ("links_read_again", "unit no_text_is_read_twice")]),

    ("pictures, sounds and files in base64 within the JSON of a body",
     "while the body grows, the library keeps of such a text the first "
     "characters and the size (`llmobs_blob_add`), unless the span shows "
     "it (`llmobs_media_stays`) or the exchange is recorded", [
         ("media_on_disk", "unit media_of_an_answer_stay_out",
          "spool.media_stay_out"),
         ("shown_left_out", "unit members_of_media_alone"),
         ("recorded_left_out", "unit other_answers_stay_whole"),
         ("sum_by_pieces", "unit long_texts_become_marks"),
         ("half_an_escape", "unit any_bytes"),
         ("backslash_eaten", "unit long_texts_become_marks"),
         ("marks_of_all_bytes", "unit media_of_an_answer_stay_out"),
         ("left_out_counts", "unit the_rest_fits_in")]),

    ("facts for OTLP in an event for Datadog",
     "the exporter finds the event's first member and leaves it out; "
     "neither the batch nor the limit of an event counts it "
     "(`llmobs_facts_split`)", [
         ("facts_reach_datadog", "unit intake"),
         ("facts_fill_the_batch", "unit intake"),
         ("facts_end_in_a_text", "unit facts_come_apart", "unit intake")]),

    ("a key in the place of a model's name, a novel in the place of a reason",
     "a fact from a body has its secrets masked and a maximum, lists "
     "have one, and the filters of content know facts "
     "(`llmobs_span_fact`)", [
         ("facts_of_any_length", "unit long_facts_are_left_out"),
         ("lists_of_any_length", "unit long_facts_are_left_out"),
         ("facts_unmasked", "unit facts_are_masked"),
         ("facts_unredacted", "unit facts_are_filtered"),
         ("facts_without_a_filter", "unit test_facts_of_a_call")]),

    ("a loop of short processes beside a silent intake",
     "a mark on the disk: with it, a process neither connects ahead nor "
     "waits, and one process asks for all when it is old "
     "(`llmobs_peer_may_ask`)", [
         ("all_ask_at_once", "unit peer"),
         ("silent_is_warmed", "exit.a_silent_intake_is_left_alone"),
         ("a_flush_waits", "unit peer"),
         ("flush_unsaid", "unit an_exporter_knows_who_waits")]),

    ("constructors that run before the shim's, and keep libcurl's functions",
     "glibc runs the shim's first; elsewhere it starts at the first call "
     "(`llmobs_scan_late`), and mends addresses that were kept "
     "(`patch_variables`)", [
         ("starts_late", "preload kept_2_unordered"),
         ("kept_stays", "preload kept_1_unordered",
          "preload kept_1_plugin_plain")]),

    ("wrappers of libcurl's functions that ask for the next one",
     "dlsym answers RTLD_NEXT with the thunk where the loader would "
     "answer with libcurl's own function (`llmobs_lookup`)", [
         ("next_unseen", "wrappers.in_program"),
         ("next_past_a_wrapper", "preload two_wrappers")]),

    ("messages read ahead where a function is called unseen",
     "none is read ahead then (`may_read_ahead`), and log and counter "
     "name the object (`llmobs_unseen_tell`)", [
         ("reads_ahead_unseen", "wrappers.past_the_loader"),
         ("hidden_untold", "wrappers.past_the_loader")]),

    ("two flavours in one process",
     "a thunk knows its copy of libcurl (`llmobs_thunk_of`)", [
         ("one_copy_for_all", "preload two_flavours")]),

    ("a library of the program that calls libcurl, and does not name it",
     "the names of its symbols decide whether it is patched, whatever it "
     "needs (`llmobs_patch_may`)", [
         ("behind_the_copy_unseen", "preload linked_versions",
          "preload linked_unnamed"),
         ("unnamed_unseen", "preload linked_unnamed")]),

    ("RTLD_DEEPBIND",
     "slots of later objects lead to the shim's dlopen and dlsym "
     "(`dl_target`)", [
         ("deepbind_unseen", "preload deepbind_opener",
          "preload deepbind_opener_lazy")]),

    ("RTLD_LOCAL: plugins that come later",
     "the shim looks at new objects after each dlopen (`open_and_scan`)", [
         ("plugins_unseen", "preload plugin_now_plain",
          "preload plugin_lazy_plain")]),

    ("the RUNPATH of the object that calls dlopen",
     "the real dlopen then gets the call as it came "
     "(`caller_is_no_matter`)", [
         ("runpath_lost", "preload runpath_bare")]),

    ("dlsym (FFI)",
     "for a known function's address dlsym answers with its thunk "
     "(`observed`)", [
         ("dlsym_unseen", "preload dlsym", "preload ctypes")]),

    ("a preload, or a sanitizer's runtime, that holds a name of libc and "
     "asks for the next one in it",
     "the shim calls libc's own functions, by libc's symbol table, and "
     "makes system calls itself (`llmobs_libc`, `llmobs_sys`)", [
         ("first_of_that_name", "preload held_names",
          "preloads.pair_torsocks", "preloads.pair_fakechroot",
          "preload program_of_thread_sanitizer",
          "preload program_of_address_sanitizer")]),

    ("libraries linked for an address that another has",
     "the shim reads no memory at `l_addr`: it knows libc by its name, "
     "and reads it from its dynamic section on (`llmobs_elf_open_listed`)", [
         ("address_as_memory", "preload displaced")]),

    ("a core that is cut short, as while somebody copies it: a page beyond "
     "the file's end kills the program",
     "the shim tries no file that lacks a loaded part (`fit_is_whole`)", [
         ("cut_short_tried", "preload core_cut_short",
          "preload core_cut_short_same")]),

    ("a core that cannot be loaded, which nobody would hear of",
     "the shim keeps the reason where the doctor finds it "
     "(`shim_load_give_up`)", [
         ("given_up_unsaid", "doctor no_core")]),

    ("a process that has no core, and so no log",
     "the shim writes the one line, to a file that the core would write "
     "to (`llmobs_say`, `say_may_write`, `llmobs_wrappers_tell`)", [
         ("given_up_unlogged", "doctor no_core"),
         ("shim_logs_anywhere", "doctor no_core"),
         ("hidden_unlogged", "wrappers.past_the_loader")]),

    ("a limit of memory that has room for the program alone",
     "the shim loads the core if the kernel would map 32 MiB beside the "
     "memory in use (`can_map`), locked if the program locks all "
     "(`RLIMIT_MEMLOCK`)", [
         ("loaded_without_room", "failure.low_limits",
          "failure.locked_memory"),
         ("thread_without_room", "failure.locked_memory")]),

    ("a program for another machine, or with AddressSanitizer, among all "
     "that get LD_PRELOAD",
     "the launcher names the library by a path where each loader finds "
     "its own, and in which libasan finds its name (`list_by_platform`)", [
         ("one_path_for_all", "cli programs_of_32_bits",
          "doctor sanitizers")]),

    ("a preload whose dlopen looks elsewhere",
     "libc's own dlopen opens the core (`llmobs_loader_own_open`)", [
         ("core_by_the_next", "preload dlopen_astray")]),

    ("a preload that leads connections elsewhere: an anonymiser",
     "the library's connections to this machine go to the kernel, and it "
     "makes no others (`core/export/direct`)", [
         ("through_the_holder",
          "preloads.an_anonymiser_hears_nothing_of_us"),
         ("around_the_holder", "preloads.around_an_anonymiser_nothing_goes",
          "unit passes_a_holder_by"),
         ("holder_unseen", "preloads.an_anonymiser_hears_nothing_of_us",
          "preloads.around_an_anonymiser_nothing_goes"),
         ("holder_untold", "doctor settings")]),

    ("slots that are bound to somebody else's function",
     "the shim leaves them alone (`curl_target`), and those that the "
     "loader will bind to it (`coming`)", [
         ("interposer_bypassed", "preload interposer"),
         ("later_wrapper_bypassed", "preload wrapping_zg",
          "wrappers.plugins"),
         ("own_name_unseen", "wrappers.plugins"),
         ("later_ones_blamed", "wrappers.plugins")]),

    ("an environment that is no list of variables: duplicates, entries "
     "without `=`, any bytes",
     "the launcher hands each entry on as it came, and sets a name "
     "wherever it stands (`llmobs_environment_set`)", [
         ("first_of_a_name", "launcher environment")]),

    ("an environment as large as the kernel takes",
     "the command gets the environment that the launcher got "
     "(`llmobs_environment_exec`), also when another tool would be put "
     "around it (`run_has_room`)", [
         ("too_big_to_run", "launcher room"),
         ("tool_without_room", "launcher room")]),

    ("libcurl linked statically",
     "out of reach, and `llmobs doctor` says so (`is_in_reach`)", [
         ("static_in_reach", "doctor made")]),

    ("a process that executes another program just after a call",
     "the owner's entry says which program wrote the file, and a reader asks "
     "which one the process has now (`has_another_program`)", [
         ("past_self_lives", "drain past_self")]),

    ("a relay beside a process that delivers by itself",
     "in the file of a living process the relay takes only the entries "
     "that say that they are for it (`llmobs_adopt_is_due`)", [
         ("all_of_the_living",
          "unit takes_what_a_living_process_hands_over",
          "relay.a_living_program_that_is_switched_off")]),

    ("a reader that claims a file while the process begins a call in it",
     "the reader closes the file: what begins behind that counts for "
     "nobody, and its writer sees it and writes it again, to the next file "
     "(`llmobs_spool_shut`, `append_first`, `counts`)", [
         ("read_while_open", "unit closes_what_it_claims"),
         ("begins_behind", "unit closed"),
         ("begun_behind", "unit closed")]),

    ("a reader that claims a file while a call in it is under way",
     "the END follows the file to each name, the reader reads it behind "
     "the closing, and the file stays until then "
     "(`llmobs_spool_with`, `read_all`, `adopt_open_file`)", [
         ("by_its_first_name", "unit claimed"),
         ("entries_apart", "unit entries_together"),
         ("unread_behind", "unit closed"),
         ("removed_under_way", "unit keeps_a_file_with_a_call_under_way")]),

    ("a relay that looks at a file in which nothing has ended",
     "it leaves the file, which it would take away from each call that is "
     "about to begin there (`open_living`)", [
         ("claims_without_an_end", "unit claims_no_file_without_an_end")]),

    ("calls after the exit handler, in another handler, a destructor or a "
     "thread",
     "each is counted on the disk, as by the exit handler "
     "(`llmobs_worker_give`)", [
         ("kept_after_the_exit", "unit is_not_alone_to_count")]),

    ("a relay that is killed while a process lives that left calls to it",
     "the process claims its own files, as any reader does "
     "(`llmobs_take_back_begin`)", [
         ("left_to_the_dead", "relay.taken_back"),
         ("thread_unwanted", "relay.taken_back")]),

    ("the sign of a relay that is dead",
     "only a lock that is held makes it one (`llmobs_relay_sign_is_up`)", [
         ("any_file_is_a_sign", "relay.a_false_sign")]),

    ("files of the program whose launcher starts a relay",
     "the relay closes all that it was given (`detach`)", [
         ("keeps_files", "relay.launched_once")]),

    ("a second relay that waits for the first",
     "it ends when it has waited as long as it may idle "
     "(`relay_child_wait_for_sign`), or at once where a launcher has "
     "started it", [
         ("waits_for_ever", "relay.waits_no_longer_than_it_may_idle"),
         ("stays_behind", "relay.launched_at_once")]),

    ("a relay beside calls that it does not deliver",
     "they do not keep it from its end (`relay_child_is_needed`)", [
         ("kept_by_others", "relay.idle_beside_calls_for_others")]),

    ("a spool that is removed, and the relay's sign with it",
     "the relay puts up another (`llmobs_relay_sign_is_there`)", [
         ("never_looks", "relay.its_sign_is_removed")]),

    ("many calls a second, which cost the relay a request each",
     "the relay gathers those of 40 ms (`spool_watch_gather`)", [
         ("gathers_nothing", "relay.calls_that_come_closely")]),

    ("a spool that somebody has replaced by a link since the process found it",
     "the process makes its files in the spool as it is opened with care "
     "(`make_file`)", [
         ("made_through_a_link", "spool.replaced_by_a_link")]),

    ("a call whose END finds no descriptor, nor room to release its START",
     "its event goes to the same file, and replaces the START "
     "(`llmobs_spool_event`)", [
         ("event_apart", "quiet.few.8_well")]),

    ("a relay in another container that was killed after it claimed files",
     "the name says that a relay has them, and nobody holds its sign "
     "(`has_relay_ended`)", [
         ("relay_lives_on", "unit of_another_container")]),

    ("a kernel that has no inotify for the relay",
     "the relay looks more often (`poll_until`)", [
         ("sleeps", "relay.without_inotify")]),

    ("a program beside the relay whose pid means nothing there",
     "the program counts as living as long as its namespace may live, and "
     "the relay takes what it left (`adopt_is_dead`)", [
         ("pid_of_elsewhere", "drain from_another_namespace")]),

    ("a relay that is killed after it has delivered",
     "its counts are on the disk when the entries are released "
     "(`is_outdated`)", [
         ("counts_later", "relay.killed_after_it_delivered")]),

    ("an exit while the worker's thread writes counts that are not the last",
     "the exit waits for it, though not for long (`wait_turn`)", [
         ("closes_no_later", "unit the_last_close_has_all_counts")]),

    ("a relay whose disk is full",
     "it releases in place what it delivered (`note_some`)", [
         ("not_released", "unit added_on_a_full_disk"),
         ("added_nowhere", "unit added_on_a_full_disk")]),

    ("a program that lives long beside a relay",
     "a file of which the relay has all is no longer one of the "
     "LLMOBS_SPOOL_FILES that the program may have (`turn_to`)", [
         ("current_stays", "unit takes_files_from_a_busy_process")]),

    ("many programs that live and rest beside a busy one, which cost the "
     "relay a look each at each of its calls",
     "the relay passes over a file in which nothing has changed, for less "
     "than a second (`llmobs_adopt_is_seen`)", [
         ("looked_at_always", "unit looks_seldom_at_what_rests"),
         ("rests_for_ever", "unit looks_seldom_at_what_rests")]),

    ("a relay that starts while another process adopts",
     "the name of a claimed file says who has it (`may_claim`)", [
         ("takes_from_a_reader", "unit leaves_what_another_has_claimed")]),

    ("a thread that is cancelled while it looks for the relay",
     "the look cannot be cancelled (`llmobs_spool_is_relayed`, "
     "`llmobs_worker_give`)", [
         ("cancelled_in_the_look", "relay.cancelled_beside_a_relay")]),

    ("a span of `llmobs-run --workflow` beside a relay",
     "the tool gives it to the disk as an event, which the relay takes "
     "(`llmobs_cli_deliver`, `may_hand`)", [
         ("tool_by_itself", "relay.a_workflow_beside_a_relay"),
         ("looks_too_late", "unit gets_the_first_event")]),

    ("processes that differ in the headers of their deliveries alone",
     "the headers belong to the destination: a relay or drain with "
     "others leaves the calls alone (`add_destinations`)", [
         ("any_headers", "unit owner_headers")]),

    ("a program whose limit of file sizes is within a page of the ledger",
     "it writes no page: the totals are those of all processes "
     "(`ledger_dir_may_write`)", [
         ("half_a_page", "unit half_a_page_is_not_written")]),

    ("a program in another time namespace",
     "the start of its process, which counts from another boot there, "
     "proves nothing (`llmobs_record_is_another`)", [
         ("any_start", "relay.a_program_of_another_time_namespace")]),

    ("users who come and go, and root's relay",
     "the place of a user without a spool is free again "
     "(`llmobs_relay_places_sweep`)", [
         ("never_free", "unit frees_the_places_of_users_who_are_gone")]),

    ("a spool that root's relay cannot serve",
     "each process that fails keeps the next one away for longer "
     "(`llmobs_relay_place_ended`)", [
         ("at_the_same_pace", "unit tries_less_often_the_more_have_failed")]),

    ("a user who has a store and no spool, and root's relay",
     "no process is started for it (`log_relay_is_missing`)", [
         ("in_vain", "users.no_spool_yet")]),

    ("a user of a shared spool whose processes leave nothing there",
     "a process leaves the name of a sign, by which root's relay finds "
     "the user (`llmobs_relay_sign_meet`)", [
         ("no_mark", "users.a_shared_spool")]),

    ("a relay's sign that a user makes in another one's name",
     "root takes it away (`spool_dirs_refuse`)", [
         ("left_there", "users.a_shared_spool")]),

    ("a relay that is killed before its child asks for its parent",
     "the child compares with the process that made it "
     "(`end_with_parent`)", [
         ("whoever_it_is", "users.a_child_that_loses_its_parent_at_once")]),

    ("a relay for other destinations",
     "its sign has the hashes of its own (`relay_sign_names`)", [
         ("for_anybody", "relay.with_another_destination")]),

    ("content that is to stay hidden, beside a relay",
     "the process makes the event itself (`may_hand`, `secure`)", [
         ("handed_as_it_is", "relay.content_stays_off_the_disk")]),

    ("a user who holds up root's `llmobs drain` for all others",
     "the process that delivers for a user has a time of its own "
     "(`drain_round_set_times`), and that user's further spools come "
     "after all others (`put_aside`); a file that takes no blocks takes "
     "no time (`pass_hole`)", [
         ("user_without_end", "drain stopped_by_its_user"),
         ("waits_for_the_user", "drain further_place_of_a_stopper"),
         ("purge_without_end", "purge stopped_by_its_user"),
         ("tally_without_end", "users a_stopped_reader"),
         ("hole_read", "unit sparse")]),

    ("names of files and links in a store that others may write",
     "the tool follows no link, and escapes a name before it shows it "
     "(`read_file`, `llmobs_escape_name`)", [
         ("link_followed", "cli names_are_safe"),
         ("name_as_it_is", "cli names_are_safe")]),

    ("a damaged entry of the spool, of which parts are missing",
     "the reader adds nothing to a pointer that is NULL "
     "(`llmobs_request_deployment`); clang's sanitizer would say so", [
         ("added_to_nothing", "unit nothing_is_read_of_nothing")]),

    ("files that somebody made so that root's `llmobs doctor` reads for "
     "hours",
     "all reading, opening and finding takes from one sum "
     "(`llmobs_allowance_take`)", [
         ("work_unbounded", "doctor work")]),

    ("an endpoint of OTLP that never takes a span: a port of gRPC, a web "
     "page",
     "`llmobs doctor` sends a request without a span, by the exporter's "
     "route, and looks for the first frame of HTTP/2 (`speaks_http2`, "
     "`tell_success`)", [
         ("bodiless_alone", "doctor_otlp answers"),
         ("page_takes_spans", "doctor_otlp answers"),
         ("frame_unseen", "doctor_otlp silence"),
         ("any_bytes_a_frame", "doctor_otlp silence")]),

    ("another user's process that listens first at the agent's usual place",
     "all listeners there must be root's, dd-agent's or the program's "
     "user's, before and when the connection stands "
     "(`llmobs_listener_check`, `judge_peer`)", [
         ("stranger_trusted", "delivery.auto_stranger_in_the_usual_place"),
         ("looked_at_once", "unit sends_nothing_to_strangers")]),

    ("calls that `llmobs doctor` makes, or has a command make, to look at "
     "them",
     "their spans, metrics, records and log lines stay in a folder that is "
     "removed (`trial_make_environment`)", [
         ("trial_delivered", "doctor_cost leaves_nothing")]),

    ("a device in the place of a file",
     "the tool looks by O_PATH, and opens regular files alone "
     "(`llmobs_fd_reopen`)", [
         ("device_opened", "doctor devices")]),

    ("dlclose and reload",
     "the shim forgets copies that are gone (`llmobs_copies_sweep`)", [
         ("gone_copies_stay", "preload come_and_go")]),

    ("two copies of libcurl with one soname",
     "an object that needs the soname gets the program's (`asked_for`)", [
         ("one_soname_none", "preload one_soname")]),

    ("copies of libcurl with other sonames and the same version",
     "an unbound slot that any of them may get is left alone "
     "(`copies_is_doubtful`)", [
         ("version_by_soname", "preload one_version_z"),
         ("all_copies_global", "preload one_version_local")]),

    ("a libcurl whose path is that of a descriptor, which may be another "
     "file's next",
     "its calls are left alone, and it is not pinned (`is_fleeting`)", [
         ("pinned_by_descriptor", "preload one_name",
          "preload one_name_dev")]),

    ("the first calls in a destructor that a dlclose runs",
     "the shim loads and pins nothing inside a dlclose "
     "(`llmobs_turn_load`)", [
         ("loads_in_dlclose", "preload parting_f_h", "preload parting_f_p")]),

    ("a dlclose by the address that libc has for it",
     "dlsym answers with the shim's (`observed`)", [
         ("dlclose_by_name", "preload parting_f_a", "preload parting_f_v")]),

    ("dlsym in such a destructor",
     "the shim's own look-ups do not ask the loader there: the app alone "
     "does (`may_observe`)", [
         ("asks_in_dlclose", "preload parting_s_h")]),

    ("such a destructor that waits for a thread which makes the first calls",
     "that thread goes on unobserved, after a bounded wait (`take_alone`)", [
         ("loads_beside_dlclose", "preload parting_t_h")]),

    ("the first calls while another thread is inside of a dlclose",
     "they wait for its end (`llmobs_turn_load`)", [
         ("no_wait_for_dlclose", "preload parting_w_t_seen",
          "preload parting_d_h_seen")]),

    ("a constructor that waits for a thread which makes the first calls",
     "that thread goes on unobserved, after a bounded wait (`hindered`)", [
         ("loads_beside_dlopen", "preload parting_c_h")]),

    ("fork while another thread is inside of a dlopen or dlclose",
     "the child, which may find the loader's locks taken, loads nothing, "
     "and waits for nobody (`turn_is_alone`)", [
         ("child_waits", "preload parting_dwl_k"),
         ("child_loads", "preload parting_dwl_k_seen")]),

    ("a dlclose under seccomp that kills",
     "the shim makes no system call in it (`llmobs_turn_begin`)", [
         ("dlclose_asks", "preload close_quietly")]),

    ("a look at the stack from a destructor",
     "the shim has unwind tables (`Makefile`)", [
         ("no_tables_of_shim", "preload parting_b_h")]),

    ("fork in mid-transfer, exit in the child",
     "an exchange belongs to the process in which it began "
     "(`capture_abandon`)", [
         ("child_ends_it_too", "programs.life_cases.fork_in_transfer")]),

    ("a fork between a multi's add and its transfer",
     "the copy that begins in another process draws ids of its own "
     "(`renew_ids`)", [
         ("ids_inherited", "programs.life_cases.fork_before_transfer")]),

    ("a limit of processes that the program has counted for itself",
     "below 64 (RLIMIT_NPROC) the library starts no thread "
     "(`thread_has_room`)", [
         ("takes_the_last_slot", "programs.process_cases.few_processes")]),

    ("keys of pthread_key_create, of which the program has a limited "
     "number; two copies of libc (dlmopen) that share each thread's values "
     "of them",
     "the library makes one only for a program that uses the C API "
     "(`have_key`), and knows its own threads by their addresses "
     "(`llmobs_fd_thread_begins`)", [
         ("key_for_all", "programs.process_cases.keys"),
         ("thread_stays_ours", "unit low_where_ours_was")]),

    ("a first thread that ends by itself, and a process that ends with its "
     "last one",
     "the worker looks again and again whether any other thread is left, "
     "and ends with the first one's code (`worker_thread_look`, "
     "`llmobs_thread_leave`)", [
         ("sleeps_for_ever", "exit.last_thread_beside_a_silent_agent"),
         ("code_of_ours", "exit.agent.left_by_system_call"),
         ("code_of_the_first", "programs.exit_cases.left_to_another"),
         ("leaves_the_others", "programs.exit_cases.left_to_another"),
         ("lookup_stays", "exit.last_thread_beside_a_lookup"),
         ("looks_when_idle", "exit.last_thread_beside_a_silent_agent"),
         ("descriptors_of_nobody",
          "exit.last_thread_has_the_last_descriptors"),
         ("small_stack_at_last", "exit.agent.left_by_main")]),

    ("fork beside the worker",
     "a child begins anew and touches nothing inherited (`check_fork`)", [
         ("child_goes_on", "programs.life_cases.prefork")]),

    ("a child goes on with its parent's connection of a TLS library",
     "the parent ends what it began; where it had a request under way, the child "
     "follows the connection no more (`settle_fork` of wire.c)", [
         ("answers_of_the_parent", "unit a_child_in_a_call")]),

    ("an object of a TLS library is used for another connection",
     "what was under way ends, and the first bytes decide anew "
     "(`SSL_clear`)", [
         ("cleared_goes_on", "tls.case_cleared")]),

    ("a program reads or writes no bytes over a TLS library",
     "nothing is asked: the library answers as at the end of a connection "
     "(`SSL_read_ex`); GnuTLS answers that the call was wrong (`see_failure`)", [
         ("nothing_is_an_end", "tls.case_of_nothing"),
         ("wrong_call_is_an_end", "tls.gnutls_of_nothing")]),

    ("a thread that is to be cancelled makes the call that loads the core",
     "it cannot be cancelled in the load (`llmobs_core_attach`)", [
         ("cancelled_in_the_load", "tls.case_cancelled")]),

    ("an answer whose head leaves a doubt",
     "the reader stops, and tells the status first (`stop_in_answer`)", [
         ("status_forgotten", "unit answer_in_doubt")]),

    ("a write over TLS that fails, after the peer has answered",
     "what was given counts, and the answer is still heard; but not where the "
     "handshake has not ended (`see_unsent`)", [
         ("answer_unheard", "tls.openssl_1_1"),
         ("sent_in_handshake", "tls.case_no_handshake")]),

    ("a TLS library that says what cannot be",
     "nothing is followed any more in that process, which is counted "
     "(`give_up`)", [
         ("too_much_believed", "tls.openssl_1_1")]),

    ("a library has a libssl of its own beside the program's",
     "each has thunks of its own; a slot that is not bound yet gets those of the "
     "copy that a look-up finds (`is_found_by`)", [
         ("second_copy_unseen", "tls.two_copies")]),

    ("PHP as a module, after the TLS library of another one",
     "each object whose name begins as that of PHP is looked at "
     "(`find_server`)", [
         ("module_unseen", "tls.php_module")]),

    ("a child that completes a transfer of its parent",
     "the child writes an END of its own kind to the file of the parent's "
     "START; one of the parent's goes before it "
     "(`llmobs_spool_end_parents`, `llmobs_adopt_is_open`)", [
         ("child_ends_nothing", "killed.completed_by_a_child"),
         ("childs_beside_its_own", "unit ended_by_a_child_as_well")]),

    ("fork while the worker is in the TLS library",
     "the fork waits for the worker: a lock that the child inherits "
     "stays locked (`before_fork`)", [
         ("fork_waits_little", "unit fork_waits_for_a_long_call"),
         ("ends_beside_a_fork", "unit fork_is_beside_no_end")]),

    ("a command that is to have its spans in the local store as well",
     "no relay takes them, which may have another way (`settle_record`); where "
     "`auto` chooses the store, it is there once (`export_choose_takes`)", [
         ("relay_keeps_the_run", "limit.the_store_beside_a_relay"),
         ("store_twice", "limit.the_store_once")]),

    ("a command that passes its limit",
     "a span counts once, however often the store has it (`cli/spent.c`); "
     "what the command has started ends too (`cli/run/family.c`), and what TERM "
     "does not end, KILL does; a store that is full, so that no limit holds, is "
     "told (`store_look`)", [
         ("full_store_untold", "limit.a_store_that_is_full"),
         ("span_counts_twice", "limit.a_span_that_is_there_twice"),
         ("children_go_on", "limit.a_process_that_lives"),
         ("term_is_all", "limit.one_that_ignores_term")]),

    ("a name that nobody gave",
     "one of a script stays in the process, as a gateway's own says more "
     "(`add_ours`)", [
         ("guess_travels", "origin.what_travels")]),

    ("a user who is hashed as a tag and plain beside it",
     "the parameter of the request is told as the tag is (`say_parameter`)", [
         ("user_as_parameter", "unit the_user_as_a_parameter")]),

    ("a hash that confirms a guess of a key",
     "none is made unless it is asked for (`llmobs_ours_keep_head`)", [
         ("key_unasked", "observe.keys")]),

    ("the files of a container that are another's",
     "a runtime's monitor, the sandbox of a pod and the node behind a pod are not "
     "told for it (`llmobs_container_read_mounts`, `find_pod`)", [
         ("group_of_a_monitor", "unit test_container_groups"),
         ("sandbox_as_container", "unit test_container_mounts"),
         ("node_as_pod", "origin.containers")]),

    ("a process that would be one endless run",
     "a server and a service have no run (`note_first`, `origin_is_service`); a "
     "fork belongs to its parent's, and a pid that comes again to another one "
     "(`make_run`)", [
         ("server_is_a_run", "runs.servers"),
         ("service_is_a_run", "runs.services"),
         ("subshell_is_a_run", "runs.what_a_script_starts"),
         ("pid_is_the_run", "runs.a_pid_again")]),

    ("a parent's command line with a key in it",
     "the path alone is kept, and none with the form of a key (`may_be_told`)", [
         ("key_in_a_path", "origin.no_secret_of_a_command_line"),
         ("code_as_a_path", "origin.no_code_of_a_command_line")]),

    ("exit while a thread of the library ends",
     "no thread ends beside the exit handlers of a TLS library: it stays, or "
     "the exit waits for its end (`llmobs_thread_stay`); where the exit ends its "
     "own thread, the last of the app, it goes all the same (`stay_for_good`)", [
         ("ends_beside_an_exit", "unit exit_is_beside_no_end"),
         ("exit_beside_an_end", "unit exit_is_beside_no_end"),
         ("stays_for_ever", "programs.exit_cases.left_by_handler")]),

    ("a child that an exit handler makes calls and exits",
     "it registers the library's handler anew, which its parent has run "
     "(`llmobs_worker_exits`)", [
         ("exits_once", "programs.exit_cases.fork_in_handler")]),

    ("fork while the worker waits for a name server, or is idle",
     "the fork asks it to end, and waits 5 ms for that, once "
     "(`llmobs_thread_rest`)", [
         ("fork_waits_long", "unit fork_waits_bounded"),
         ("fork_waits_again", "unit fork_waits_bounded"),
         ("fork_beside_the_idle", "programs.alone_cases.forks")]),

    ("a child that no handler of fork saw",
     "the page that knows the process is empty in it (`wiped_page`)", [
         ("page_inherited", "unit a_process_knows_itself")]),

    ("exit in a child of vfork",
     "the child ends nothing: all that could end is its parent's "
     "(`at_exit`)", [
         ("vfork_ends_it", "exit.vfork_child_exits")]),

    ("exit in a child of vfork, with musl",
     "musl's exit keeps locks that a process of one thread does not "
     "take: the worker's thread ends before (`llmobs_worker_withdraw`)", [
         ("thread_stays", "unit withdrawn_it_goes_on_without_a_thread")]),

    ("a body that outgrows the room of its block",
     "the body moves, and nothing frees the block's room by itself "
     "(`buf_move`)", [
         ("room_freed", "unit test_buf_lent")]),

    ("exit beside calls under way",
     "the library's exit handler ends them (`llmobs_capture_abandon_all`)", [
         ("exit_unseen", "programs.life_cases.exit_in_callback",
          "programs.life_cases.exit_beside")]),

    ("many threads whose first call it is",
     "one initialises libcurl, whose lock spins; the others sleep "
     "(`llmobs_global_turn`)", [
         ("all_at_once", "unit one_after_the_other")]),

    ("a disk or a spool without room for the end of a call that it has begun",
     "memory alone has the call, and counts it: what the disk has of it "
     "goes in place, behind a guard against SIGXFSZ, so that no other "
     "process tells of it as cut off (`cancel_in`)", [
         ("begun_stays", "unit end_refused", "spool.no_room_for_the_end",
          "relay.no_room_for_the_end_beside_a_relay"),
         ("not_tried_again", "unit end_refused"),
         ("struck_unguarded", "unit end_refused")]),

    ("an agent that is slower than the program",
     "items that the worker has taken count until they are encoded, and "
     "the head of an entry needs no room (`llmobs_buffer_put`)", [
         ("taken_uncounted", "unit keeps_the_order",
          "unit refuses_beyond_the_bytes"),
         ("head_needs_room", "unit refuses_beyond_the_bytes")]),

    ("kill between the disk and the counters",
     "a call counts as captured after the disk has it, and a reader "
     "takes that counter first (`take_counts`); the worker records "
     "settled calls before its next request (`tell_settled`)", [
         ("counted_first", "spool.killed_before_it_is_counted"),
         ("settled_unsaid", "evaluations.killed_between_two_requests")]),

    ("a file of the spool of which all that is known is delivered, while "
     "another thread writes to it",
     "the process removes it only with its last entry, where no thread has "
     "begun another and the relay has none (`release_file`)", [
         ("removed_beside_a_writer", "unit not_empty",
          "unit entries_together"),
         ("removes_the_relays", "unit has_the_rest_of_a_file")]),

    ("half an entry on the disk, and a stranger's bytes behind its head",
     "all marks of an entry come from a key that only the file has "
     "(`llmobs_entry_key`), so that half an entry is none", [
         ("key_known", "unit forged_answer"),
         ("time_before_time", "unit before_time"),
         ("no_key_without_getrandom", "unit key_without_getrandom"),
         ("seal_unread", "unit spliced"),
         ("marks_unsealed", "unit lost_mark"),
         ("child_of_the_same_key", "unit key_of_a_child")]),

    ("a directory that other users may write to",
     "the library writes and believes a file only if it is this user's, "
     "has one name and is regular (`lib/base/file.c`); others' files "
     "take no room", [
         ("owner_unasked", "unit files_of_others",
          "unit the_ledger_of_another_user", "unit no_file_of_another"),
         ("links_unasked", "unit no_file_of_another"),
         ("names_unasked", "unit files_of_others"),
         ("root_adds_others", "unit the_ledger_of_another_user"),
         ("room_by_anybody", "unit room_of_others"),
         ("found_for_made", "unit made_by_others")]),

    ("processes of two releases at one spool",
     "each leaves the other's files alone, and hands no call to the other's "
     "relay (`llmobs_entry_file_read`, `is_of_our_version`, `is_later`)", [
         ("any_form", "unit later_version",
          "upgrade.a_file_of_another_version_stays"),
         ("handed_to_any_version", "upgrade.a_relay_of_another_version"),
         ("links_in_turn",
          "upgrade.counters_and_links_of_a_later_version")]),

    ("close_range(3, ~0), then open",
     "the library knows its descriptors by identity, not by number "
     "(`llmobs_sockets_intact`)", [
         ("numbers_trusted", "exit.agent.close_low",
          "exit.agentless.close_low")]),

    ("close_range(3, ~0), then open, while the worker opens a file",
     "the worker knows its file by name, and its number is above those "
     "that the app gets (`llmobs_fd_open`)", [
         ("taken_for_ours", "programs.closed_in_openat"),
         ("closes_the_copied", "programs.closed_in_fcntl"),
         ("replaced_for_taken", "unit replaced_meanwhile"),
         ("low_as_the_app", "unit high_on_ours",
          "programs.closed_in_openat")]),

    ("descriptors 0, 1 and 2 closed",
     "no descriptor of the library ever takes their place "
     "(`above_standard`)", [
         ("standard_numbers_taken", "exit.agent.close_standard",
          "exit.agentless.close_standard")]),

    ("siglongjmp out of the library's write to the disk",
     "the handle's owner gets its lock back at once "
     "(`llmobs_handle_lock`), and the call ends with the next one "
     "(`llmobs_callbacks_leave_behind`)", [
         ("lock_kept", "spool.left_by_a_signal",
          "unit locks_that_were_left"),
         ("left_in", "spool.left_by_a_signal")]),

    ("few descriptors: the last ones are the program's",
     "the library opens none if too few are left for it, and keeps no "
     "connection open there (`llmobs_fd_spare`)", [
         ("takes_the_last", "quiet.few.8_hang", "quiet.few.20_close",
          "unit the_last_are_the_apps"),
         ("last_by_an_old_answer", "unit an_answer_holds_for_a_moment"),
         ("last_by_an_answer", "unit the_last_are_the_apps"),
         ("keeps_connections",
          "quiet.keeps_no_connection_where_few_are_left"),
         ("others_for_the_pair", "unit watches_the_pair_alone"),
         ("hidden_pair_is_known", "unit watches_the_pair_alone"),
         ("last_is_lost", "quiet.few.5_well")]),

    ("signals",
     "the worker blocks all (`llmobs_thread_start`)", [
         ("signals_taken", "programs.life_cases.signalled")]),

    ("SIGPIPE and SIGXFSZ of the library's own writing",
     "blocked and taken back (`lib/base/signal_guard.h`)", [
         ("loud", "failure.files_may_not_grow",
          "failure.files_may_not_grow_nor_the_log")]),

    ("longjmp out of a callback",
     "cleanup ends a call that was left without an end "
     "(`llmobs_ops_easy_cleanup`)", [
         ("jump_loses_it", "programs.easy_cases.jumped",
          "programs.process_cases.thrown")]),

    ("exceptions through the library's frames",
     "the core and the shim have unwind tables (`Makefile`)", [
         ("no_unwind_tables", "programs.process_cases.thrown")]),

    ("pthread_cancel and pthread_exit in a transfer",
     "the library holds nothing across it, and its own writing cannot be "
     "cancelled (`lib/base/signal_guard.h`); the exit ends calls that "
     "were left", [
         ("gate_held", "programs.life_cases.cancelled"),
         ("flush_cancelled", "unit a_cancelled_flush_is_finished")]),

    ("unshare, setns, and a sandbox that a thread takes on for itself",
     "the worker ends before: the slots of these functions, of prctl and "
     "of syscall are patched before the first thread begins "
     "(`shim/alone`)", [
         ("never_watched", "programs.alone_cases.namespaces"),
         ("by_name_unseen", "programs.alone_cases.namespaces"),
         ("sandbox_unseen", "programs.alone_cases.sandboxes"),
         ("started_under_it", "unit all_is_sent_before_a_filter"),
         ("no_hurry", "unit all_is_sent_before_a_filter"),
         ("vfork_rests", "exit.the_worker_goes_on_after_a_rest"),
         ("lowered_for_good", "exit.the_worker_goes_on_after_a_rest")]),

    ("a filter that kills for a call that the library makes",
     "the filter is run before it is taken on, and the library is still "
     "after it (`lib/base/filter`)", [
         ("never_asked", "delivery.under_a_filter_that_kills"),
         ("others_stay", "delivery.under_a_filter_that_kills")]),

    ("a sandbox that refuses to open files",
     "the spool's file is held open from before, and a copy of its "
     "descriptor serves where the name is refused (`core/log/held_file`)", [
         ("nothing_held", "delivery.store_from_a_sandbox"),
         ("number_believed", "delivery.store_from_a_sandbox"),
         ("late_look", "delivery.store_from_a_sandbox")]),

    ("a kill or an exec while the disk is full",
     "events that are in memory alone are sent without the wait between two "
     "sends (`llmobs_destination_due`)", [
         ("memory_waits", "spool.memory_alone_does_not_wait")]),

    ("a program that is at rest",
     "the worker ends when nothing is left to do (`thread_may_rest`)", [
         ("never_rests", "programs.alone_cases.rests")]),

    ("real-time policy, priority and processors of the thread that calls",
     "a thread of the library takes those of the first thread "
     "(`llmobs_inherited_drop`)", [
         ("policy_stays", "programs.alone_cases.inherited"),
         ("nice_stays", "programs.alone_cases.inherited"),
         ("processors_stay", "programs.alone_cases.inherited")]),

    ("unmasked floating-point exceptions, and flags that the program reads",
     "the library's threads take the default environment, and what "
     "computes on the program's thread leaves no trace "
     "(`lib/base/floats.h`)", [
         ("floats_inherited", "programs.alone_cases.float_traps"),
         ("times_unguarded", "programs.alone_cases.float_traps",
          "programs.alone_cases.float_flags")]),

    ("unshare and setns: one thread only",
     "`LLMOBS_THREAD=off` starts no thread (`start_thread`)", [
         ("thread_all_the_same", "hazards.a_process_of_one_thread")]),

    ("seccomp without mmap and clone",
     "the library then starts no thread, and delivers at exit "
     "(`start_thread`)", [
         ("thread_believed", "programs.process_cases.sandboxed")]),

    ("seccomp that answers rseq with an error, once glibc has registered",
     "a new thread would end the process: none is started "
     "(`may_register`)", [
         ("thread_unregistered",
          "programs.process_cases.filtered_forbidden")]),

    ("seccomp that kills for a system call that libcurl never makes",
     "in a program that calls no model the library makes no system call, "
     "nor at its end (`llmobs_worker_end_quietly`)", [
         ("never_quiet", "programs.quiet_cases.confined_exit",
          "quiet.exactly.fetch_easy"),
         ("asks_its_thread", "programs.quiet_cases.confined"),
         ("wakes_nobody", "quiet.exactly.fetch_cleaned"),
         ("child_begins_anew", "quiet.exactly.forked_after_a_call")]),

    ("the first call of all in an exit handler that runs after the library's",
     "that call does the work of the exit (`end_late`)", [
         ("late_forgotten", "programs.quiet_cases.called_at_exit")]),

    ("read-only root, full disk",
     "the log says so once, whole lines stay, and nothing else happens "
     "(`write_group`)", [
         ("failure_unsaid", "hazards.file_system_that_is_full"),
         ("line_without_end",
          "unit a_short_write_leaves_no_line_without_end")]),

    ("a full store with names that the library does not write, that other "
     "users wrote, or that cannot be removed",
     "a rotation asks for each old file once, and takes exact names of "
     "this user alone (`export_store_trim`, `llmobs_store_stamp`)", [
         ("counts_strangers",
          "unit strange_names_are_neither_taken_nor_waited_for"),
         ("no_last_number", "unit numbers_end")]),

    ("a recording with links to files of the user who serves it",
     "no component of its files is a link (`llmobs_file_read_in`)", [
         ("follows_links", "record.links_in_cassettes")]),

    ("hundreds of connections to the mock that never send a whole request",
     "a new one takes the place of the one that waits for the longest "
     "(`serve_oldest`)", [
         ("no_room_for_new_ones", "record.hostile_requests")]),

    ("escapes in a store's line, an argument or a variable, and a terminal",
     "JSON has controls as \\u001b, a message as \\xHH "
     "(`llmobs_json_out_add`, `llmobs_tell`)", [
         ("json_as_stored", "terminal spans"),
         ("message_as_given", "terminal messages")]),

    ("a trace of 100,000 levels, or with as many hidden spans between two",
     "no row climbs above the levels that are drawn, and a climb past "
     "hidden rows shortens the next ones (`llmobs_branches_add`, "
     "`pass_hidden`)", [
         ("climbs_to_the_top", "screens levels"),
         ("hidden_climbed_again", "screens levels")]),

    ("a directory of statistics whose records cannot be removed",
     "none of them is added to the totals, as it would be again and "
     "again (`can_fold`)", [
         ("added_again", "unit records_that_stay_are_not_added")]),

    ("files of the spool that can neither be removed nor emptied",
     "their calls stay, as each walk would deliver them again (`can_go`)", [
         ("delivered_again", "drain unchangeable")]),

    ("more events in one batch than a system call takes",
     "the store writes 500 at once (`take_group`)", [
         ("batch_at_once",
          "unit more_events_than_the_kernel_takes_at_once")]),

    ("no HOME, or somebody else's",
     "the store is in a directory of the user's own below /var/tmp "
     "(`llmobs_config_store_dir`)", [
         ("any_home", "unit the_store_of_others")]),

    ("a receiver of OTLP that says when, that it is elsewhere, or that it "
     "is too much",
     "the pause holds, at the exit too; no redirect is followed, and a "
     "mistake of configuration loses nothing; a refused batch is halved "
     "(`llmobs_otlp_judge`, `llmobs_post_send`)", [
         ("retry_after_ignored", "otlp_faults.retry_after_is_obeyed"),
         ("pause_ends_at_exit", "otlp_faults.retry_after_is_obeyed"),
         ("interim_is_an_answer", "otlp_faults.again_interim"),
         ("another_protocol_awaited", "otlp_faults.again_101"),
         ("redirect_followed", "otlp_faults.denied_307"),
         ("denied_is_refused", "otlp_faults.denied_401"),
         ("batch_not_halved", "otlp_faults.too_big_or_too_many")]),

    ("a receiver of OTLP that accepts a request, and throws spans away",
     "they are not sent again, and are counted (`llmobs_otlp_accepted`)", [
         ("partial_retried", "otlp_faults.partial_json"),
         ("rejected_uncounted", "otlp_faults.partial_protobuf")]),

    ("several destinations of which one is dead, and OTLP beside Datadog",
     "each has its own progress, on the disk too; an app's own telemetry "
     "settings take no destination away; evaluations stay on this host "
     "(`destination_note_delivered_to`, `wants_otlp`, `keep_evaluations`)", [
         ("progress_forgotten", "otlp_exporter.own_progress_over_a_kill"),
         ("adopted_for_another",
          "otlp_faults.other_endpoints_are_other_destinations"),
         ("logs_of_another", "unit owner_otlp"),
         ("content_of_another", "unit owner_otlp"),
         ("grpc_taken_for_http", "unit choose"),
         ("unsampled_sent", "otlp_exporter.sampled_out"),
         ("evaluations_nowhere", "otlp_exporter.evaluations_are_kept")]),

    ("headers and certificates of OTLP's endpoint",
     "they reach the receiver, and no log (`llmobs_post_add_headers`, "
     "`set_tls`)", [
         ("header_logged", "otlp_exporter.headers_are_secrets"),
         ("client_key_unsent",
          "otlp_exporter.private_ca_and_client_certificate")]),

    ("an OTLP endpoint that no request can go to",
     "its signal is off: spans and keys go to no place that the user did "
     "not name (`read_endpoint`)", [
         ("endpoint_replaced", "unit endpoints_as_specified"),
         ("any_port", "unit endpoints_as_specified"),
         ("switch_blamed", "otlp_exporter.a_bad_url_is_told_once")]),

    ("control characters and bad bytes behind percent signs",
     "what a header or a resource gets is checked after its decoding "
     "(`llmobs_otel_list_decode`)", [
         ("decoded_unchecked", "unit headers_are_decoded_and_secret",
          "unit a_wrong_resource_goes_as_a_whole"),
         ("decoded_controls", "unit a_wrong_resource_goes_as_a_whole")]),

    ("a rate limit whose type is `tokens`, and other errors that a code "
     "tells",
     "the type of an error is the provider's code if that is a word "
     "(`code_text`), and the HTTP status stands beside it "
     "(`llmobs_cells_error`)", [
         ("type_first", "failure.http_errors")]),

    ("answers whose values are huge: a model of 5 MB, 100,000 tool calls",
     "each value has its limit (`core/event/limits.c`), and an event "
     "that is still too big goes with short texts (`CUT_TEXTS`)", [
         ("no_limits", "limits.whole_answers"),
         ("half_characters", "unit each_text_at_its_edge"),
         ("no_last_cut", "unit then_its_metadata_and_then_its_texts")]),

    ("a configuration file that hides texts, and cannot be read whole",
     "content is off (`settle_unread`), also where a line about it is "
     "wrong (`may_close`)", [
         ("unread_opens", "unit configuration_file"),
         ("wrong_line_opens", "unit configuration_file"),
         ("mark_of_utf8", "unit configuration_file"),
         ("tags_past_patterns", "unit configuration_file")]),

    ("texts by OTLP for which nobody asked",
     "they go only where a variable asks for them, and never against "
     "`LLMOBS_CONTENT=off` (`config_otlp_load_settle_content`); the log "
     "says once that they stay (`otlp_exporter_tell_content`)", [
         ("left_out_untold", "drain to_otlp"),
         ("content_unasked", "unit content_is_asked_for"),
         ("off_loses", "unit content_is_asked_for")]),

    ("bytes for which a receiver of OTLP refuses the whole request",
     "bad UTF-8 and NUL become U+FFFD in every text and key, and a "
     "number that is not finite is not written (`llmobs_letters_add`, "
     "`try_text`)", [
         ("bad_bytes_sent", "unit test_otlp_texts", "unit test_otlp_keys"),
         ("bad_bytes_quoted", "unit test_otlp_texts"),
         ("quoted_once_for_twice", "unit test_otlp_texts",
          "unit test_otlp_values"),
         ("not_a_number_sent", "unit test_otlp_attributes"),
         ("bad_id_sent", "unit test_otlp_groups",
          "unit test_otlp_nothing_to_send")]),

    ("a request of OTLP beyond a limit",
     "the writer counts levels, attributes, the bytes of a text and "
     "those of the buffer, and takes back what it began (`descend`, "
     "`writer_take`, `writer_cut`, `llmobs_otlp_end`)", [
         ("levels_unbounded", "unit test_otlp_levels"),
         ("attributes_unbounded", "unit test_otlp_attribute_limit"),
         ("half_a_letter", "unit test_otlp_value_limit"),
         ("half_a_request", "unit test_otlp_full", "unit test_otlp_levels")]),

    ("spans of several processes in one request of OTLP",
     "each process has its resource, and the user's attributes win "
     "there, but not over the library's name "
     "(`llmobs_otlp_origin_equal`, `resource_put`)", [
         ("one_resource_for_all", "unit test_otlp_groups"),
         ("tags_win", "unit test_otlp_resources"),
         ("another_library", "unit test_otlp_resources")]),

    ("a hostile answer of a receiver of OTLP",
     "it is read by bounds; its number is never negative, its words are "
     "one line of UTF-8 without secrets (`export_answer_take_bytes`, "
     "`set_rejected`, `export_answer_set_words`)", [
         ("length_believed", "unit test_otlp_answers"),
         ("negative_rejected", "unit test_otlp_answers"),
         ("words_of_many_lines", "unit test_otlp_answers",
          "unit test_otlp_refusals"),
         ("words_unmasked", "unit test_otlp_answers",
          "unit test_otlp_refusals"),
         ("words_cut_anywhere", "unit test_otlp_long_words")]),

    ("a value that no answer gave, in a span of OTLP",
     "an attribute is written of a value that is there and has its type; "
     "an absent count is no 0 (`find_rows`)", [
         ("absent_is_zero", "unit an_event_without_facts_says_what_it_can"),
         ("total_sent", "unit a_call_has_the_names_of_its_form")]),

    ("texts in a span of OTLP that goes without content",
     "metadata keeps what it keeps where content is off, and an error "
     "its word alone (`put_metadata`, `put_status`)", [
         ("metadata_says_all", "unit a_span_without_content_has_no_text"),
         ("status_says_all", "unit a_span_without_content_has_no_text",
          "unit a_failed_call_says_why"),
         ("content_unchecked", "unit a_span_without_content_has_no_text")]),

    ("a call through a listed gateway, in OTLP",
     "its span has no operation, for the gateway's own span counts it "
     "(`source_is_proxied`)", [
         ("gateway_counts", "unit each_kind_has_the_names_of_its_form")]),

    ("a tag of Datadog's that says what an attribute of OTLP says",
     "the attribute alone is sent, where there is one (`is_status`)", [
         ("status_said_twice", "unit a_status_is_said_once")]),

    ("a request that names no model",
     "the request's model in OTLP is the fact alone, never the model "
     "that answered nor a word for none (`requested_model`)", [
         ("answer_was_asked_for",
          "unit a_request_without_a_model_has_none"),
         ("word_for_no_model", "unit a_request_without_a_model_has_none")]),

    ("a sentence where receivers count types of errors",
     "`error.type` is a word, else `_OTHER` (`llmobs_otlp_source_error`)", [
         ("sentence_counted", "unit an_error_type_is_a_word")]),

    ("a limit of the length of texts, on a document of JSON",
     "the texts inside are cut, each at a character, and bytes of a "
     "picture are left out whole (`llmobs_document_text`, `put_blob`)", [
         ("half_a_character", "unit a_limit_cuts_between_characters"),
         ("half_a_picture", "unit a_limit_cuts_the_texts_inside")]),

    ("metrics of a process that lives for one call",
     "a process sends its sums for the first time after an interval, and "
     "at its end only where it has done so before (`note_owed`)", [
         ("every_end_sends_metrics",
          "otlp_metrics.a_short_process_sends_none"),
         ("no_end_sends_metrics",
          "otlp_metrics.the_last_ones_come_at_exit")]),

    ("a call that the metrics count twice, or that is another process's",
     "the meter sees a span when its event is made; an event that comes "
     "back from the disk says that it has been seen (`LLMOBS_MEASURED`), "
     "and adopted ones are not shown", [
         ("measured_at_each_reading",
          "otlp_metrics.a_span_that_waits_is_counted_once"),
         ("adopted_are_measured",
          "otlp_metrics.spans_of_others_are_not_counted"),
         ("child_has_its_parents_sums",
          "otlp_metrics.children_count_their_own")]),

    ("a receiver of metrics that is away",
     "a delta that was not accepted is in the next one, and one that was "
     "accepted in none", [
         ("delta_said_again", "unit a_delta_says_each_value_once",
          "otlp_metrics.deltas"),
         ("delta_forgotten", "unit a_delta_says_each_value_once",
          "otlp_metrics.an_outage_loses_and_doubles_nothing")]),

    ("an evaluation whose span has another trace in OTLP",
     "the process remembers the trace that traceparent carries "
     "(`llmobs_exported_note`), and the log record names it", [
         ("exported_trace_forgotten", "otlp_logs.of_a_program"),
         ("log_of_the_other_trace", "unit the_trace_of_an_evaluation",
          "otlp_logs.around_a_script")]),

    ("texts in logs for which nobody asked",
     "reasons, values of JSON and messages of errors are content "
     "(`event_content`)", [
         ("reason_unasked", "unit content_of_an_evaluation",
          "otlp_logs.content_is_asked_for"),
         ("error_text_unasked", "unit a_failure",
          "otlp_logs.a_failed_call")]),

    ("an evaluation that OTLP cannot say",
     "is counted as dropped (`LLMOBS_OUTCOME_UNSAID`), whoever else has "
     "it", [
         ("unsaid_uncounted", "otlp_logs.by_a_tag_it_cannot_be_said")]),

    ("calls with nothing to log, and a receiver of logs that is away",
     "they are done with at once: they wait for no receiver", [
         ("all_calls_wait_for_logs",
          "otlp_logs.a_call_that_went_well_is_no_record")]),

    ("messages in an event as texts",
     "documents of a span are structures there (`logs_is_document`)", [
         ("documents_stay_texts", "unit details",
          "otlp_logs.details_of_a_call")]),

    ("a peer that names another model in each answer",
     "a metric has a bounded number of series; the values of further "
     "ones are together in one", [
         ("series_without_end", "unit a_bounded_number_of_series")]),

    ("a count of tokens that did not come",
     "is no value of a histogram", [
         ("unknown_is_zero", "unit unknown_is_no_value")]),

    ("OpenTelemetry's propagators beside Datadog's styles",
     "they count only where no style is set (`settle_styles`)", [
         ("propagators_win", "unit styles_as_documented")]),

    ("a sampler of OpenTelemetry, below Datadog or alone",
     "it decides once for a trace; trace headers say so only where "
     "Datadog has no part (`carrier_decide`)", [
         ("sampled_anyway",
          "unit a_dropped_root_tells_nobody_that_it_is_sampled"),
         ("datadog_unsampled", "unit the_sampler_decides_once_for_a_trace"),
         ("caller_unheard", "unit the_sampler_decides_once_for_a_trace"),
         ("ratio_of_another_id",
          "unit a_ratio_is_of_the_trace_that_the_spans_have")]),

    ("cleared environment",
     "the shim's constructor copies it (`copy_env`)", [
         ("environment_lost", "variables.workers_with_a_cleared_environment",
          "preload linked_cleared")]),

    ("an environment larger than the copy of it",
     "the library's own variables, which keep texts back, are copied "
     "first (`copy_env`)", [
         ("own_variables_crowded_out",
          "variables.a_crowded_environment_keeps_texts_back")]),

    ("setuid",
     "the shim does nothing (`llmobs_host_init`)", [
         ("secure_ignored", "preload secure_inert")]),

    ("chroot",
     "the shim loads the core at curl_global_init, before the chroot "
     "(`thunk_set.h`)", [
         ("loaded_later", "variables.workers_in_a_chroot",
          "fpm.pool_in_a_chroot")]),

    ("a program that is to be left alone",
     "`LLMOBS_EXCLUDE` names it, by the name that was asked for or the "
     "file that runs, in the environment or else the file "
     "(`shim_host_is_listed`)", [
         ("one_name", "preload excluded_behind_a_link"),
         ("loader_is_the_program", "preload excluded_by_loader"),
         ("asked_name_unseen", "preload excluded_script"),
         ("file_excludes_nothing", "preload excluded_by_file")]),

    ("another object's dlopen before the shim's",
     "the loader then binds unbound slots to that one (`search_all`)", [
         ("dlopen_bypassed", "preload dlopen_interposed")]),

    ("core missing or broken",
     "the shim gives it up for good, and leaves the app's dlerror as it "
     "was (`open_core`)", [
         ("dlerror_left", "preload core_missing_same")]),

    ("a container's first process: orphans become its children",
     "it waits for all of them (`ended`)", [
         ("orphans_left", "container orphans_are_reaped")]),

    ("a container's first process: the kernel drops signals that it does "
     "not take",
     "it takes all signals and passes them on (`block_signals`)", [
         ("faults_dropped", "container INT_HUP_QUIT_USR1_ABRT")]),

    ("core of another version",
     "the shim asks for its number (`attach`), and the core gives it "
     "(`llmobs_core_attach`)", [
         ("any_version", "preload core_other_number"),
         ("refused_unsaid", "upgrade.the_first_call_comes_after_the_upgrade")]),

    ("a URL that a user of the program chose, in the form of a command",
     "the library takes it only if the program's owner allows it, and "
     "never by a URL alone (`llmobs_command_run`, `has_type`)", [
         ("commands_always", "commands.off_by_default"),
         ("command_by_url", "commands.only_what_the_program_says_itself")]),

    ("a request that leaves its trace to the next one",
     "the next request ends the spans that it left open, and drops its "
     "headers (`start_request`, `finish_request`)", [
         ("spans_stay_open",
          "commands.what_a_request_leaves_open_ends_with_it"),
         ("caller_stays", "gateways.ruby_threads")]),

    ("headers with ml_app and session to public hosts of no known provider",
     "only gateways and hosts of a private network get them "
     "(`llmobs_network_private_host`)", [
         ("public_told", "unit hosts_that_get_headers"),
         ("elsewhere_told", "headers.public_hosts_of_no_known_provider"),
         ("elsewhere_unsaid",
          "headers.private_names_with_addresses_of_the_programs")]),

    ("a client of a public service that says whose its spans are, or drops "
     "them",
     "from strangers the library takes ids alone "
     "(`llmobs_carrier_is_trusted`), and sends nothing of theirs on", [
         ("strangers_trusted", "inbound.of_strangers_ids_alone",
          "gateways.strangers_of_php"),
         ("forwarded_unread", "unit proxies"),
         ("few_proxies", "inbound.behind_proxies_of_all_kinds"),
         ("baggage_of_strangers", "inbound.nothing_of_a_stranger_goes_on"),
         ("sent_on_as_known", "inbound.a_stranger_that_is_sent_on")]),

    ("a server library whose own calls call each other",
     "the slots of the library itself stay: one request is not begun "
     "twice (`llmobs_libs_target`)", [
         ("library_patched", "servers.fcgi_by_its_other_calls")]),

    ("an object that defines some of a server library's calls",
     "it is not taken for the library, whose other calls it lacks "
     "(`llmobs_libs_add`)", [
         ("part_for_all", "servers.a_library_in_part")]),

    ("a span from before a request that ends within it",
     "the request's own spans stay below each other (`lower_floors`)", [
         ("floor_stays", "unit a_request_keeps_its_own_spans")]),

    ("a thread that accepts FastCGI requests for others, or several at once",
     "it gets the context of none from then on (`serving_is_certain`)", [
         ("each_accept_counts", "servers.fcgi_handed_to_others")]),

    ("a handler that is left by an exception or a jump, past the library",
     "its request ends with its frame: a word there no longer holds its "
     "own address, or lies below the stack pointer "
     "(`llmobs_thread_state_gone`)", [
         ("frame_believed", "servers.http_left_by_its_handler")]),

    ("a handler that serves other requests within its own",
     "each request hides the one around it, also one without a caller "
     "(`llmobs_serving_begin`)", [
         ("inner_unmarked", "servers.http_within_http")]),

    ("a library that calls a handler several times for one request, or "
     "several handlers",
     "its span begins when it asks for something, and only then "
     "(`llmobs_serving_settle`)", [
         ("entry_at_once", "shop.entries_of_all")]),

    ("a client that sends more headers than are kept, to hide the one that "
     "shows it a stranger",
     "such a request has no caller (`llmobs_server_begin`)", [
         ("some_headers_do", "servers.http_of_strangers")]),

    ("calls after a request's end, before the thread's next one",
     "the finish of a request ends its context (`FCGX_Finish_r`)", [
         ("finish_unseen", "servers.fcgi_after_a_request")]),

    ("a program that a request in Perl starts, and one that it does not "
     "start",
     "the core has the hook set the environment as Perl forks, and not "
     "before (`llmobs_perl_before_fork`)", [
         ("forks_untold", "hooks.psgi"),
         ("perl_unread", "hooks.psgi")]),

    ("requests of lua-http that take turns in one thread",
     "the library is told the request of the coroutine just before its "
     "transfer (`tell` in `hook.lua`)", [
         ("lua_last_request", "hooks.lua_http_at_once"),
         ("lua_transfers_untold", "hooks.lua_http")]),

    ("mod_perl, whose requests no wrapper of the hook's sees",
     "the hook gives the library the request that %ENV has (`request` in "
     "`hook.pl`)", [
         ("mod_perl_unread", "hooks.mod_perl")]),

    ("a context that a PHP worker's process has, beside that of its request",
     "PHP's own table gives the request's headers, and a context among "
     "them replaces the process's (`inbound_read_request`)", [
         ("php_unread", "hooks.php_fpm"),
         ("process_beside_request",
          "hooks.php_beside_a_context_of_its_own"),
         ("address_is_a_context", "hooks.php_beside_a_context_of_its_own")]),

    ("a span around a request in PHP, whose end no call of the page tells",
     "the library stands in PHP's table where PHP ends a request, and "
     "calls what stood there (`llmobs_php_request_at_end`)", [
         ("request_without_end", "hooks.php_with_entry"),
         ("each_transfer_an_entry", "hooks.php_two_calls_in_one_entry")]),

    ("a library's own thread that makes a call beside a page of PHP",
     "PHP is asked for its line only in the thread that runs it "
     "(`runs_php`)", [
         ("page_of_any_thread", "lines.php_other_threads")]),

    ("a Python whose frames have another form than the table's",
     "each object must have the type that its place asks for "
     "(`python_is`)", [
         ("any_type", "unit past_what_is_no_python")]),

    ("a program with two interpreters of Python, of which nobody knows which "
     "one calls",
     "no frame is read there (`runs_python`)", [
         ("any_interpreter", "unit of_no_python_that_is_known")]),

    ("a thread of Ruby that has dropped the GVL, beside one that compacts the "
     "heap",
     "frames are read with the GVL alone, and the transfer has those that were "
     "noted as it was set up (`llmobs_ruby_frames_take`)", [
         ("frames_beside_compaction", "unit of_a_ruby_without_gvl")]),

    ("a Perl whose frames have another form than the library knows",
     "a statement is known by the function that runs it (`perl_walk`)", [
         ("any_statement", "unit past_what_is_no_statement")]),

    ("a call as the process exits, when Perl has freed its interpreter",
     "Perl is not asked once it has freed what it frees as the last "
     "(`llmobs_perl_of_thread`)", [
         ("perl_freed", "unit of_a_perl_that_has_ended")]),

    ("a PHP whose frames have another form than the table's",
     "the kernel reads each pointer before the library does, and the walk "
     "must find the file that PHP's own function gives "
     "(`llmobs_probe_sees`, `php_visit`)", [
         ("interpreter_unprobed", "unit past_what_nobody_may_read"),
         ("offsets_unchecked", "unit by_wrong_offsets")]),

    ("a page of `php -S` that has used up the memory it may have",
     "PHP has memory of the library's while it tells the request's "
     "headers, and the page's is as before (`llmobs_php_server_read`)", [
         ("page_pays", "hooks.php_built_in_at_its_memory_limit")]),

    ("a page of `php -S`, and its filter, that look at $_SERVER",
     "PHP asks the library's filter, which passes nothing, and the "
     "site's own is back afterwards (`llmobs_php_server_read`)", [
         ("filter_stays", "hooks.php_built_in_tells_the_same")]),

    ("a PHP of 8.2 or later, which keeps names that it is asked for",
     "the library makes them, and ends them with its array (`new_name`)", [
         ("names_kept", "unit of_both_forms",
          "hooks.php_built_in_tells_the_same"),
         ("address_unread", "unit of_both_forms", "hooks.php_built_in")]),

    ("a client of `php -S` that hides, by a second header, the one that "
     "shows it a stranger",
     "with two headers of one name in CGI the request has no caller "
     "(`php_server_keep`)", [
         ("last_header_counts", "hooks.php_built_in_in_doubt")]),

    ("requests of an event loop, which take turns on a thread",
     "each has its entry by a key; the thread is told of it before each "
     "transfer, and leaves it without ending it (`enter_shared`, "
     "`unwind`, `Turn` in hook.py)", [
         ("turn_ends_the_last", "unit requests_that_take_turns",
          "hooks.asgi_at_once"),
         ("turn_untold", "hooks.asgi_at_once"),
         ("entry_of_the_thread", "hooks.asgi_at_once"),
         ("turns_without_limit", "unit more_requests_than_are_kept")]),

    ("a request of an event loop that is cancelled, or ends in the middle "
     "of its answer",
     "its entry ends with the application's call, and says how "
     "(`take_turn`, `Turn.sent` in hook.py)", [
         ("cancelled_unended", "hooks.asgi_requests_that_fail"),
         ("half_is_whole", "hooks.asgi_requests_that_fail")]),

    ("a task that works on after its request has ended",
     "its calls are below the caller: only the request's begin begins an "
     "entry (`Turn` in hook.py)", [
         ("begins_again", "hooks.asgi_after_the_answer")]),

    ("a request in Python whose headers cannot be told",
     "its thread leaves the request that it served before (`start` in "
     "hook.py)", [
         ("untold_is_the_last", "hooks.failures_are_counted")]),

    ("a PHP whose table has another form",
     "its function is called only of SAPIs that are known to have it "
     "(`php_request_is_known`)", [
         ("apache_unknown", "hooks.php_fastcgi_and_apache"),
         ("fastcgi_unknown", "hooks.php_fastcgi_and_apache")]),

    ("libcurl's own threads in a program that has none",
     "of the threads, as many as there are transfers in multis do not "
     "count (`is_alone`)", [
         ("lookups_counted", "inbound.names_are_looked_up_in_threads")]),

    ("`llmobs ps --stack` stops a thread that waits",
     "a system call that a stop would end begins again (`mend`), and the "
     "end of the child that stopped the thread lets it go (`run_child`)", [
         ("waits_end_early", "ps.no_wait_ends_early")]),

    ("a spool that says that another process makes a call",
     "`llmobs ps` looks only at processes of the spool's user, and "
     "believes the process alone (`llmobs_ps_target_look`)", [
         ("anybodys_process", "ps.of_other_users"),
         ("as_the_spool_says", "ps.entries_that_outlive_their_call")]),

    ("a span of the API that has ended, or never was",
     "a number has a generation, and the next span in its place has "
     "another (`span_table_is_open`)", [
         ("any_generation", "unit a_number_is_never_another_spans")]),

    ("a fork while another thread works on a span of the API",
     "its lock names the process; a child does not wait for it "
     "(`span_table_hold`)", [
         ("waits_for_the_dead", "unit a_child_waits_for_nobody")]),

    ("a fork within a span of the API",
     "only the process that started the span submits it "
     "(`llmobs_own_span_finish`)", [
         ("child_submits", "unit a_child_continues_and_does_not_submit",
          "programs.api_cases.forked")]),

    ("two users of one program, or of one key, who say the same",
     "a link counts for one host, one credential and one end user, and "
     "what two calls have left leads to neither (`core/event/linker.c`)", [
         ("any_key", "links.no_link_between_strangers"),
         ("any_of_two", "links.no_link_between_strangers",
          "unit equal_beginnings_are_nobodys"),
         ("any_id", "unit ids_without_chance"),
         ("older_turns_tools", "unit ids_that_are_counts"),
         ("any_user", "unit no_link_is_wrong_and_none_is_missing"),
         ("any_host_of_a_key", "unit no_link_is_wrong_and_none_is_missing"),
         ("any_family", "unit no_link_is_wrong_and_none_is_missing"),
         ("another_tools_name",
          "unit no_link_is_wrong_and_none_is_missing")]),

    ("calls that overlap, and answers of hours ago, with the history of a "
     "request or the id of its tool's call",
     "a link leads to a call that had ended before, within an hour "
     "(`llmobs_linking_find` in `core/event/linker.c`)", [
         ("old_answers", "unit no_link_is_wrong_and_none_is_missing"),
         ("not_ended_yet", "unit no_link_is_wrong_and_none_is_missing")]),

    ("a tool that is inferred, and has a span of its own, or whose result "
     "comes with several requests",
     "the first request that brings the result decides, and leaves a "
     "record of it (`core/event/link_inferred`)", [
         ("inferred_beside_its_own",
          "unit a_tool_with_a_span_is_not_inferred"),
         ("inferred_again", "unit a_tool_is_inferred_once")]),

    ("a tool's span that has the name and arguments of calls in two answers",
     "a link counts for one trace, and for one answer whose result no "
     "request has brought (`core/event/link_runs`)", [
         ("any_trace", "unit near_misses_of_runs"),
         ("any_run", "unit near_misses_of_runs"),
         ("past_its_tool", "unit a_result_links_to_the_tool"),
         ("any_of_two_runs", "unit a_result_links_to_the_tool"),
         ("answered_run", "unit a_tool_links_to_who_called_it")]),

    ("a job that goes on behind its call, whose tokens each call that asks "
     "for it finds",
     "the first one that finds the job at its end claims them, under a "
     "lock of its record that is not waited for (`core/event/link_jobs`)", [
         ("counted_again", "unit the_first_that_finds_the_end_counts",
          "jobs.polls_of_one_process"),
         ("told_again", "unit a_run_that_calls_a_tool"),
         ("anybodys_job", "unit what_nobody_began_is_not_counted"),
         ("last_weeks_job", "unit a_job_of_yesterday"),
         ("poll_in_no_sum", "cost bills")]),

    ("a program that sets at its own span the sum of what its calls have "
     "used",
     "only what the library has read from a request counts beside calls, "
     "and a workflow never (`is_billed` in `cli/query/row.c`)", [
         ("sums_of_sums", "cost bills"),
         ("workflows_are_billed", "cost bills")]),

    ("a server of MCP that lets go of a stream, to have its answer fetched",
     "a stream whose events have ids is no failure where libcurl saw its "
     "end (`goes_on_elsewhere` in `rules/tables/mcp.c`); the GET that "
     "brings the answer is a call, and no other GET is (`read_resumed`)", [
         ("fetched_later_fails", "unit cases_read_as_expected",
          "mcp_versions.in_c"),
         ("cut_is_fetched", "unit cases_read_as_expected"),
         ("answer_unfetched", "mcp_resume.a_stream_that_is_polled",
          "mcp_versions.in_c"),
         ("each_listener_reads", "mcp_resume.no_calls"),
         ("every_get_is_told", "mcp_resume.a_stream_that_is_polled",
          "unit cases_read_as_expected"),
         ("in_any_session", "mcp_resume.answers_to_others",
          "mcp_tasks.a_task_of_another")]),

    ("a first call of a process that only its header shows, with credentials",
     "the boot's key is known before they are sealed "
     "(`llmobs_worker_find_key`)", [
         ("sealed_too_soon", "links.calls_that_their_header_shows")]),

    ("a file of links that is damaged, cut, a stranger's, or beyond the "
     "program's limit of file sizes",
     "each record has a seal, no lock is waited for, and nothing is "
     "mapped (`core/event/link_file`)", [
         ("unsealed", "unit damaged_files"),
         ("beyond_the_limit", "unit limits_of_file_sizes")]),

    ("a connection that is no client's of HTTP, under a hook that all TLS "
     "connections go by",
     "the reader of HTTP/1.1 stops for good where the peer speaks first, and "
     "where the first line does not end as a request's does "
     "(`llmobs_http1_received`, `llmobs_http1_head_request`)", [
         ("server_speaks_first", "unit http1_foreign"),
         ("ehlo_is_http", "unit http1_foreign")]),

    ("keys in the head of a request that came in pieces",
     "each copy of it is wiped before it is freed (`drop_head`)", [
         ("key_in_freed_memory", "unit http1_wiped",
          "tls.case_forgets_keys")]),

    ("an answer that comes before its request is sent: 413, 429, a refused "
     "`Expect`",
     "it is that request's, whose body may go on, or be left out "
     "(`note_early`)", [
         ("answer_never_early", "unit http1_early")]),

    ("answers without the body whose length they give: of HEAD, 204, 304",
     "the next answer begins behind the head (`take_answer`)", [
         ("body_after_head", "unit http1_bodiless")]),

    ("a write that takes no bytes and is tried again, beside the answer",
     "the bytes count at the first attempt, and as many are passed over at "
     "the next ones (`pass_over`)", [
         ("sent_at_each_attempt", "unit connections_that_wait_to_send",
          "unit connections_show_each_byte_once")]),

    ("an object of a TLS connection whose address the next connection has",
     "its word is free once the object is freed (`llmobs_connections_forget`)",
     [
         ("address_used_again", "unit connections_at_one_address",
          "unit connections_in_great_number")]),

    ("an object of a TLS connection that the library frees inside",
     "a callback of its table of data of others, for which each thread asks "
     "that finds that nobody has (`ends_are_known`)", [
         ("ends_unheard", "tls.case_freed_inside")]),

    ("one thread sends while another receives, by GnuTLS",
     "what is sent is shown before the real call; where both are at work at "
     "once, nobody waits, and the reader stops (`enter` of wire.c)", [
         ("answer_overtakes", "tls.gnutls_both_ways"),
         ("two_at_work", "unit two_threads")]),

    ("a session of GnuTLS that is freed",
     "its connection ends before that (`gnutls_deinit`)", [
         ("session_outlives_itself", "tls.gnutls_one_address")]),

    ("the first bytes of a TLS connection, which may be a part of a key",
     "they are wiped once they have told (`llmobs_connections_wipe`)", [
         ("first_bytes_stay", "unit connections_keep_no_bytes")]),

    ("the size of a chunk beyond all numbers",
     "the reader of HTTP/1.1 stops (`add_digit`)", [
         ("chunk_size_wraps", "unit http1_chunks")]),
]

EDITS = {
    "added_to_nothing": [
        ("Makefile",
         None,
         "$(B)/rules/read/request.o: CC = clang -fsanitize=pointer-overflow "
         "-fsanitize-trap=all")],
    "no_tables_of_shim": [
        ("Makefile",
         None,
         "$(B)/shim/dl.o: SHIM_CFLAGS += -fno-asynchronous-unwind-tables "
         "-fno-unwind-tables")],
    "no_unwind_tables": [
        ("Makefile",
         None,
         "$(B)/core/capture/easy.o: CFLAGS_ALL += "
         "-fno-asynchronous-unwind-tables -fno-unwind-tables")],
    "lua_last_request": [
        ("examples/inbound/hook.lua",
         "local request = current[coroutine.running() or main]",
         "local request = current[main]"),
        ("examples/inbound/hook.lua",
         "    current[coroutine.running() or main] = {",
         "    current[main] = {")],
    "lua_transfers_untold": [
        ("examples/inbound/hook.lua",
         "if not pcall(tell) then",
         "if false then")],
    "mod_perl_unread": [
        ("examples/inbound/hook.pl",
         "$served || ($ENV{MOD_PERL} ? \\%ENV : undef);",
         "$served;")],
    "turn_untold": [
        ("examples/inbound/hook.py",
         '    if getattr(thread, "told", None) is request:',
         '    if getattr(thread, "told", None) and request:')],
    "entry_of_the_thread": [
        ("examples/inbound/hook.py",
         '        more["request"] = request.number\n',
         "        pass\n")],
    "cancelled_unended": [
        ("examples/inbound/hook.py",
         "    except BaseException as error:\n"
         "        quietly(turn.end, error)",
         "    except Exception as error:\n"
         "        quietly(turn.end, error)")],
    "half_is_whole": [
        ("examples/inbound/hook.py",
         '            self.whole = not message.get("more_body", False)',
         "            self.whole = True")],
    "begins_again": [
        ("examples/inbound/hook.py",
         '        more["request"] = request.number\n',
         '        more["request"] = request.number\n'
         '        more["entry"] = {"kind": "workflow", "name": ENTRY}\n')],
    "untold_is_the_last": [
        ("examples/inbound/hook.py",
         '        command("request/finish", {})\n'
         "        raise",
         "        raise")],
}
