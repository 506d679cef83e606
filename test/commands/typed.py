"""Runs a program on a terminal of its own, and types there.

Arguments: a JSON list of [what to wait for, what to type then] (null: the terminal is closed; "SIGHUP": that signal is sent),
then the program and its arguments. Prints the exit code, a line feed, and what was said.
"""
import json, os, pty, select, signal, sys, time

LIMIT_S = 40
steps = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])

said = ""
seen = 0


def fail(why):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    sys.exit("%s: %r" % (why, said))


def listen(seconds):
    """Whether there may be more to come."""
    global said
    if select.select([terminal], [], [], seconds)[0]:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            return False
        said += chunk.decode(errors="replace")
        return chunk != b""
    return True


end = time.time() + LIMIT_S
for word, answer in steps:
    while word not in said[seen:]:
        if time.time() > end or not listen(0.1):
            fail("%r was not said" % word)
    seen = said.index(word, seen) + len(word)
    if answer is None:
        os.close(terminal)
        terminal = None
    elif answer == "SIGHUP":
        os.kill(pid, signal.SIGHUP)
    else:
        os.write(terminal, answer.encode())

while True:
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        break
    if time.time() > end:
        fail("it did not end")
    if terminal is None:
        time.sleep(0.02)
    else:
        listen(0.05)
while terminal is not None and select.select([terminal], [], [], 0)[0] and listen(0):
    pass
print(os.waitstatus_to_exitcode(status))
print(said)
