"""The rows of the matrix: which client, how it is built and started."""
import itertools
import os
import shutil

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"
OPENSSL, GNUTLS = "libcurl.so.4", "libcurl-gnutls.so.4"
FLAVOUR = {OPENSSL: "OpenSSL", GNUTLS: "GnuTLS"}
OWN, OWN_GNUTLS = "own ssl", "own gnutls"  # TLS of the client's own
INSIDE = "own inside"  # and its library is inside the program
SOCKETS = "sockets"  # plain HTTP of the client's own
PYTHONS = ("http", "urllib", "urllib3", "requests", "httpx", "httpx_async",
           "aiohttp", "tornado")
NPM = "" if shutil.which("npm") else "nodejs npm"  # Node may have its own
NODES = ("20", "22", "26")  # of those that tests/node has from npm
CC = ["gcc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-I" + HERE]
CXX = ["g++", "-std=c++17", "-O1", "-Wall"]
C_NEEDS = "gcc libc6-dev libcurl4-openssl-dev libcurl3-gnutls"

# git and a few others post what is no chat; their user has a rule for it.
HTTP_RULE = '[{"path": "/git/*/git-upload-pack", "dialect": "http"}]'
GET_RULE = ('[{"path": "/git/*/git-upload-pack", "dialect": "http", '
            '"method": "GET"}]')
PUT_RULE = '[{"path": "*/chat/completions", "dialect": "openai_chat", ' \
    '"method": "PUT"}]'


class Row:
    """One client: `argv` is put before the calls, MODE FILE each.

    cut: how the fourth call ends, `timeout` or `abort`.  seen: False for a
    copy of its own, which is left alone.  user: not run as root.  musl: runs
    with musl, too.  cmake: the calls are one argument, before that script.
    discards: libcurl is told to fail at a refusal (FAILONERROR), and does not
    hand on what it says.  tls: the client speaks TLS itself.  unordered: it
    sends its headers in any order.  quiet: a program that asks no model; its
    own requests, of what site.sh makes, take the place of the four calls.
    settings: variables of the observed run.  gateway: of a client without libcurl,
    whether the list of gateways is empty (default), has the server (listed), or
    another (other).  http2: it speaks that.  none: why calls to a listed gateway
    have no trace headers.  only: the calls that it makes, where not all.
    """

    def __init__(self, name, flavour, interface, argv, needs="", cut="timeout",
                 seen=True, user=False, quick=False, musl=False, rules=None,
                 method="POST", path="/v1/chat/completions", cmake=None,
                 discards=False, tls=False, unordered=False, quiet=False,
                 settings=(), gateway=None, http2=False, none=None, only=()):
        self.client = name
        self.flavour = FLAVOUR.get(flavour, flavour)
        self.interface = interface
        self.argv = argv
        self.needs = needs.split()
        self.cut = cut
        self.seen = seen
        self.user = user
        self.quick = quick
        self.musl = musl
        self.rules = rules
        self.method = method
        self.path = path
        self.cmake = cmake
        self.discards = discards
        self.tls = tls
        self.unordered = unordered
        self.quiet = quiet
        self.settings = dict(settings)
        self.gateway = gateway
        self.http2 = http2
        self.none = none
        self.only = only
        self.own = tls or gateway  # without libcurl

    @property
    def name(self):
        return ", ".join(filter(None, (self.client, self.flavour,
                                       self.interface, self.gateway)))


def script(name):
    return os.path.join(HERE, name)


# ---- what is built ----------------------------------------------------------

BUILDS = {}


def build(name, command, after=()):
    """Notes how a program is built; gives the placeholder for its path, @NAME.
    `after` names those that are needed before.  In a command @out is its own
    path, @folder that of all, @postgres PostgreSQL's headers, @libcurl Debian's libcurl, and @embedded what
    links a static one."""
    BUILDS[name] = (command, after)
    return "@" + name


