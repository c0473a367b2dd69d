"""usage: blog.py FRONT

Makes a site of Debian's WordPress, with a database of MariaDB, in the folder of
FRONT, its index.php. The folder may be copied: no path of its own is in it.
"""
import contextlib
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))


@contextlib.contextmanager
def database(folder):
    """Runs the site's. Nothing but its socket leads to it, and it asks nobody
    for a password."""
    options = {"datadir": "db", "tmpdir": "tmp", "socket": "sock",
               "pid-file": "pid"}
    socket = os.path.join(folder, options["socket"])
    with open(os.path.join(folder, "log"), "wb") as log:
        server = subprocess.Popen(
            ["/usr/sbin/mariadbd", "--no-defaults", "--skip-networking",
             "--skip-grant-tables", "--innodb-log-file-size=4M",
             "--innodb-flush-log-at-trx-commit=0",
             *["--%s=%s" % (name, os.path.join(folder, place))
               for name, place in options.items()],
             *(["--user=root"] if os.geteuid() == 0 else [])],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={k: v for k, v in os.environ.items() if k != "LD_PRELOAD"})
    end = time.monotonic() + 20
    try:
        while not os.path.exists(socket):
            if server.poll() is not None or time.monotonic() > end:
                sys.exit("blog: MariaDB does not start")
            time.sleep(0.02)
        yield
    finally:
        server.terminate()
        server.wait()


def main():
    folder = os.path.dirname(sys.argv[1])
    plugins = os.path.join(folder, "wp-content/mu-plugins")
    for place in (folder + "/db/blog", folder + "/tmp", plugins):
        os.makedirs(place)
    shutil.copy(HERE + "/blog.php", sys.argv[1])
    shutil.copy(HERE + "/blog_ask.php", plugins)
    with database(folder):
        subprocess.run(["php", sys.argv[1]], check=True)
    subprocess.run(["chmod", "-R", "a+rX", folder], check=True)


if __name__ == "__main__":
    main()
