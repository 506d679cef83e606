"""Sends what the command line names, `URL body URL body ...` (an empty body: a GET), and prints a line for each:
status, bytes, their SHA-256, and the text or the error in base64."""
import base64, hashlib, sys


def send_each(send):
    args = sys.argv[1:]
    for url, body in zip(args[::2], args[1::2]):
        digest, count, text, status = hashlib.sha256(), 0, b"", 0
        try:
            given, answer = send(url, body.encode() or None)
            while chunk := answer.read(65536):
                digest.update(chunk)
                count += len(chunk)
                text = text or chunk[:2000]
            status = given
        except Exception as error:
            text = f"{type(error).__name__}: {error}".encode()
        print(status, count, digest.hexdigest(), base64.b64encode(text).decode(), sep="\t", flush=True)