def c_program(name, *flags, source="client.c"):
    return build(name, CC + ["-o", "@out", script(source)] + list(flags))


def linked(name, library, *flags):
    return c_program(name, *flags, "-l:" + library)


def plugin(name, library, *flags):
    return c_program(name, "-shared", "-fPIC", "-DPLUGIN", *flags, *(
        ["-l:" + library] if library else []))


def late(name, library, flags, *more):
    return c_program(name, '-DLATE="%s"' % library, "-DLATE_FLAGS=" + flags,
                     *more, "-ldl")


def tag(library):
    return "gnutls" if library == GNUTLS else "openssl"


# ---- the rows ---------------------------------------------------------------

ROWS = []


def add(*args, **options):
    ROWS.append(Row(*args, **options))


def both(name, flavour, argv, needs, **options):
    """A row for each interface; the client takes its name."""
    for interface in "easy", "multi":
        add(name, flavour, interface, argv + [interface], needs, **options)


def curl_command():
    both("curl(1)", OPENSSL, [script("curl.sh")], "curl", quick=True,
         musl=True)


LINKS = [
    ("C, linked, lazy, PIE", ["-pie", "-fPIE", "-Wl,-z,lazy"], "timeout"),
    ("C, linked, -z now, -fno-plt", ["-fno-plt", "-Wl,-z,now"], "abort"),
    ("C, linked, lazy, not PIE", ["-no-pie", "-fno-pie", "-Wl,-z,lazy"],
     "abort"),
]


def c_linked():
    for number, (name, flags, cut) in enumerate(LINKS):
        for library in OPENSSL, GNUTLS:
            program = linked("linked%d-%s" % (number, tag(library)), library,
                             *flags)
            both(name, library, [program], C_NEEDS, cut=cut, quick=True,
                 musl=library == OPENSSL)


def c_late():
    for library in OPENSSL, GNUTLS:
        for name, flags in (("RTLD_LOCAL", "RTLD_LOCAL"),
                            ("RTLD_DEEPBIND", "RTLD_DEEPBIND")):
            program = late("%s-%s" % (name, tag(library)), library, flags)
            both("C, dlopen and dlsym, " + name, library, [program], C_NEEDS,
                 quick=True, musl=(name, library) == ("RTLD_LOCAL", OPENSSL))


def c_plugins():
    opener = c_program("opener", "-ldl", source="opener.c")
    linked_opener = c_program("opener-linked", "-Wl,--no-as-needed",
                              "-l:" + OPENSSL, "-ldl", source="opener.c")
    first, again = [plugin(name, OPENSSL) for name in ("one.so", "two.so")]
    other = plugin("gnutls.so", GNUTLS)
    deep = plugin("deep.so", None, '-DLATE="%s"' % OPENSSL,
                  "-DLATE_FLAGS=RTLD_LOCAL", "-ldl")
    for name, flavour, argv in (
            ("C, plugin, RTLD_LOCAL", OPENSSL, [opener, "n", first]),
            ("C, plugin, RTLD_LOCAL", GNUTLS, [opener, "n", other]),
            ("C, plugin, lazy, RTLD_DEEPBIND", OPENSSL, [opener, "ld", first]),
            ("C, DEEPBIND plugin that opens libcurl", OPENSSL,
             [opener, "d", deep]),
            ("C, plugin closed and opened again", OPENSSL,
             [opener, "c", first]),
            ("C, plugin loaded twice, by two names", OPENSSL,
             [opener, "lc", first + ":" + again]),
            ("C, late plugin of the other flavour", "both",
             [opener, "l", first + ":" + other]),
            ("C, plugin of the other flavour", "both",
             [linked_opener, "lg", other])):
        both(name, flavour, argv, C_NEEDS, quick="late plugin" in name,
             musl=flavour == OPENSSL and "DEEPBIND" not in name)


