"""Runs the arguments on a terminal of their own, presses keys, and prints what was said and the exit code."""
import fcntl, os, pty, select, signal, struct, sys, termios, time

pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])

said = b""


def until(word):
    global said
    end = time.time() + 20
    while word not in said:
        if time.time() > end:
            os.kill(pid, signal.SIGKILL)
            sys.exit("%r was not said: %r" % (word, said))
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                said += os.read(terminal, 65536)
            except OSError:
                sys.exit("%r was not said: %r" % (word, said))


until(b"ready")
os.write(terminal, b"\x03")
until(b"SIGINT")
os.write(terminal, b"\x1c")
until(b"SIGQUIT")
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 44, 0, 0))
until(b"SIGWINCH")
os.kill(pid, signal.SIGTERM)
until(b"SIGTERM")
os.write(terminal, b"a line\n")
until(b"done")
_, status = os.waitpid(pid, 0)
print(said.decode().split("done ")[1].strip(), os.waitstatus_to_exitcode(status))
