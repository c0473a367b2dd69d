"""Programs under the launcher whose calls do not end by themselves."""
import os
import subprocess

from harness import LAUNCHER


class Hanging:
    """Starts them, each in a session of its own, and ends them."""

    def __init__(self, t, env, stdout=subprocess.DEVNULL):
        self.t, self.env, self.stdout, self.all = t, env, stdout, []
        t.fresh(None)

    def start(self, *argv, launcher=()):
        process = subprocess.Popen(
            [*launcher, LAUNCHER, *argv],
            env=self.t.environment(True, self.env), stdin=subprocess.PIPE,
            stdout=self.stdout, stderr=subprocess.DEVNULL,
            cwd=os.path.join(self.t.dir, "work"), start_new_session=True)
        self.all.append(process)
        return process

    def __enter__(self):
        return self

    def __exit__(self, *what):
        for process in self.all:
            process.kill()
            process.wait()
        for process in self.all:
            process.stdin.close()
            if process.stdout:
                process.stdout.close()