def c_odd():
    renamed = "libacme-http.so.1"
    needs = C_NEEDS + " patchelf libcurl4"
    build(renamed, ["patchelf", "--set-soname", renamed, "--output", "@out",
                    "@libcurl"])
    bundled = build("bundled", CC + [
        "-o", "@out", script("client.c"), "@" + renamed,
        "-Wl,-rpath,$ORIGIN"], after=[renamed])
    opened = build("bundled-late", CC + [
        "-o", "@out", script("client.c"), '-DLATE="%s"' % renamed,
        "-DLATE_FLAGS=RTLD_LOCAL", "-ldl", "-Wl,-rpath,$ORIGIN"],
        after=[renamed])
    both("C, bundled " + renamed, OPENSSL, [bundled], needs, musl=True)
    both("C, bundled, dlopen by RUNPATH", OPENSSL, [opened], needs,
         cut="abort", musl=True)
    sdk = "libsdk.so"
    build(sdk, CC + ["-o", "@out", "-shared", "@embedded",
                     "-Wl,-soname," + sdk])
    unversioned = build("unversioned", CC + [
        "-o", "@out", script("client.c"), "@" + sdk, "-Wl,-rpath,$ORIGIN"],
        after=[sdk])
    both("C, bundled " + sdk + ", no versions", OPENSSL, [unversioned],
         C_NEEDS)


def c_static():
    """Copies that nobody else can call are left alone; what is beside them is
    not."""
    static = c_program("static", "@embedded")
    shown, hidden = [c_program(name, *flags, "@embedded", "-ldl",
                               source="opener.c")
                     for name, flags in (("static-shown", ["-rdynamic"]),
                                         ("static-hidden", []))]
    inside, own = [plugin(name, None, "@embedded", *flags)
                   for name, flags in (
                       ("inside.so", ["-Wl,--exclude-libs,ALL"]),
                       ("own.so", []))]
    both("C, a static copy, left alone", "static", [static], C_NEEDS,
         seen=False)
    both("C, a static copy, shown to a plugin", "static",
         [shown, "l", "@one.so"], C_NEEDS, seen=False)
    both("C, plugin beside a static copy", OPENSSL, [hidden, "l", "@one.so"],
         C_NEEDS)
    add("C, plugin with a copy inside", "static", "easy",
        ["@opener", "n", inside, "easy"], C_NEEDS, seen=False)
    add("C, plugin that shows its copy", "static", "multi",
        ["@opener", "n", own, "multi"], C_NEEDS, seen=False)


def private():
    """A copy of libcurl in a directory of the program's own. Its path, not its
    soname, says which one it is."""
    own, place = "private/libcurl.so.4", "@folder/private/libcurl.so.4"
    build(own, ["cp", "@libcurl", "@out"])
    needs = C_NEEDS + " libcurl4"

    def opened(name, flags, *more):
        program = late(name, place, flags, *more)
        BUILDS[name] = (BUILDS[name][0], (own,))
        return program

    # Downloads.jl drives a multi by libuv; Libdl opens LibCURL_jll's copy with
    # these flags (JuliaLang/julia, stdlib/LibCURL_jll and base/libdl.jl).
    julia = opened("julia", "RTLD_LAZY|RTLD_DEEPBIND")
    for interface in "easy", "socket":
        add("C, as Julia: own copy, RTLD_DEEPBIND", OPENSSL, interface,
            [julia, interface], needs, quick=True)
    for name, kind, cut in (("closed and opened again", "CLOSED", "abort"),
                            ("deleted while mapped", "DELETED", "timeout")):
        both("C, own copy, " + name, OPENSSL,
             [opened("private-" + kind, "RTLD_LOCAL", "-DODD=" + kind)], needs,
             cut=cut, quick=kind == "DELETED", musl=True)


    plugin("late.so", None, '-DLATE="%s"' % place, "-DLATE_FLAGS=RTLD_LOCAL",
           "-ldl")
    BUILDS["late.so"] = (BUILDS["late.so"][0], (own,))
    for name, argv in (
            ("beside another of its soname", ["@opener-linked", "l",
                                              "@one.so:@late.so"]),
            ("before a plugin of its soname", ["@opener-linked", "l",
                                               "@late.so:@one.so"]),
            ("that a later plugin gets", ["@opener", "l",
                                          "@late.so:@one.so"])):
        both("C, own copy " + name, OPENSSL, argv, needs, quick=True,
             musl=True)


