(* usage: client INTERFACE URL (MODE FILE)... *)
let read_file name =
  let file = open_in_bin name in
  let text = really_input_string file (in_channel_length file) in
  close_in file;
  text

let perform_multi curl =
  let multi = Curl.Multi.create () in
  Curl.Multi.add multi curl;
  while Curl.Multi.perform multi > 0 do
    ignore (Curl.Multi.wait ~timeout_ms:100 multi)
  done;
  let result =
    match Curl.Multi.remove_finished multi with
    | Some (_, code) -> Curl.int_of_curlCode code
    | None -> -1
  in
  Curl.Multi.cleanup multi;
  result

let perform_easy curl =
  try
    Curl.perform curl;
    0
  with Curl.CurlException (_, code, _) -> code

let ask interface url mode file =
  let answer = Buffer.create 4096 in
  let curl = Curl.init () in
  Curl.set_url curl url;
  Curl.set_httpheader curl [ "Content-Type: application/json" ];
  Curl.set_post curl true;
  Curl.set_postfields curl (read_file file);
  Curl.set_writefunction curl (fun data ->
      if mode = "abort" then 0
      else begin
        Buffer.add_string answer data;
        String.length data
      end);
  if mode = "timeout" then Curl.set_timeoutms curl 600;
  let result =
    if interface = "multi" then perform_multi curl else perform_easy curl
  in
  Printf.printf "%s %d %d %s\n" mode result
    (Curl.get_responsecode curl)
    (Buffer.contents answer);
  Curl.cleanup curl;
  result <> 0

let () =
  let failed = ref 0 in
  let rec each = function
    | mode :: file :: rest ->
        if ask Sys.argv.(1) Sys.argv.(2) mode file then incr failed;
        each rest
    | _ -> ()
  in
  each (List.tl (List.tl (List.tl (Array.to_list Sys.argv))));
  exit !failed
