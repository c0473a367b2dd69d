# usage: tclsh client.tcl INTERFACE URL (MODE FILE)...
package require TclCurl

proc perform_multi {curl} {
    set multi [curl::multiinit]
    # The module counts from what is not initialised, and its getinfo,
    # removehandle and cleanup crash.
    $multi addhandle $curl
    set running [$multi perform]
    while {[$multi perform] == $running} {
        after 10
    }
    return 0
}

proc ask {interface url mode file} {
    set in [open $file]
    set body [read $in]
    close $in
    set answer ""
    set curl [curl::init]
    $curl configure -url $url -post 1 -postfields $body -bodyvar answer \
        -httpheader [list "Content-Type: application/json"]
    if {$mode eq "timeout"} {
        $curl configure -timeoutms 600
    }
    if {$interface eq "multi"} {
        set result [perform_multi $curl]
    } else {
        set result 0
        catch {$curl perform} result
    }
    puts "$mode $result [$curl getinfo responsecode] $answer"
    $curl cleanup
    return [expr {$result != 0}]
}

set failed 0
foreach {mode file} [lrange $argv 2 end] {
    incr failed [ask [lindex $argv 0] [lindex $argv 1] $mode $file]
}
exit $failed