def foundation():
    library = "libfoundation.so"
    linked(library, OPENSSL, "-shared", "-fPIC", "-DPLUGIN")
    program = build("foundation", CC + [
        "-o", "@out", script("foundation.c"), "@" + library, "-pthread",
        "-Wl,-rpath,$ORIGIN"], after=[library])
    add("C, as Swift's FoundationNetworking", OPENSSL, "socket",
        [program, "socket"], C_NEEDS, cut="abort", quick=True, musl=True)


def odd():
    """Copies that nobody can observe are left alone."""
    for name, kind in (("loaded from memory", "MEMORY"),
                       ("dlmopen", "NAMESPACE")):
        program = late("odd-" + kind, "@libcurl", "RTLD_LOCAL", "-DODD=" + kind)
        both("C, " + name, OPENSSL, [program], C_NEEDS, seen=False,
             musl=kind == "MEMORY")
    program = late("odd-static", OPENSSL, "RTLD_LOCAL", "-static-pie", "-fPIE")
    both("C, static-pie that opens libcurl", "static", [program], C_NEEDS,
         seen=False)


def cplusplus():
    for library in OPENSSL, GNUTLS:
        program = build("cc-" + tag(library), CXX + [
            "-o", "@out", script("client.cc"), "-l:" + library])
        both("C++, linked", library, [program], C_NEEDS + " g++")
    program = build("curlpp", CXX + [
        "-Wno-deprecated-declarations", "-o", "@out", script("curlpp.cc"),
        "-lcurlpp", "-l:" + OPENSSL])
    both("curlpp", OPENSSL, [program], C_NEEDS + " g++ libcurlpp-dev")
    program = build("cpr", CXX + ["-o", "@out", script("cpr.cc"), "-pthread",
                                  "-l:" + OPENSSL])
    for interface, cut in ("easy", "abort"), ("multi", "timeout"), (
            "async", "abort"):
        add("C++, as cpr", OPENSSL, interface, [program, interface],
            C_NEEDS + " g++", cut=cut, quick=True)


def php():
    both("PHP, php-cli", OPENSSL, ["php", script("client.php")],
         "php-cli php-curl", cut="abort", quick=True, musl=True)
    for kind, name, needs in (
            ("cgi", "PHP, php-cgi", "php-cgi php-curl"),
            ("fpm", "PHP, php-fpm", "php-fpm php-curl"),
            ("apache", "PHP, Apache's mod_php",
             "apache2 libapache2-mod-php php-curl")):
        both(name, OPENSSL, [PYTHON, "-B", script("servers.py"), kind], needs,
             user=True)


def sites():
    """Programs of PHP that many hosts serve, by their own HTTP clients."""
    needs = "mediawiki php-sqlite3 php-cli php-curl"
    program = build("wiki/ask", [script("wiki.sh"), "@out"])
    both("MediaWiki, a maintenance script", OPENSSL, [program], needs)
    both("MediaWiki, php-fpm", OPENSSL,
         [PYTHON, "-B", script("servers.py"), "wiki:" + program],
         needs + " php-fpm", user=True)
    front = build("blog/index.php", [PYTHON, "-B", script("blog.py"), "@out"])
    for kind, name, server in (
            ("fpm", "php-fpm", "php-fpm"),
            ("apache", "mod_php", "apache2 libapache2-mod-php")):
        both("WordPress, " + name, OPENSSL,
             [PYTHON, "-B", script("servers.py"), "blog:%s:%s" % (front, kind)],
             "wordpress mariadb-server-core php-mysql php-cli php-curl " +
             server, user=True)


