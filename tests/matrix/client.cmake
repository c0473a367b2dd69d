# usage: cmake -DHOW=UPLOAD|DOWNLOAD -DURL=URL -DCALLS="MODE;FILE;..." -P client.cmake
#
# Its DOWNLOAD asks with GET and takes no body: a part of the path, %s in URL, is
# then what is asked for.
set(failed FALSE)
while(CALLS)
    list(POP_FRONT CALLS mode file)
    set(limit TIMEOUT 20)
    if(mode STREQUAL timeout)
        set(limit TIMEOUT 1)
    endif()
    if(HOW STREQUAL UPLOAD)
        file(UPLOAD ${file} ${URL} STATUS status ${limit}
             HTTPHEADER "Content-Type: application/json")
    else()
        string(REPLACE "%s" ${mode} url ${URL})
        file(DOWNLOAD ${url} answer-${mode} STATUS status ${limit})
    endif()
    message("${mode} ${status}")
    list(GET status 0 code)
    if(code)
        set(failed TRUE)
    endif()
endwhile()
if(failed)
    message(FATAL_ERROR "a call failed")
endif()
