"""The things that the roots are given: the archive, and two clients in C."""
import glob
import os
import subprocess

from places import HOST, SOURCE

COMPILER = {"x86_64": "gcc", "aarch64": "aarch64-linux-gnu-gcc"}


def archive(machine, archives):
    """The one that scripts/dist made for this processor."""
    found = glob.glob("%s/llmobs-preload-*-linux-%s.tar.gz" % (
        archives, machine))
    if len(found) != 1:
        raise OSError("%d archives for %s in %s" % (len(found), machine,
                                                    archives))
    return found[0]


DATA = ("stdout", "stderr", "stdin")


def wanted_by(path):
    listed = subprocess.run(["nm", "-u", path], stdout=subprocess.PIPE,
                            check=True, text=True).stdout.splitlines()
    return {line.split()[1] for line in listed if line.split()[0] == "U" and
            "_GLOBAL_OFFSET_TABLE_" not in line}


def names_only(compiler, source, folder):
    """The client linked with libraries that hold nothing but the names it asks
    for: those have no version then, and any glibc has them."""
    client = folder + "/client.o"
    subprocess.run([compiler, "-D_GNU_SOURCE", "-O1", "-fPIC",
                    "-I%s/include" % SOURCE, "-I%s/include" % folder, "-c",
                    source, "-o", client], check=True)
    start = subprocess.run([compiler, "-print-file-name=Scrt1.o"], check=True,
                           stdout=subprocess.PIPE, text=True).stdout.strip()
    names = wanted_by(client) | wanted_by(start) - {"main"}
    libraries = []
    for library in ("libc.so.6", "libcurl.so.4"):
        of_curl = library.startswith("libcurl")
        text = "".join(("void *%s;\n" if name in DATA else
                        "int %s(void) { return 0; }\n") % name
                       for name in sorted(names)
                       if name.startswith("curl_") == of_curl)
        libraries.append(folder + "/" + library)
        subprocess.run([compiler, "-w", "-fno-builtin", "-shared", "-nostdlib",
                        "-Wl,-soname," + library, "-xc", "-", "-o",
                        libraries[-1]], input=text, text=True, check=True)
    return [client, "-nodefaultlibs", *libraries]


def client(platform, source, folder):
    """Compiled for that libc and processor."""
    out = "%s/%s/%s" % (folder, platform.name.replace(" ", "-"),
                        os.path.basename(source)[:-2])
    compiler = COMPILER[platform.machine]
    os.makedirs(os.path.dirname(out), exist_ok=True)
    if platform.musl:
        compiler = SOURCE + "/build-musl%s/cc" % (
            "" if platform.machine == HOST else "-arm64")
        what = ["-I%s/include" % SOURCE, source, "-lcurl",
                "-D__rlimit_resource_t=int"] # glibc's name for that
    else:
        what = names_only(compiler, source, folder)
    subprocess.run([compiler, "-D_GNU_SOURCE", "-O1", *what, "-o", out],
                   check=True)
    return out


def clients(platform, folder):
    """The example of the C API, and a program that makes the calls it is told
    to, and lives until its input ends."""
    own = subprocess.run(["gcc", "-print-multiarch"], stdout=subprocess.PIPE,
                         check=True, text=True).stdout.strip()
    os.makedirs(folder + "/include", exist_ok=True)
    if not os.path.lexists(folder + "/include/curl"):
        os.symlink("/usr/include/%s/curl" % own, folder + "/include/curl")
    return [client(platform, SOURCE + source, folder) for source in (
        "/examples/rag.c", "/tests/support/caller.c")]