def python():
    both("Python, pycurl", GNUTLS, [PYTHON, "-B", script("pycurl_client.py")],
         "python3-pycurl", cut="abort", quick=True)
    add("Python, tornado on pycurl", GNUTLS, "multi",
        [PYTHON, "-B", script("tornado_client.py"), "multi"],
        "python3-tornado python3-pycurl")
    for library in OPENSSL, GNUTLS:
        both("Python, ctypes", library,
             [PYTHON, "-B", script("ctypes_client.py"), library],
             "libcurl4 libcurl3-gnutls", cut="abort", quick=True)


def languages():
    both("R, curl", OPENSSL, ["Rscript", script("curl.R")], "r-cran-curl")
    add("R, httr", OPENSSL, "multi", ["Rscript", script("httr.R"), "multi"],
        "r-cran-httr")
    both("Perl, WWW::Curl", GNUTLS, ["perl", script("client.pl")],
         "libwww-curl-perl", cut="abort")
    # its mime-types has a warning by itself, in one run of 300
    both("Ruby, typhoeus", OPENSSL, ["ruby", "-W0", script("typhoeus.rb")],
         "ruby-typhoeus libcurl4")
    both("Ruby, curb", GNUTLS, ["ruby", script("curb.rb")], "ruby-curb",
         cut="abort")
    add("Lua, lua-curl", GNUTLS, "easy",
        ["lua5.2", script("client.lua"), "easy"], "lua5.2 lua-curl",
        cut="abort", musl=True)
    both("Tcl, TclCurl", GNUTLS, ["tclsh", script("client.tcl")],
         "tcl tclcurl")
    both("PostgreSQL, PL/Perl with WWW::Curl", GNUTLS,
         [PYTHON, "-B", script("servers.py"), "postgres"],
         "postgresql postgresql-plperl-15 libwww-curl-perl", user=True)


def agents():
    """The calls of people's agents and plugins by the clients above."""
    for interface in "easy", "multi", "stdin":
        add("Emacs, curl as gptel starts it", OPENSSL, interface,
            ["emacs", "--batch", "-Q", "-l", script("gptel.el"), "--",
             interface], "emacs-nox curl")
    both("Neovim, curl as plenary starts it", OPENSSL,
         ["nvim", "--headless", "-u", "NONE", "-i", "NONE", "-n", "-S",
          script("plenary.lua"), "--"], "neovim curl")
    both("Python, curl on a terminal", OPENSSL,
         [PYTHON, "-B", script("pty_client.py")], "curl", quick=True)
    both("PHP, Symfony's HttpClient as Symfony AI", OPENSSL,
         ["php", script("symfony.php")],
         "php-cli php-curl php-symfony-http-client")
    both("PHP, Guzzle by libcurl", OPENSSL, ["php", script("guzzle.php")],
         "php-cli php-curl php-guzzlehttp-guzzle", quick=True)
    both("PHP, Fibers that take turns", OPENSSL,
         ["php", script("fibers.php")], "php-cli php-curl", quick=True)
    both("R, httr2 as ellmer", OPENSSL, ["Rscript", script("httr2.R")],
         "r-cran-httr2")
    add("Zabbix, HttpRequest of a webhook", GNUTLS, "easy",
        [script("zabbix.sh")], "zabbix-proxy-sqlite3")
    add("Liquidsoap, http.post", GNUTLS, "easy",
        ["liquidsoap", script("client.liq"), "--", "easy"], "liquidsoap",
        user=True)
    worker = build("worker.so", CC + [
        "-shared", "-fPIC", "-DPLUGIN", "-isystem", "@postgres", "-o", "@out",
        script("worker.c"), script("client.c"), "-l:" + OPENSSL])
    for interface in "multi", "socket":
        add("PostgreSQL, a worker as pg_net's", OPENSSL, interface,
            [PYTHON, "-B", script("servers.py"), "worker:" + worker,
             interface],
            C_NEEDS + " postgresql postgresql-server-dev-15", cut="abort",
            user=True)


def ocaml():
    needs = C_NEEDS + " libcurl-ocaml-dev ocaml-findlib ocaml-nox"
    for kind, compiler in ("native", "ocamlopt"), ("bytecode", "ocamlc"):
        program = build("ml-" + kind, [
            "ocamlfind", compiler, "-package", "curl", "-linkpkg", "-o",
            "@out", "@copy/client.ml"])
        both("OCaml, " + kind, OPENSSL if kind == "native" else GNUTLS,
             [program], needs, cut="abort")


def tools():
    git_path = "/git/%s/git-upload-pack"
    add("git ls-remote", GNUTLS, "multi", [script("git.sh"), "multi"], "git",
        rules=HTTP_RULE, path="/git/%s")
    add("CMake, file(UPLOAD)", OPENSSL, "easy",
        ["cmake", "-DHOW=UPLOAD"], "cmake", rules=PUT_RULE, method="PUT",
        discards=True,
        cmake=script("client.cmake"))
    add("CMake, file(DOWNLOAD)", OPENSSL, "easy",
        ["cmake", "-DHOW=DOWNLOAD"], "cmake", rules=GET_RULE, method="GET",
        discards=True,
        path=git_path, cmake=script("client.cmake"))
    gst = "gstreamer1.0-tools gstreamer1.0-plugins-bad"
    add("GStreamer, curlhttpsink", GNUTLS, "multi",
        [script("gstreamer.sh"), "sink"], gst)
    add("GStreamer, curlhttpsrc", GNUTLS, "multi",
        [script("gstreamer.sh"), "source"], gst, rules=GET_RULE, method="GET",
        path=git_path)


def own_tls():
    """Clients without libcurl."""
    for library, needs in (("streams", ""),
                           ("guzzle", " php-guzzlehttp-guzzle"),
                           ("symfony", " php-symfony-http-client")):
        add("PHP, " + library, OWN, library,
            ["php", script("own/streams.php"), library], "php-cli" + needs,
            tls=True, quick=True)
    for library in PYTHONS:
        package = {"http": "", "urllib": ""}.get(
            library, " python3-" + library.split("_")[0])
        add("Python", OWN, library,
            [PYTHON, "-B", script("own/client.py"), library],
            "python3" + package, tls=True, quick=library != "tornado")
    add("Ruby", OWN, "http", ["ruby", script("own/client.rb"), "http"], "ruby",
        tls=True, quick=True)
    for library in "lwp", "tiny":
        add("Perl", OWN, library, ["perl", script("own/client.pl"), library],
            "libwww-perl libio-socket-ssl-perl", tls=True, quick=True,
            unordered=library == "tiny")
    add("Lua, lua-sec", OWN, "sec", ["lua5.2", script("own/client.lua"), "sec"],
        "lua5.2 lua-sec", tls=True, quick=True, unordered=True)
    for program in "wget", "wget2":
        add(program, OWN_GNUTLS, "tls", [script("own/wget.sh"), program],
            program, tls=True, quick=program == "wget")
    add("Emacs, url.el", OWN_GNUTLS, "tls",
        ["emacs", "--batch", "-Q", "-l", script("own/client.el"), "--", "tls"],
        "emacs-nox", tls=True)


def node(version):
    """That Node; its packages are beside it."""
    return [build("node" + version, [
        "sh", "-c", 'folder=$("$1/otlp/get" npm "$1/node") && '
        'ln -s "$folder/node_modules/x$2/bin/node" "$3"', "sh",
        os.path.dirname(HERE), version, "@out"]), script("own/client.js")]


def java():
    """It is no interpreter that is known: it has to be asked for."""
    return ["java", "-cp", build("java", [
        "javac", "-d", "@out", script("own/Client.java")]), "Client"]


def gateways():
    """Clients without libcurl: without TLS each three times, as a gateway is listed,
    none is, or another; with it twice, since own_tls() has those without a list."""
    python = [PYTHON, "-B", script("own/client.py")]
    for name, argv, libraries, tls, needs, more in (
            ("Python", python, ("http", "urllib", "requests", "httpx", "httpx_async",
                                "aiohttp"), OWN,
             "python3-requests python3-httpx python3-aiohttp", {}),
            ("Python", python, ("httpx_h2",), OWN,
             "python3-httpx python3-h2 nghttp2-proxy",
             {"http2": True}),
            ("PHP", ["php", script("own/streams.php")], ("streams", "guzzle"), OWN,
             "php-cli php-guzzlehttp-guzzle", {}),
            ("Ruby", ["ruby", script("own/client.rb")], ("http",), OWN, "ruby", {}),
            ("Perl", ["perl", script("own/client.pl")], ("lwp", "tiny"), OWN,
             "libwww-perl libio-socket-ssl-perl", {}),
            ("Lua", ["lua5.2", script("own/client.lua")], ("socket",), None,
             "lua5.2 lua-socket", {}),
            ("wget", [script("own/wget.sh")], ("wget",), OWN_GNUTLS, "wget", {}),
            # Its Host has no port, so over TLS nobody knows which gateway it asks.
            ("wget", [script("own/wget.sh")], ("wget2",), None, "wget2", {}),
            *(("Node " + v, node(v), ("http", "fetch"), INSIDE, NPM, {})
              for v in NODES),
            *(("Node " + v, node(v), ("http2",), INSIDE, NPM + " nghttp2-proxy",
               {"http2": True}) for v in NODES),
            ("Node 22", node("22"), ("openai",), INSIDE, NPM, {}),
            ("Node 22", node("22"), ("anthropic",), INSIDE, NPM,
             {"path": "/v1/messages", "only": ("json", "stream")}),
            ("Java", java(), ("http",), INSIDE, "openjdk-17-jdk-headless",
             {"settings": {"LLMOBS_SOCKETS": "on", "LLMOBS_TLS": "on"}})):
        for library, flavour in itertools.product(libraries, (SOCKETS, tls)):
            for gateway in ("listed", "default", "other") if flavour == SOCKETS \
                    else ("listed", "other") if flavour else ():
                add(name, flavour, library, argv + [library], needs, **more,
                    unordered=library in ("tiny", "socket"), gateway=gateway,
                    tls=flavour != SOCKETS,
                    none="way" if more.get("http2") and flavour == SOCKETS else None,
                    seen=(name, flavour) != ("Java", INSIDE))


def quiet():
    """Programs of everybody's that speak HTTP, and ask no model."""
    # Of apt's name the default sees no TLS; under a filter that kills, none can.
    add("apt", OWN_GNUTLS, "quiet", [script("quiet.sh"), "apt"], "apt",
        tls=True, quiet=True, quick=True, settings={"LLMOBS_TLS": "on"})
    add("apt-filtered", OWN_GNUTLS, "quiet",
        [script("quiet.sh"), "apt-filtered"], "apt", tls=True, quiet=True, quick=True)
    for kind, flavour, needs in (
            ("git", GNUTLS, "git"), ("gdal", "both", "gdal-bin"),
            ("ostree", GNUTLS, "ostree"), ("flatpak", GNUTLS, "flatpak ostree"),
            ("systemd-pull", OPENSSL, "systemd-container"),
            ("systemd-journal-upload", OPENSSL, "systemd-journal-remote")):
        add(kind, flavour, "quiet", [script("quiet.sh"), kind], needs,
            quiet=True, quick=kind == "git")


for group in (curl_command, c_linked, c_late, c_plugins, c_odd, c_static,
              private, foundation, odd, cplusplus, php, sites, python,
              languages, agents, ocaml, tools, own_tls, gateways, quiet):
    group()
